// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing

/// Known answers are the examples of FIPS 180-4 and of NIST's Secure Hashing validation lists.
@Suite("Digest hasher")
struct DigestHasherTests {
    struct Answer: Sendable, CustomTestStringConvertible {
        let algorithm: Digest.Algorithm
        let message: [UInt8]
        let hex: String
        var testDescription: String { "\(algorithm.name) of \(message.count) bytes" }

        init(_ algorithm: Digest.Algorithm, _ message: String, _ hex: String) {
            self.init(algorithm, Array(message.utf8), hex)
        }

        init(_ algorithm: Digest.Algorithm, _ message: [UInt8], _ hex: String) {
            self.algorithm = algorithm
            self.message = message
            self.hex = hex
        }
    }

    static let twoBlocks256 = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    static let twoBlocks512 =
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
        + "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"

    static let answers: [Answer] = [
        Answer(.sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        Answer(.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        Answer(.sha256, twoBlocks256, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        Answer(.sha256, [0xbd], "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
        Answer(.sha256, [0xc9, 0x8c, 0x8e, 0x55], "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"),
        Answer(
            .sha256,
            [UInt8](repeating: 0x61, count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
        Answer(
            .sha512,
            "",
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        ),
        Answer(
            .sha512,
            "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        Answer(
            .sha512,
            twoBlocks512,
            "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
                + "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"
        ),
        Answer(
            .sha512,
            [UInt8](repeating: 0x61, count: 1_000_000),
            "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
                + "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"
        ),
    ]

    @Test("answers the published vectors", arguments: answers)
    func knownAnswers(answer: Answer) throws {
        #expect(try Digest.of(answer.message, algorithm: answer.algorithm).hex == answer.hex)
        #expect(try Digest.of(answer.message.span.bytes, algorithm: answer.algorithm).hex == answer.hex)
    }

    @Test("gives one answer however the bytes are cut", arguments: answers)
    func incremental(answer: Answer) throws {
        for step in [1, 3, 63, 64, 65, 127, 128, 4_096] where answer.message.count / step < 20_000 {
            var hasher = try DigestHasher(answer.algorithm)
            var start = 0
            while start < answer.message.count {
                let end = min(start + step, answer.message.count)
                let piece = Array(answer.message[start..<end])
                if start % 2 == 0 {
                    try hasher.update(piece.span.bytes)
                } else {
                    let updated = piece.withUnsafeBytes { bytes in
                        Result { try hasher.update(bytes) }
                    }
                    try updated.get()
                }
                start = end
            }
            let digest = try hasher.finalize()
            #expect(digest.hex == answer.hex, "in pieces of \(step)")
            #expect(digest.algorithm == answer.algorithm)
        }
    }

    @Test("an empty update changes nothing")
    func emptyUpdate() throws {
        var hasher = try DigestHasher(.sha256)
        try hasher.update(UnsafeRawBufferPointer(start: nil, count: 0))
        try hasher.update([UInt8]().span.bytes)
        try hasher.update([UInt8]("abc".utf8).span.bytes)
        #expect(try hasher.finalize() == Digest.of([UInt8]("abc".utf8)))
    }

    @Test("hashes in many tasks at once without mixing their states")
    func concurrent() async throws {
        let answers = Self.answers
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for round in 0..<64 {
                group.addTask {
                    let answer = answers[round % answers.count]
                    return try Digest.of(answer.message, algorithm: answer.algorithm).hex == answer.hex
                }
            }
            for try await same in group { #expect(same) }
        }
    }
}
