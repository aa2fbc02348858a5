// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Transparency

@Suite("Signed notes")
struct SignedNoteTests {
    /// The example of the signed-note specification's reference implementation.
    static let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    static let example = """
        This is an example message.

        \u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ER\
        YNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

        """

    @Test("are verified as published")
    func published() throws {
        let verifier = try NoteVerifier(parsing: Self.vkey)
        #expect(verifier.description == Self.vkey)
        #expect(verifier.keyIDText == "530d903a")
        #expect(verifier.kind == .ed25519)
        let note = try SignedNote(parsing: Self.example)
        #expect(note.text == "This is an example message.\n")
        #expect(note.description == Self.example)
        let accepted = try note.accepted(by: [verifier])
        #expect(accepted.map(\.verifier) == [verifier])
        #expect(accepted.map(\.timestamp) == [nil])
    }

    @Test("are refused with any bit flipped")
    func flips() throws {
        let verifier = try NoteVerifier(parsing: Self.vkey)
        let bytes = Array(Self.example.utf8)
        for bit in 0..<(bytes.count * 8) {
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            let refused = code { try SignedNote(parsing: changed).accepted(by: [verifier]) } != nil
            #expect(refused, "bit \(bit)")
        }
        for count in 0..<bytes.count {
            let cut = Array(bytes.prefix(count))
            #expect(code { try SignedNote(parsing: cut).accepted(by: [verifier]) } != nil, "\(count) bytes")
        }
        #expect(code { try SignedNote(parsing: bytes + bytes).accepted(by: [verifier]) } != nil)
    }

    @Test("ignore unknown keys, and refuse a known one that did not sign")
    func keys() throws {
        let (one, two) = (try Samples.signer("one", 1), try Samples.signer("two", 2))
        let stranger = try Samples.signer("one", 3)
        let text = "a\n\nb\n"
        let note = try SignedNote(
            text: text,
            signatures: [stranger.signature(of: "other\n"), two.signature(of: text), one.signature(of: text)]
        )
        #expect(try SignedNote(parsing: note.description) == note)
        #expect(try note.accepted(by: [one.verifier, two.verifier]).map(\.verifier) == [two.verifier, one.verifier])
        #expect(code { try note.accepted(by: []) } == .untrusted)
        #expect(code { try note.accepted(by: [Samples.signer("one", 9).verifier]) } == .untrusted)
        // One key under another name is another key.
        #expect(code { try note.accepted(by: [Samples.signer("uno", 1).verifier]) } == .untrusted)
        #expect(code { try note.accepted(by: [one.verifier, stranger.verifier]) } == .badSignature)
        let wrong = try SignedNote(text: text, signatures: [one.signature(of: text), two.signature(of: "a\n")])
        #expect(code { try wrong.accepted(by: [one.verifier, two.verifier]) } == .badSignature)
        #expect(try wrong.accepted(by: [one.verifier]).count == 1)
    }

    @Test("have up to 64 signatures and 64 KiB")
    func bounds() throws {
        let signer = try Samples.signer()
        let (text, signature) = ("text\n", try signer.signature(of: "text\n"))
        for count in [1, 16, 64] {
            let note = try SignedNote(text: text, signatures: .init(repeating: signature, count: count))
            #expect(try note.accepted(by: [signer.verifier]).count == count)
        }
        #expect(code { try SignedNote(text: text, signatures: .init(repeating: signature, count: 65)) } == .invalidNote)
        #expect(code { try SignedNote(text: text, signatures: []) } == .invalidNote)
        let long = String(repeating: "x", count: 65_535) + "\n"
        #expect(code { try SignedNote(text: long, signatures: [signature]) } == .invalidNote)
        #expect(try SignedNote(text: text, signatures: [signature]).adding([signature]).signatures.count == 1)
    }

