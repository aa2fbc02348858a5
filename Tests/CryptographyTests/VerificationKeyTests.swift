// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing

@Suite("Verification keys")
struct VerificationKeyTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let algorithm: VerificationKey.Algorithm
        let pem: String
        let signature: String
        var testDescription: String { algorithm.rawValue }
    }

    static let samples = [
        Sample(algorithm: .ed25519, pem: KeySamples.publicKey, signature: KeySamples.ed25519Signature),
        Sample(algorithm: .ecdsaP256, pem: KeySamples.p256, signature: KeySamples.p256Signature),
        Sample(algorithm: .ecdsaP384, pem: KeySamples.p384, signature: KeySamples.p384Signature),
    ]

    @Test("verify what OpenSSL's command line signed, and nothing else", arguments: samples)
    func verify(sample: Sample) throws {
        let key = try VerificationKey(pem: sample.pem)
        let signature = try #require(Base64.decode(sample.signature))
        #expect(key.algorithm == sample.algorithm)
        #expect(key.pem == sample.pem)
        #expect(try VerificationKey(spki: key.spki) == key)
        #expect((key.raw != nil) == (sample.algorithm == .ed25519))
        #expect(key.isValid(signature: signature, for: KeySamples.message))
        #expect(!key.isValid(signature: signature, for: KeySamples.message + [0]))
        #expect(!key.isValid(signature: signature + [0], for: KeySamples.message))
        for index in signature.indices {
            var wrong = signature
            wrong[index] ^= 1
            #expect(!key.isValid(signature: wrong, for: KeySamples.message), "byte \(index)")
        }
        for other in Self.samples where other.algorithm != sample.algorithm {
            #expect(try !VerificationKey(pem: other.pem).isValid(signature: signature, for: KeySamples.message))
        }
    }

    @Test(
        "of other algorithms are refused by name",
        arguments: [
            (KeySamples.rsa, "RSA"), (KeySamples.x25519Public, "X25519"), (KeySamples.p521, "secp521r1"),
            (KeySamples.privateKey, "PRIVATE KEY"), (KeySamples.traditionalEC, "EC PRIVATE KEY"),
        ]
    )
    func unsupported(pem: String, name: String) {
        let error = #expect(throws: KeyError.self) { try VerificationKey(pem: pem) }
        #expect(error?.code == .unsupported)
        #expect(error?.reason.contains(name) == true, "\(error?.reason ?? "")")
    }

    @Test("whose curve is spelled out are refused")
    func explicitCurve() {
        #expect(code { try VerificationKey(pem: KeySamples.explicitCurve) } == .unsupported)
    }

    @Test("that are cut short, longer or changed are refused or other keys", arguments: samples)
    func changed(sample: Sample) throws {
        let key = try VerificationKey(pem: sample.pem)
        for length in 0..<key.spki.count {
            #expect(code { try VerificationKey(spki: Array(key.spki.prefix(length))) } == .malformed, "\(length) bytes")
        }
        #expect(code { try VerificationKey(spki: key.spki + [0]) } == .malformed)
        for index in key.spki.indices {
            var changed = key.spki
            changed[index] ^= 1
            let other = try? VerificationKey(spki: changed)
            #expect(other != key)
            #expect(other.map { $0.spki == changed } != false)
        }
    }

    /// The points of order 1, 2, 4 and 8, with both signs of x, also in spellings with y not reduced.
    static let smallOrderPoints = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]

    @Test("of small order, or not reduced, are refused", arguments: smallOrderPoints)
    func smallOrder(hex: String) {
        #expect(code { try VerificationKey(ed25519: bytes(hex)) } == .unsafe)
    }

    @Test("are points of the curve")
    func onCurve() {
        // Computed apart, in Python, for y from 2 to 23.
        let valid: Set = [3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 19, 21, 23]
        for y in 2..<24 {
            let raw = [UInt8(y)] + [UInt8](repeating: 0, count: 31)
            #expect(code { try VerificationKey(ed25519: raw) } == (valid.contains(y) ? nil : .unsafe), "y = \(y)")
        }
        #expect(code { try VerificationKey(ed25519: [1]) } == .malformed)
    }

    @Test("read PEM strictly")
    func pem() throws {
        let block = PEMBlock(label: "A B", bytes: [UInt8](0..<100))
        #expect(try PEMBlock(parsing: block.description) == block)
        #expect(block.description.split(separator: "\n").allSatisfy { $0.count <= 64 })
        for text in [
            "-----BEGIN A-----\n-----END A-----\n", "-----BEGIN A-----\nAAAA\n-----END B-----\n",
            "-----BEGIN A-----\nAAA\n-----END A-----\n", "-----BEGIN -----\nAAAA\n-----END -----\n",
            "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nAAAA\n-----END A-----\n",
            "-----BEGIN A-----AAAA-----END A-----",
        ] {
            #expect(code { try PEMBlock(parsing: text) } == .malformed, "\(text)")
        }
    }
}

@Suite("SHA-256 hashes")
struct SHA256HashTests {
    @Test("are those of the incremental hasher, in every form")
    func forms() throws {
        for length in [0, 1, 31, 32, 55, 56, 63, 64, 65, 1_000] {
            let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let expected = try Digest.of(message).bytes
            #expect(SHA256Hash.of(message).bytes == expected)
            if let first = message.first {
                #expect(SHA256Hash.of(first, Array(message.dropFirst())).bytes == expected)
            }
        }
        let (left, right) = (SHA256Hash.of([1]), SHA256Hash.of([2]))
        #expect(try SHA256Hash.of(9, left, right).bytes == Digest.of([9] + left.bytes + right.bytes).bytes)
        #expect(SHA256Hash(bytes: left.bytes) == left)
        #expect(SHA256Hash(bytes: [1]) == nil)
        #expect(SHA256Hash.all(in: left.bytes + right.bytes) == [left, right])
        #expect(SHA256Hash.all(in: []) == [])
        #expect(SHA256Hash.all(in: left.bytes + [0]) == nil)
        #expect((left < right) == left.bytes.lexicographicallyPrecedes(right.bytes))
    }
}
