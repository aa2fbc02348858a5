// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing
import Transparency

@Suite("Proof files")
struct TransparencyProofTests {
    private func sample(_ size: Int, _ index: Int, extra: [UInt8]? = nil) throws -> (TransparencyProof, TreeHash) {
        let log = SampleLog(size)
        let note = try Samples.signer().note(Samples.checkpoint(log, size))
        let hashes = try log.reader(size).inclusionProof(of: Int64(index)).hashes
        return (try TransparencyProof(extra: extra, index: Int64(index), hashes: hashes, note: note), log.leaves[index])
    }

    @Test("write and read themselves, and verify", arguments: [(1, 0), (2, 1), (7, 3), (300, 299)])
    func forms(size: Int, index: Int) throws {
        let log = try Samples.signer().verifier
        for extra in [nil, [], Array("entry".utf8)] {
            let (proof, leaf) = try sample(size, index, extra: extra)
            #expect(try TransparencyProof(parsing: proof.description) == proof)
            let checkpoint = try proof.verify(leafHash: leaf, log: log)
            #expect(checkpoint.size == Int64(size))
            #expect(code { try proof.verify(leafHash: MerkleTree.leafHash([9]), log: log) } == .invalidProof)
            #expect(code { try proof.verify(leafHash: leaf, log: Samples.signer("other", 1).verifier) } == .untrusted)
            #expect(
                code { try proof.verify(leafHash: leaf, log: Samples.signer("example.com/log", 4).verifier) }
                    == .untrusted
            )
        }
    }

    @Test("are text of the published form")
    func text() throws {
        let (proof, _) = try sample(2, 1, extra: [1, 2, 3])
        let lines = proof.description.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0] == "c2sp.org/tlog-proof@v1")
        #expect(lines[1] == "extra AQID")
        #expect(lines[2] == "index 1")
        #expect(lines[3].utf8.count == 44)
        #expect(lines[4] == "")
        #expect(lines[5] == "example.com/log")
    }

    @Test("are refused with any bit flipped outside of extra")
    func flips() throws {
        let log = try Samples.signer().verifier
        let (proof, leaf) = try sample(7, 3)
        let bytes = Array(proof.description.utf8)
        for bit in 0..<(bytes.count * 8) {
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(
                code { try TransparencyProof(parsing: changed).verify(leafHash: leaf, log: log) } != nil,
                "bit \(bit)"
            )
        }
        for count in 0..<bytes.count {
            #expect(code { try TransparencyProof(parsing: Array(bytes.prefix(count))) } != nil, "\(count) bytes")
        }
    }

    @Test("have no other form")
    func refusals() throws {
        let (proof, _) = try sample(2, 1)
        let text = proof.description
        let hash = "\(proof.inclusion.hashes[0])\n"
        for (old, new) in [
            ("@v1", "@v2"), ("index 1", "index 01"), ("index 1", "index  1"), ("index 1", "Index 1"),
            ("index 1", "index -1"),
            ("index 1\n", ""), ("index 1\n", "extra \nextra \nindex 1\n"), ("index 1\n", "extra A\nindex 1\n"),
            ("index 1\n", "index 1\nextra AAAA\n"), (hash, hash + "x\n"), (hash + "\n", hash),
            (hash, String(repeating: hash, count: 64)), ("c2sp", "\nc2sp"), ("index 1", "index \u{301}1"),
        ] {
            #expect(code { try TransparencyProof(parsing: text.replacing(old, with: new)) } == .invalidProof, "\(new)")
        }
        #expect(code { try TransparencyProof(parsing: text.replacing("index 1", with: "index 2")) } == .outOfRange)
        // A line that is not UTF-8 is not passed over.
        let garbled = Array(text.utf8).split(separator: UInt8(ascii: "\n"), maxSplits: 1)
        let bytes = garbled[0] + Array("\nextra AAAA".utf8) + [0xff, 0x0a] + garbled[1]
        #expect(code { try TransparencyProof(parsing: Array(bytes)) } == .invalidProof)
        let large = [UInt8](repeating: 0, count: 200_000)
        #expect(
            code { try TransparencyProof(extra: large, index: 1, hashes: proof.inclusion.hashes, note: proof.note) }
                == .invalidProof
        )
        #expect(code { try TransparencyProof(parsing: large) } == .invalidProof)
        let entry = [UInt8](repeating: 7, count: TransparencyLimits.entryBytesLimit)
        let whole = try TransparencyProof(extra: entry, index: 1, hashes: proof.inclusion.hashes, note: proof.note)
        #expect(try TransparencyProof(parsing: whole.description).extra == entry)
    }
}