    @Test(
        "have no other form",
        arguments: [
            "", "\n", "\n\n", "a\n", "a\n\n", "a\n\n\n", "a\n\u{2014} k AAAAAAA=\n", "a\n\n\u{2014} k AAAAAAA=",
            "a\n\n\u{2014} k AAAAAAA=\n\n",
            "a\n\n- k AAAAAAA=\n", "a\n\n\u{2014}k AAAAAAA=\n", "a\n\n\u{2014} k  AAAAAAA=\n",
            "a\n\n\u{2014} k AAAAAAA= \n",
            "a\n\n\u{2014}  AAAAAAA=\n", "a\n\n\u{2014} k+l AAAAAAA=\n", "a\n\n\u{2014} k\u{a0}l AAAAAAA=\n",
            "a\n\n\u{2014} k AAAAAA==\n",
            "a\n\n\u{2014} k AAAA\n", "a\n\n\u{2014} k AAAAAAB=\n", "a\n\n\u{2014} k AAAAAAA\n",
            "a\t\n\n\u{2014} k AAAAAAA=\n",
            "a\r\n\n\u{2014} k AAAAAAA=\n", "a\0\n\n\u{2014} k AAAAAAA=\n", "a\n\n\u{2014} k\u{2003} AAAAAAA=\n",
            "a\n\nb\n", "a\n\n\u{2014} k \u{301}AAAAAAA=\n",
        ]
    )
    func refusals(text: String) {
        #expect(code { try SignedNote(parsing: text) } == .invalidNote)
    }

    @Test("are UTF-8 and compared byte by byte")
    func bytes() throws {
        #expect(try SignedNote(parsing: "\u{e9}\n\n\u{2014} k AAAAAAA=\n").text.utf8.count == 3)
        #expect(code { try SignedNote(parsing: [0xe9] + Array("\n\n\u{2014} k AAAAAAA=\n".utf8)) } == .invalidNote)
        let (composed, decomposed) = ("k\u{e9}", "ke\u{301}")
        #expect(composed == decomposed)
        #expect(try KeyName(parsing: composed) != KeyName(parsing: decomposed))
        #expect(try NoteLine(parsing: composed) != NoteLine(parsing: decomposed))
        let signer = try Samples.signer(composed)
        let note = try SignedNote(text: "a\n", signatures: [signer.signature(of: "a\n")])
        #expect(code { try note.accepted(by: [Samples.signer(decomposed).verifier]) } == .untrusted)
    }

    @Test("are verified with keys that are what they say")
    func vkeys() throws {
        let parts = Self.vkey.split(separator: "+", maxSplits: 2).map(String.init)
        for text in [
            "", "a", "a+b", parts[0] + "+" + parts[1], Self.vkey + "=", "x" + Self.vkey,
            Self.vkey.replacing("530d", with: "530D"),
            Self.vkey.replacing("530d", with: "530e"), "+" + parts[1] + "+" + parts[2], " " + Self.vkey,
            "example.com/foo+530d903a+AOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "k+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            #expect(code { try NoteVerifier(parsing: text) } == .invalidKey, "\(text)")
        }
        for number in UInt8(1)...40 {
            let verifier = try Samples.signer("k\(number)", number).verifier
            #expect(try NoteVerifier(parsing: verifier.description) == verifier)
            let cosigner = try Samples.cosigner(number).verifier
            #expect(try NoteVerifier(parsing: cosigner.description) == cosigner)
        }
        for name in ["", "a b", "a+b", "a\nb", "a\u{3000}b", String(repeating: "a", count: 1_025)] {
            #expect(code { try KeyName(parsing: name) } == .invalidKey)
        }
    }
}

@Suite("Checkpoints")
struct CheckpointTests {
    @Test("write and read themselves")
    func forms() throws {
        let text = "example.com/log\n3\naeC2vP4nS3ChT7BnpeVXgmTbD6m1GvXguhWRWPMp4Hc=\nmore\n"
        let root = try #require(TreeHash(hex: "69e0b6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e077"))
        let checkpoint = try Checkpoint(
            origin: NoteLine(parsing: "example.com/log"),
            size: 3,
            root: root,
            extensions: [NoteLine(parsing: "more")]
        )
        #expect(checkpoint.description == text)
        #expect(try Checkpoint(parsing: text) == checkpoint)
        let empty = try Checkpoint(
            origin: NoteLine(parsing: "Go.sum database tree"),
            size: 0,
            root: MerkleTree.emptyRoot
        )
        #expect(try Checkpoint(parsing: empty.description) == empty)
        #expect(code { try Checkpoint(origin: NoteLine(parsing: "a"), size: 0, root: root) } == .outOfRange)
        #expect(code { try Checkpoint(origin: NoteLine(parsing: "a"), size: -1, root: root) } == .outOfRange)
    }

    static let root = "aeC2vP4nS3ChT7BnpeVXgmTbD6m1GvXguhWRWPMp4Hc="

