// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing

/// Random inputs with fixed seeds: no crash, no hang, and whatever is accepted keeps its promises.
@Suite struct FuzzTests {
    private static func survives<Value: ParsedValue>(_ type: Value.Type, _ text: String) {
        guard let value = try? Value(parsing: text) else { return }
        #expect(value.description == text)
        #expect((try? Value(parsing: value.description)) == value)
    }

    @Test func valuesSurviveRandomTexts() {
        var random = SeededGenerator(seed: 4)
        let alphabet: [Character] = Array("abcdef0123456789:/._-+ABZ%\\\" \n\0é🐳")
        for _ in 0..<20_000 {
            let text =
                Bool.random(using: &random)
                ? random.text(of: alphabet, lengths: 0...80)
                : String(decoding: random.bytes(Int.random(in: 0...40, using: &random)), as: UTF8.self)
            FuzzTests.survives(Digest.self, text)
            FuzzTests.survives(RepositoryName.self, text)
            FuzzTests.survives(Tag.self, text)
            FuzzTests.survives(Reference.self, text)
            FuzzTests.survives(MediaType.self, text)
            #expect(ParsingError.quotable(text).utf8.count <= OCILimits.quotedValueBytesLimit)
        }
    }

    /// One change to a valid digest leaves it valid only if it put a digit where a digit was.
    @Test func digestsSurviveMutation() throws {
        var random = SeededGenerator(seed: 5)
        let original = Array(Sample.sha512.utf8)
        for _ in 0..<20_000 {
            var bytes = original
            let position = Int.random(in: bytes.indices, using: &random)
            bytes[position] = UInt8.random(in: 0...127, using: &random)
            let text = String(decoding: bytes, as: UTF8.self)
            let isDigit = "0123456789abcdef".utf8.contains(bytes[position])
            #expect((Digest(text) != nil) == (bytes == original || (position >= 7 && isDigit)), "\(text)")
        }
    }

    @Test func readerSurvivesRandomBytes() {
        var random = SeededGenerator(seed: 6)
        let alphabet: [Character] = Array(#"{}[]":,0123456789.eE+-\untrfals "#) + ["\"", "é"]
        for _ in 0..<20_000 {
            let bytes =
                Bool.random(using: &random)
                ? random.bytes(Int.random(in: 0...64, using: &random))
                : Array(random.text(of: alphabet, lengths: 0...64).utf8)
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect((try? JSONValue(parsing: FuzzTests.written(value))) == value)
        }
    }

    @Test func readerSurvivesRandomDocuments() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2_000 {
            let value = FuzzTests.document(depth: 4, &random)
            #expect(try JSONValue(parsing: FuzzTests.written(value)) == value)
        }
    }

    @Test func manifestsSurviveMutation() {
        var random = SeededGenerator(seed: 8)
        let seeds = [
            Sample.image(#","annotations":{"a":"b\n\u00e9"},"subject":\#(Sample.descriptor(Sample.imageType))"#),
            Sample.index(#","artifactType":"a/b","x":[1,2.5,null,true]"#),
            Sample.image(#","y":\#(Sample.descriptor(more: #","data":"aGVsbG8=","urls":["a"]"#))"#),
        ].map { Array($0.utf8) }
        var accepted = 0
        for round in 0..<12_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) { FuzzTests.mutate(&bytes, &random) }
            guard let manifest = try? Manifest(parsing: bytes, contentType: nil) else { continue }
            accepted += 1
            #expect(manifest.bytes == bytes)
            #expect(manifest.descriptors.allSatisfy { 0...OCILimits.descriptorSizeLimit ~= $0.size })
            #expect(manifest.kind == .index ? manifest.layers.isEmpty : manifest.manifests.isEmpty)
        }
        #expect(accepted > 100)
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let position = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(Array(#"{}[]":,\09"#.utf8).randomElement(using: &random) ?? 0, at: position)
        case 3: bytes.removeSubrange(position...)
        default:
            let end = min(bytes.count, position + Int.random(in: 1...40, using: &random))
            bytes.insert(contentsOf: bytes[position..<end], at: Int.random(in: bytes.indices, using: &random))
        }
    }

    private static func document(depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth == 0 ? 5 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64(truncatingIfNeeded: random.next()))
        case 3: return .decimal("-1.5e\(Int.random(in: -9...9, using: &random))")
        case 4: return .string(random.text(of: Array("a\"\\\n\u{1}é🐳/"), lengths: 0...6))
        case 5:
            return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in document(depth: depth - 1, &random) })
        default:
            let count = Int.random(in: 0...12, using: &random)
            return .object((0..<count).map { JSONMember(key: "\"\($0)", value: document(depth: depth - 1, &random)) })
        }
    }

    private static func written(_ value: JSONValue) -> [UInt8] {
        var json = JSONWriter()
        write(value, to: &json)
        return json.bytes
    }

    private static func write(_ value: JSONValue, to json: inout JSONWriter) {
        switch value {
        case .null: json.null()
        case .bool(let value): json.bool(value)
        case .integer(let value): json.integer(value)
        case .decimal(let text): json.raw(text)
        case .string(let text): json.string(text)
        case .array(let elements): json.array { json in for element in elements { write(element, to: &json) } }
        case .object(let members):
            json.object { json in
                for member in members {
                    json.key(member.key)
                    write(member.value, to: &json)
                }
            }
        }
    }
}
