// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing

@Suite struct JSONReaderTests {
    @Test(arguments: [
        ("null", JSONValue.null), (" true\n", .bool(true)), ("\tfalse\r", .bool(false)), ("0", .integer(0)),
        ("-1", .integer(-1)), ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .decimal("9223372036854775808")), ("-0", .decimal("-0")), ("1.0", .decimal("1.0")),
        ("1e3", .decimal("1e3")), ("1E+3", .decimal("1E+3")), ("0.5e-7", .decimal("0.5e-7")),
        ("-0.0", .decimal("-0.0")),
        ("9007199254740993", .integer(9_007_199_254_740_993)), (#""""#, .string("")), (#""a""#, .string("a")),
        (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")), (#""\u0041\u00e9\u20AC""#, .string("Aé€")),
        (#""\uD83D\uDC33""#, .string("🐳")), (#""\ud83d\udc33x""#, .string("🐳x")), (#""\u0000""#, .string("\0")),
        (#""é€🐳""#, .string("é€🐳")),
        ("\"\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10FFFF}\"", .string("\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10FFFF}")),
        ("\"\u{D7FF}\u{E000}\u{FEFF}\"", .string("\u{D7FF}\u{E000}\u{FEFF}")),
        (#""a\u002fé\n🐳""#, .string("a/é\n🐳")),
        ("[]", .array([])), ("[ ]", .array([])), ("[1,2 , 3]", .array([.integer(1), .integer(2), .integer(3)])),
        ("{}", .object([])), ("{ }", .object([])),
        (#"{"a":{"b":[null]}}"#, .object([.init(key: "a", value: .object([.init(key: "b", value: .array([.null]))]))])),
        (#"{"":0," ":1}"#, .object([.init(key: "", value: .integer(0)), .init(key: " ", value: .integer(1))])),
        (#"{"z":1,"a":2}"#, .object([.init(key: "z", value: .integer(1)), .init(key: "a", value: .integer(2))])),
    ])
    func reads(_ text: String, _ expected: JSONValue) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)) == expected)
    }

    @Test(arguments: [
        "", " ", "nul", "True", "NULL", "nan", "Infinity", "-", "+1", "01", "00", "-01", ".5", "1.", "1.e1",
        "1e", "1e+", "--1", "- 1", "'a'", "\"", "\"a", "\"\\", "\"\\\"", "\"\\x\"", "\"\\u\"", "\"\\u12\"",
        "\"\\u12", "\"\\u00g0\"", "\"\\U0041\"", "\"a\nb\"", "\"a\tb\"", "\"\0\"", "\"\u{1F}\"", "[", "]", "[1", "[1,",
        "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1}", "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}",
        "{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\"::1}", "{\"a\":1;}", "{,}", "{\"a\":}", "{null:1}", "// x\n1", "/**/1",
        "#", "\u{A0}1", "\u{2028}1", "\u{B}1", "\u{C}1", "undefined", "[\"a\":1]", "{\"a\",\"b\"}", "\\u0031",
    ])
    func refusesWhatIsNotJSON(_ text: String) {
        #expect(jsonCode(text.utf8) == .malformed)
    }

    @Test(arguments: [
        "1 2", "{}{}", "[]]", "{}}", "nulll", "{} x", "1\0", "[1]//", "\"a\"\"b\"", "{}\u{FEFF}", "truefalse", "1,",
        "0x1", "1_000",
    ])
    func refusesTrailingBytes(_ text: String) {
        #expect(jsonCode(text.utf8) == .trailingBytes)
    }

    @Test(
        arguments: [
            [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xF0, 0x80, 0x80, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xFE], [0x80], [0xBF], [0xC2], [0xC2, 0x41], [0xE2, 0x82],
            [0xE2, 0x82, 0x41],
            [0xF0, 0x9F, 0x90], [0xF0, 0x9F, 0x90, 0x41], [0xF0, 0x9F, 0x41, 0xB3], [0xE2, 0x28, 0xA1],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80],
        ] as [[UInt8]]
    )
    func refusesInvalidUTF8(_ bytes: [UInt8]) {
        #expect(jsonCode([0x22] + bytes + [0x22]) == .invalidUTF8)
        #expect(jsonCode(Array("\"\\n".utf8) + bytes + [0x22]) == .invalidUTF8)
        #expect(jsonCode(Array("{\"".utf8) + bytes + Array("\":1}".utf8)) == .invalidUTF8)
        #expect(jsonCode([0x22] + bytes) == .invalidUTF8)
    }

    /// Every sequence of up to two bytes, and every scalar's encoding, is judged as the standard library judges it.
    @Test func agreesWithTheStandardLibraryOnUTF8() {
        for first in UInt8(0x80)...0xFF {
            for second in UInt8.min...0xFF where second >= 0x20 && second != 0x22 && second != 0x5C {
                let bytes = [first, second]
                let isValid = String(validating: bytes, as: UTF8.self) != nil
                #expect((jsonCode([0x22] + bytes + [0x22]) == nil) == isValid, "\(bytes)")
            }
        }
        for value in stride(from: UInt32(0x80), through: 0x10FFFF, by: 7) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            #expect(jsonCode([0x22] + Array(String(scalar).utf8) + [0x22]) == nil, "\(value)")
        }
    }

    @Test(arguments: [
        #""\ud800""#, #""\udbff""#, #""\udc00""#, #""\udfff""#, #""\ud800\ud800""#, #""\udc00\ud800""#, #""\ud800x""#,
        #""\ud800\n""#, #""\ud800\u0041""#, #""\ud83d\ue000""#, #""\ud800\""#, #"{"\ud800":1}"#, #""\uD83D\\uDC33""#,
    ])
    func refusesLoneSurrogates(_ text: String) {
        #expect(jsonCode(text.utf8) == .loneSurrogate)
    }

    @Test(arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"a":1,"\u0061":2}"#, #"[{"x":{"":1,"":2}}]"#,
        "{\"\u{E9}\":1,\"e\u{301}\":2}",
    ])
    func refusesDuplicateKeys(_ text: String) {
        #expect(jsonCode(text.utf8) == .duplicateKey)
    }

    @Test func findsDuplicatesAmongManyKeys() {
        for count in [7, 8, 9, 10, 500] {
            let members = (0..<count).map { #""k\#($0)":0"# }
            #expect(jsonCode("{\(members.joined(separator: ","))}".utf8) == nil)
            for repeated in [0, count / 2, count - 1] {
                let text = "{\(members.joined(separator: ",")),\"k\(repeated)\":1}"
                #expect(jsonCode(text.utf8) == .duplicateKey, "\(repeated) of \(count)")
            }
        }
        #expect(jsonCode(#"[{"a":1},{"a":1},{"b":{"a":1},"a":2}]"#.utf8) == nil)
    }

    @Test func refusesByteOrderMarks() {
        #expect(jsonCode([0xEF, 0xBB, 0xBF] + Array("{}".utf8)) == .byteOrderMark)
        #expect(jsonCode([0xFE, 0xFF, 0x00, 0x7B]) == .malformed)
        #expect(jsonCode([0xFF, 0xFE, 0x7B, 0x00]) == .malformed)
    }

    @Test func looksMembersUp() throws {
        let value = try JSONValue(parsing: Array(#"{"a":1,"b":null}"#.utf8))
        #expect(value["a"] == .integer(1))
        #expect(value["b"] == .null)
        #expect(value["c"] == nil)
        #expect(JSONValue.array([])["a"] == nil)
    }

    @Test func saysWhereReadingStopped() {
        do {
            _ = try JSONValue(parsing: Array("[1,x]".utf8))
            Issue.record("the document was accepted")
        } catch {
            #expect(error.offset == 3)
            #expect(error.description.contains("at byte 3"))
        }
    }
}

@Suite struct JSONBombTests {
    private func nested(_ depth: Int, _ open: String, _ close: String, inner: String = "") -> [UInt8] {
        Array((String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)).utf8)
    }

    @Test func boundsDepthExactly() {
        let limit = OCILimits.jsonDepthLimit
        #expect(jsonCode(nested(limit, "[", "]")) == nil)
        #expect(jsonCode(nested(limit + 1, "[", "]")) == .tooDeep)
        #expect(jsonCode(nested(limit, "{\"a\":", "}", inner: "1")) == nil)
        #expect(jsonCode(nested(limit + 1, "{\"a\":", "}", inner: "1")) == .tooDeep)
        #expect(jsonCode(nested(limit / 2, "[{\"a\":", "}]", inner: "1")) == nil)
        #expect(jsonCode("[\(String(repeating: "[],", count: 1_000))[]]".utf8) == nil)
    }

    @Test func boundsNodesExactly() {
        func list(_ nodes: Int) -> [UInt8] {
            Array("[\([String](repeating: "0", count: nodes - 1).joined(separator: ","))]".utf8)
        }
        #expect(jsonCode(list(OCILimits.jsonNodesLimit)) == nil)
        #expect(jsonCode(list(OCILimits.jsonNodesLimit + 1)) == .tooManyNodes)
    }

    @Test func takesItsOwnBounds() {
        func read(_ text: String, depth: Int, nodes: Int) -> JSONError.Code? {
            do {
                _ = try JSONValue(parsing: Array(text.utf8), depthLimit: depth, nodesLimit: nodes)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(read("[1]", depth: 1, nodes: 2) == nil)
        #expect(read("[1]", depth: 0, nodes: 2) == .tooDeep)
        #expect(read("[1]", depth: 1, nodes: 1) == .tooManyNodes)
        #expect(read("1", depth: 0, nodes: 1) == nil)
    }

    /// Each is refused, or read, in time that grows with its bytes: none takes seconds even in a debug build.
    @Test(.timeLimit(.minutes(1)))
    func survivesBombs() {
        let size = OCILimits.manifestBytesLimit
        #expect(jsonCode([UInt8](repeating: UInt8(ascii: "["), count: size)) == .tooDeep)
        #expect(jsonCode(Array(String(repeating: "{\"a\":", count: size / 5).utf8)) == .tooDeep)
        #expect(jsonCode(Array("[\(String(repeating: "[],", count: size / 4))[]]".utf8)) == .tooManyNodes)
        #expect(jsonCode(Array("[\(String(repeating: "1,", count: size / 3))1]".utf8)) == .tooManyNodes)
        #expect(jsonCode([UInt8](repeating: UInt8(ascii: " "), count: size)) == .malformed)
        #expect(jsonCode([UInt8](repeating: UInt8(ascii: "1"), count: size)) == nil)
        #expect(jsonCode([0x22] + [UInt8](repeating: UInt8(ascii: "a"), count: size)) == .malformed)
        #expect(jsonCode(Array("\"\(String(repeating: "\\u0000", count: size / 6))\"".utf8)) == nil)
        let keys = (0..<15_000).map { "\"\($0)\":0" }.joined(separator: ",")
        #expect(jsonCode(Array("{\(keys)}".utf8)) == nil)
    }
}