    @Test(
        "have no other form",
        arguments: [
            "", "a", "a\n", "a\n3\n", "a\n3\n\(root)", "\n3\n\(root)\n", "a\n03\n\(root)\n", "a\n+3\n\(root)\n",
            "a\n-3\n\(root)\n",
            "a\n\n\(root)\n", "a\n3 \n\(root)\n", "a\n9223372036854775808\n\(root)\n", "a\n3\n\(root)=\n", "a\n3\n\n",
            "a\n3\n\(root)\n\n",
            "a\n3\n\(root)\nb", "a\n3\n\(root)\nb\n\nc\n", "a\n0\n\(root)\n", "a\t\n3\n\(root)\n",
            "a\n\u{663}\n\(root)\n",
        ]
    )
    func refusals(text: String) {
        #expect(code { try Checkpoint(parsing: text) } == .invalidCheckpoint)
    }

    @Test("are those of the log that signed them")
    func signed() throws {
        let log = SampleLog(5)
        let signer = try Samples.signer()
        let checkpoint = try Samples.checkpoint(log, 5)
        let note = try signer.note(checkpoint)
        #expect(try Checkpoint(note, signedBy: signer.verifier) == checkpoint)
        #expect(code { try Checkpoint(note, signedBy: Samples.signer("example.com/log", 2).verifier) } == .untrusted)
        // Signed by the key, but about another log.
        let foreign = try signer.note(Samples.checkpoint(log, 5, "example.com/other"))
        #expect(code { try Checkpoint(foreign, signedBy: signer.verifier) } == .untrusted)
        let cosigner = try Cosigner(name: KeyName(parsing: "example.com/log"), key: Samples.key(1))
        let cosigned = try note.adding([cosigner.cosignature(of: note, at: 5)])
        #expect(code { try Checkpoint(cosigned, signedBy: cosigner.verifier) } == .untrusted)
    }

    @Test("are cosigned with a time")
    func cosigned() throws {
        let note = try Samples.signer().note(Samples.checkpoint(SampleLog(5), 5))
        let cosigner = try Samples.cosigner(1)
        let signature = try cosigner.cosignature(of: note, at: 1_679_315_147)
        let cosignature = try #require(Cosignature(bytes: signature.signature))
        #expect(cosignature.timestamp == 1_679_315_147)
        #expect(cosignature.bytes == signature.signature)
        let message = Array("cosignature/v1\ntime 1679315147\n\(note.text)".utf8)
        #expect(cosignature.message(for: note.textBytes) == message)
        #expect(cosigner.verifier.key.isValid(signature: Array(signature.signature.suffix(64)), for: message))
        let cosigned = try note.adding([signature])
        let accepted = try cosigned.accepted(by: [cosigner.verifier])
        #expect(accepted.map(\.verifier) == [cosigner.verifier])
        #expect(accepted.map(\.timestamp) == [1_679_315_147])
        #expect(try NoteSignature.lines(from: Array("\(signature)\n".utf8)) == [signature])
        // The time is signed as well.
        let other = try cosigner.cosignature(of: note, at: 1_679_315_148)
        #expect(other.signature != signature.signature)
        for byte in 0..<72 {
            var lines = "\(signature)"
            var bytes = signature.signature
            bytes[byte] ^= 1
            let id = (0..<4).map { UInt8(truncatingIfNeeded: signature.keyID >> (24 - 8 * $0)) }
            lines = "\u{2014} \(signature.name) \(Base64.encode(id + bytes))"
            let forged = try note.adding([NoteSignature(parsing: lines)])
            #expect(code { try forged.accepted(by: [cosigner.verifier]) } == .badSignature, "byte \(byte)")
        }
        #expect(Cosignature(bytes: [0x80] + signature.signature.dropFirst()) == nil)
        #expect(Cosignature(bytes: signature.signature + [0]) == nil)
        #expect(code { try cosigner.cosignature(of: note, at: -1) } == .outOfRange)
        let plain = try SignedNote(text: "no checkpoint\n", signatures: note.signatures)
        #expect(code { try cosigner.cosignature(of: plain, at: 1) } == .invalidCheckpoint)
        #expect(code { try NoteSignature.lines(from: []) } == .invalidNote)
    }

    @Test("of the specification's example are read")
    func specification() throws {
        let text = """
            example.com/behind-the-sofa
            20852163
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

            \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOo\
            RDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
            \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXE\
            hZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==

            """
        let note = try SignedNote(parsing: text)
        #expect(note.description == text)
        #expect(try Checkpoint(note).size == 20_852_163)
        #expect(Cosignature(bytes: note.signatures[1].signature)?.timestamp == 1_679_315_147)
    }
}
