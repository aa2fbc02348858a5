// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing
import Transparency

@Suite("Trusted logs")
struct TrustedLogsTests {
    private static func vkey(_ number: UInt8) throws -> NoteVerifier { try Samples.cosigner(number).verifier }

    /// Two groups, as in the example of the specification.
    private static func policy(quorum: String = "both") throws -> String {
        """
        # Who is trusted

        log \(try Samples.signer().verifier) https://example.com/log/
        \t  witness x1 \(try vkey(1))
        witness x2\t\(try vkey(2))  https://x2.example/
        witness x3 \(try vkey(3))
        witness y1 \(try vkey(4))
        witness y2 \(try vkey(5))
        group xs 2 x1 x2 x3
        group ys any y1 y2
        group both all xs ys
        quorum \(quorum)

        """
    }

    private func note(witnesses: [UInt8], signer: NoteSigner? = nil) throws -> SignedNote {
        let signer = try signer ?? Samples.signer()
        let note = try signer.note(Samples.checkpoint(SampleLog(5), 5))
        return try note.adding(witnesses.map { try Samples.cosigner($0).cosignature(of: note, at: 1_000 + Int64($0)) })
    }

    @Test("are read with their witnesses")
    func reads() throws {
        let policy = try TrustedLogs(parsing: Self.policy())
        #expect(policy.logs.map(\.url) == ["https://example.com/log/"])
        #expect(policy.witnesses.map(\.name) == ["x1", "x2", "x3", "y1", "y2"])
        #expect(policy.witnesses.map(\.url) == [nil, "https://x2.example/", nil, nil, nil])
    }

    @Test(
        "need a quorum",
        arguments: [
            ("both", [1, 2, 4], true), ("both", [1, 3, 5], true), ("both", [5, 4, 3, 2, 1], true),
            ("both", [1, 2, 3], false),
            ("both", [1, 4, 5], false), ("both", [], false), ("both", [9, 8], false), ("xs", [2, 3], true),
            ("xs", [3, 4, 5], false),
            ("ys", [5], true), ("ys", [1], false), ("x1", [1], true), ("x1", [2, 3, 4, 5], false), ("none", [], true),
            ("none", [3], true),
        ] as [(String, [UInt8], Bool)]
    )
    func quorum(name: String, witnesses: [UInt8], isEnough: Bool) throws {
        let policy = try TrustedLogs(parsing: Self.policy(quorum: name))
        let note = try note(witnesses: witnesses)
        guard isEnough else {
            #expect(code { try policy.verdict(on: note) } == .untrusted)
            return
        }
        let verdict = try policy.verdict(on: note)
        #expect(verdict.log == (try Samples.signer().verifier))
        #expect(verdict.checkpoint.size == 5)
        #expect(verdict.cosignatures.map(\.timestamp) == witnesses.map { 1_000 + Int64($0) })
    }

    @Test("count a witness once, and only for what it signed")
    func witnessing() throws {
        let policy = try TrustedLogs(parsing: Self.policy(quorum: "xs"))
        let note = try note(witnesses: [1])
        let twice = try note.adding([Samples.cosigner(1).cosignature(of: note, at: 7)])
        #expect(twice.signatures.count == 3)
        #expect(code { try policy.verdict(on: twice) } == .untrusted)
        let elsewhere = try Samples.signer().note(Samples.checkpoint(SampleLog(6), 6))
        let moved = try note.adding([Samples.cosigner(2).cosignature(of: elsewhere, at: 7)])
        #expect(code { try policy.verdict(on: moved) } == .badSignature)
    }