@Suite("Requests to a witness")
struct AddCheckpointRequestTests {
    @Test("write and read themselves, and prove consistency")
    func forms() throws {
        let log = SampleLog(20)
        let note = try Samples.signer().note(Samples.checkpoint(log, 20))
        for old in [0, 1, 8, 13, 20] {
            let hashes = try log.reader(20).consistencyProof(from: Int64(old)).hashes
            let request = try AddCheckpointRequest(oldSize: Int64(old), hashes: hashes, note: note)
            #expect(try AddCheckpointRequest(parsing: Array(request.description.utf8)) == request)
            let oldRoot = MerkleTree.root(of: log.leaves.prefix(old))
            #expect(try request.consistency().isValid(oldRoot: oldRoot, newRoot: request.checkpoint.root))
        }
        let late = try AddCheckpointRequest(oldSize: 21, hashes: [], note: note)
        #expect(code { try late.consistency() } == .outOfRange)
    }

    @Test("have no other form")
    func refusals() throws {
        let note = try Samples.signer().note(Samples.checkpoint(SampleLog(20), 20))
        let hash = "\(MerkleTree.emptyRoot)\n"
        #expect(
            try AddCheckpointRequest(parsing: Array("old 5\n\(String(repeating: hash, count: 63))\n\(note)".utf8))
                .hashes.count == 63
        )
        for text in [
            "", "old 5\n", "old 5\n\n", "old 05\n\n\(note)", "old\n\n\(note)", "old 5\n\(note)", "old -5\n\n\(note)",
            "new 5\n\n\(note)",
            "old 5\n\(hash)\(note)", "old 5\nx\n\n\(note)", "old 5\n\(String(repeating: hash, count: 64))\n\(note)",
            "old 5\n\n\(note)x",
            "old 5\n\n\n\(note)",
        ] {
            #expect(code { try AddCheckpointRequest(parsing: Array(text.utf8)) } != nil, "\(text)")
        }
    }
}

@Suite("Garbage")
struct GarbageTests {
    /// Changes a valid text at a few random places, as a hostile sender would.
    private static func mangle(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes.insert(contentsOf: generator.bytes(Int.random(in: 1...8, using: &generator)), at: place)
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &generator)))
            case 2: bytes.insert(UInt8(ascii: "\n"), at: place)
            case 3: bytes.insert(contentsOf: bytes.prefix(place), at: place)
            default: if place < bytes.count { bytes[place] = .random(in: 0...255, using: &generator) }
            }
        }
        return bytes
    }

    @Test("is refused by every reader, or means what it is written as", arguments: UInt64(0)..<8)
    func readers(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let log = SampleLog(7)
        let note = try Samples.signer().note(Samples.checkpoint(log, 7))
        let hashes = try log.reader(7).inclusionProof(of: 3).hashes
        let proof = try TransparencyProof(extra: [1], index: 3, hashes: hashes, note: note)
        let request = try AddCheckpointRequest(
            oldSize: 3,
            hashes: log.reader(7).consistencyProof(from: 3).hashes,
            note: note
        )
        let vkey = try Samples.signer().verifier
        let bundle = try EntryBundle.bytes(of: [[1], [2, 3], []])
        let policy = "log \(vkey)\nwitness a \(try Samples.cosigner(1).verifier)\ngroup g any a\nquorum g\n"
        let path = "tile/0/x001/x234/067.p/5"
        for _ in 0..<300 {
            let noteBytes = Self.mangle(note.bytes, &generator)
            if let read = try? SignedNote(parsing: noteBytes) { #expect(read.bytes == noteBytes) }
            let textBytes = Self.mangle(note.textBytes, &generator)
            if let text = String(validating: textBytes, as: UTF8.self), let read = try? Checkpoint(parsing: text) {
                #expect(Array(read.description.utf8) == textBytes)
            }
            let proofBytes = Self.mangle(Array(proof.description.utf8), &generator)
            if let read = try? TransparencyProof(parsing: proofBytes) {
                #expect(Array(read.description.utf8) == proofBytes)
            }
            let requestBytes = Self.mangle(Array(request.description.utf8), &generator)
            if let read = try? AddCheckpointRequest(parsing: requestBytes) {
                #expect(Array(read.description.utf8) == requestBytes)
            }
            let key = String(decoding: Self.mangle(Array(vkey.description.utf8), &generator), as: UTF8.self)
            if let read = try? NoteVerifier(parsing: key) { #expect(read.description.utf8.elementsEqual(key.utf8)) }
            let bundleBytes = Self.mangle(bundle, &generator)
            if let read = try? EntryBundle.entries(from: bundleBytes, width: 3) {
                #expect(try EntryBundle.bytes(of: read) == bundleBytes)
            }
            let tile = String(decoding: Self.mangle(Array(path.utf8), &generator), as: UTF8.self)
            if let read = try? TilePath(parsing: tile) { #expect(read.description == tile) }
            _ = try? TrustedLogs(parsing: Self.mangle(Array(policy.utf8), &generator))
            let noise = generator.bytes(Int.random(in: 0...200, using: &generator))
            #expect(code { try SignedNote(parsing: noise) } != nil)
            #expect(code { try TransparencyProof(parsing: noise) } != nil)
            #expect(code { try AddCheckpointRequest(parsing: noise) } != nil)
            #expect(code { try TrustedLogs(parsing: noise) } != nil)
        }
    }
}
