// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Testing

@Suite struct DigestTests {
    @Test(arguments: [Sample.sha256, Sample.sha512, "sha256:" + String(repeating: "0", count: 64)])
    func readsAndWritesTheSameText(_ text: String) throws {
        let digest = try Digest(parsing: text)
        #expect(digest.description == text)
        #expect(digest.hex == text.dropFirst(7))
        #expect(try Digest(parsing: digest.description) == digest)
        #expect(Digest(text) == digest)
        #expect(try Digest(parsing: "/\(text)/".dropFirst().dropLast()) == digest)
        #expect(Digest(storageBytes: digest.storageBytes) == digest)
        #expect(Digest(algorithm: digest.algorithm, bytes: digest.bytes) == digest)
        #expect(try JSONDecoder().decode([Digest].self, from: JSONEncoder().encode([digest])) == [digest])
    }

    @Test(
        arguments: [
            "", ":", "sha256", "sha256:", ":" + Sample.hex256, Sample.hex256,
            "sha256:" + Sample.hex256.dropLast(), "sha256:" + Sample.hex256 + "0", "sha256:" + Sample.hex512,
            "sha512:" + Sample.hex256, "sha512:" + Sample.hex512.dropLast(), "sha512:" + Sample.hex512 + "00",
            "sha256:" + Sample.hex256.uppercased(), "SHA256:" + Sample.hex256, "Sha256:" + Sample.hex256,
            "sha256:" + Sample.hex256.dropLast() + "g", "sha256:" + Sample.hex256.dropLast() + "G",
            "sha256:" + Sample.hex256.dropLast() + "/", "sha256:" + Sample.hex256.dropLast() + ":",
            "sha256:" + Sample.hex256.dropLast() + "`", "sha256:" + Sample.hex256.dropLast() + " ",
            "sha256:" + Sample.hex256.dropLast() + "\0", "sha256:" + Sample.hex256.dropLast(2) + "é",
            " " + Sample.sha256, Sample.sha256 + " ", Sample.sha256 + "\n", "sha256 :" + Sample.hex256,
            "sha256::" + Sample.hex256.dropLast(), "sha256-" + Sample.hex256, "sha256/" + Sample.hex256,
            "sha256:../../../etc/passwd", "sha256:baddigeststring", "../sha256:" + Sample.hex256, "sha256:%2e%2e",
            "+sha256:abc", "sha..256:abc", "sha256+:abc", "md5:", "md5:a/b", "md5:a b", "md5:é", "é:abc",
            "sha256:" + String(repeating: "０", count: 64), "md5:abc:def", "MD5:abc",
        ] as [String]
    )
    func refuses(_ text: String) {
        #expect(code { () throws(ParsingError) in try Digest(parsing: text) } == .invalidDigest)
        #expect(Digest(text) == nil)
    }

    @Test(arguments: [
        "md5:d41d8cd98f00b204e9800998ecf8427e", "blake3:" + Sample.hex256, "sha384:" + Sample.hex256,
        "sha1:abc", "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
        "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", "sha25:abc", "sha2566:" + Sample.hex256, "a:=",
        "sha257:" + Sample.hex256, "x.y-z_w:A",
    ])
    func knowsAnotherAlgorithmFromNoDigest(_ text: String) {
        #expect(code { () throws(ParsingError) in try Digest(parsing: text) } == .unsupportedAlgorithm)
    }

    @Test func refusesHashesOfAnotherLength() {
        for count in [0, 1, 31, 33, 63, 64, 65] {
            let bytes = [UInt8](repeating: 7, count: count)
            #expect(Digest(algorithm: .sha256, bytes: bytes) == nil)
            #expect(Digest(storageBytes: [1] + bytes) == nil)
            #expect((Digest(algorithm: .sha512, bytes: bytes) == nil) == (count != 64))
        }
        #expect(Digest(storageBytes: [UInt8]()) == nil)
        #expect(Digest(storageBytes: [0] + [UInt8](repeating: 7, count: 32)) == nil)
        #expect(Digest(storageBytes: [3] + [UInt8](repeating: 7, count: 32)) == nil)
    }

    /// Databases sort digests as bytes, so both orders agree; so do equality and hashing.
    @Test func isOrderedAsItsStorageBytes() throws {
        var random = SeededGenerator(seed: 1)
        var digests: [Digest] = []
        for algorithm in Digest.Algorithm.allCases {
            for _ in 0..<60 {
                var bytes = random.bytes(algorithm.byteCount)
                digests.append(try #require(Digest(algorithm: algorithm, bytes: bytes)))
                bytes[Int.random(in: bytes.indices, using: &random)] ^= 0x80
                digests.append(try #require(Digest(algorithm: algorithm, bytes: bytes)))
            }
        }
        for left in digests {
            #expect(!(left < left))
            for right in digests {
                let stored = left.storageBytes.lexicographicallyPrecedes(right.storageBytes)
                #expect((left < right) == stored)
                #expect((left == right) == (left.storageBytes == right.storageBytes))
            }
        }
        #expect(Set(digests).count == digests.count)
        #expect(digests.allSatisfy { Digest($0.description) == $0 })
    }

    @Test func algorithmsAreNamed() throws {
        for algorithm in Digest.Algorithm.allCases {
            #expect(try Digest.Algorithm(parsing: algorithm.name) == algorithm)
        }
        for text in ["", "SHA256", "sha256 ", "md5", "sha512:"] {
            let thrown = code { () throws(ParsingError) in try Digest.Algorithm(parsing: text) }
            #expect(thrown == .unsupportedAlgorithm)
        }
    }

    @Test func isInlineAndSmall() {
        #expect(MemoryLayout<Digest>.stride <= 80)
    }

    @Test func isEncodedAsItsText() throws {
        let encoded = try JSONEncoder().encode([Digest(parsing: Sample.sha256)])
        #expect(String(decoding: encoded, as: UTF8.self) == #"["\#(Sample.sha256)"]"#)
    }

    @Test func decodingRefusesWhatParsingRefuses() {
        for json in [#"["sha256:abc"]"#, "[5]", "[null]"] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode([Digest].self, from: Data(json.utf8)) }
        }
    }
}