    @Test("need the log's own signature")
    func logs() throws {
        let policy = try TrustedLogs(parsing: Self.policy(quorum: "ys"))
        let stranger = try Samples.signer("example.com/log", 2)
        #expect(code { try policy.verdict(on: note(witnesses: [4], signer: stranger)) } == .untrusted)
        let other = try Samples.signer("example.com/log2", 2)
        let foreign = try other.note(Samples.checkpoint(SampleLog(5), 5, "example.com/log2"))
        let cosigned = try foreign.adding([Samples.cosigner(4).cosignature(of: foreign, at: 7)])
        #expect(code { try policy.verdict(on: cosigned) } == .untrusted)
        #expect(try policy.verdict(on: cosigned, log: other.verifier).log == other.verifier)
        // A trusted log speaks for itself alone.
        let impostor = try Samples.signer().note(Samples.checkpoint(SampleLog(5), 5, "example.com/log2"))
        let witnessed = try impostor.adding([Samples.cosigner(4).cosignature(of: impostor, at: 7)])
        #expect(code { try policy.verdict(on: witnessed) } == .untrusted)
        #expect(code { try policy.verdict(on: witnessed, log: other.verifier) } == .untrusted)
        let plain = try SignedNote(text: "a\n", signatures: [Samples.signer().signature(of: "a\n")])
        #expect(code { try policy.verdict(on: plain) } == .invalidCheckpoint)
    }

    @Test("verify a proof file")
    func proof() throws {
        let log = SampleLog(5)
        let hashes = try log.reader(5).inclusionProof(of: 2).hashes
        let proof = try TransparencyProof(index: 2, hashes: hashes, note: note(witnesses: [4]))
        let policy = try TrustedLogs(parsing: Self.policy(quorum: "ys"))
        #expect(try proof.verify(leafHash: log.leaves[2], policy: policy).cosignatures.count == 1)
        #expect(code { try proof.verify(leafHash: log.leaves[3], policy: policy) } == .invalidProof)
        let strict = try TrustedLogs(parsing: Self.policy())
        #expect(code { try proof.verify(leafHash: log.leaves[2], policy: strict) } == .untrusted)
    }

    @Test("have no other form")
    func refusals() throws {
        let (log, a, b) = (try Samples.signer().verifier, try Self.vkey(1), try Self.vkey(2))
        let witness = "witness a \(a)\n"
        for text in [
            "", "\n", "log \(log)\n", "quorum none", "quorum none\nquorum none\n", "quorum\n", "quorum a b\n",
            "quorum a\n",
            "quorum a\n\(witness)", "log\nquorum none\n", "log \(a)\nquorum none\n", "log \(log) x y\nquorum none\n",
            "log \(log)\nlog \(log)\nquorum none\n", "witness a\nquorum none\n", "witness a \(log)\nquorum none\n",
            "witness none \(a)\nquorum none\n", "\(witness)witness a \(b)\nquorum none\n",
            "\(witness)witness b \(a)\nquorum none\n",
            "\(witness)group g any\nquorum none\n", "\(witness)group g any b\nquorum none\n",
            "\(witness)group g some a\nquorum none\n",
            "\(witness)group g 0 a\nquorum none\n", "\(witness)group g 2 a\nquorum none\n",
            "\(witness)group g 01 a\nquorum none\n",
            "\(witness)group g any a a\nquorum none\n", "\(witness)group a any a\nquorum none\n",
            "group g any g\nquorum none\n",
            "\(witness)group none any a\nquorum none\n", "\(witness)group g any none\nquorum none\n",
            "\(witness)group g any a\ngroup h any a\nquorum none\n", "quorum none\r\n", "quorum none\n\u{7f}\n",
            "Log \(log)\nquorum none\n",
            "logs\nquorum none\n",
        ] {
            #expect(code { try TrustedLogs(parsing: text) } == .invalidPolicy, "\(text)")
        }
        let error = #expect(throws: TransparencyError.self) { try TrustedLogs(parsing: "quorum none\n\nlog\n") }
        #expect(error?.reason.hasPrefix("line 3: ") == true)
        let large = String(repeating: "#", count: 70_000) + "\nquorum none\n"
        #expect(code { try TrustedLogs(parsing: large) } == .invalidPolicy)
        // Names are bytes: what is not UTF-8 is a name too, and the Kelvin sign is not a K.
        #expect(try TrustedLogs(parsing: "witness K \(a)\nwitness \u{212a} \(b)\nquorum K\n").witnesses.count == 2)
        let raw = Array("witness ".utf8) + [0xff] + Array(" \(a)\nquorum ".utf8) + [0xff, 0x0a]
        #expect(try TrustedLogs(parsing: raw).witnesses.count == 1)
    }
}
