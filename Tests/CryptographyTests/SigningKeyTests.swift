// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing

/// Keys and signatures are those of RFC 8032, section 7.1, and of OpenSSL's command line.
@Suite("Signing keys")
struct SigningKeyTests {
    struct Vector: Sendable {
        let seed: String
        let publicKey: String
        let message: String
        let signature: String
    }

    /// Tests 1 to 3 of RFC 8032, section 7.1.
    static let vectors = [
        Vector(
            seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            message: "",
            signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
                + "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        Vector(
            seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            message: "72",
            signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        Vector(
            seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            message: "af82",
            signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ]

    @Test("sign as published", arguments: vectors)
    func published(vector: Vector) throws {
        let key = try SigningKey(seed: bytes(vector.seed))
        let message = bytes(vector.message)
        #expect(key.verificationKey.raw == bytes(vector.publicKey))
        #expect(try key.signature(of: message) == bytes(vector.signature))
        let verifier = try VerificationKey(ed25519: bytes(vector.publicKey))
        #expect(verifier == key.verificationKey)
        #expect(verifier.isValid(signature: bytes(vector.signature), for: message))
        #expect(!verifier.isValid(signature: bytes(vector.signature), for: message + [0]))
        #expect(!verifier.isValid(signature: bytes(vector.signature) + [0], for: message))
        #expect(!verifier.isValid(signature: [], for: message))
        for bit in 0..<512 {
            var signature = bytes(vector.signature)
            signature[bit / 8] ^= 1 << (bit % 8)
            #expect(!verifier.isValid(signature: signature, for: message), "bit \(bit)")
        }
    }

    @Test("read and write OpenSSL's PEM")
    func pem() throws {
        let key = try SigningKey(pem: KeySamples.privateKey)
        #expect(try key.pem() == KeySamples.privateKey)
        #expect(key.verificationKey.pem == KeySamples.publicKey)
        let crowded = "\n" + KeySamples.privateKey.split(separator: "\n").joined(separator: "\r\n") + "\r\n \n"
        #expect(try SigningKey(pem: crowded).verificationKey == key.verificationKey)
        // Of no effect, as the key is not encrypted.
        #expect(try SigningKey(pem: KeySamples.privateKey, passphrase: [1]).verificationKey == key.verificationKey)
    }

    @Test("read OpenSSL's encrypted PEM, and tell a wrong passphrase from none")
    func encrypted() throws {
        let key = try SigningKey(pem: KeySamples.encryptedKey, passphrase: Array("open".utf8))
        #expect(key.verificationKey.pem == KeySamples.publicKey)
        #expect(code { try SigningKey(pem: KeySamples.encryptedKey) } == .passphraseNeeded)
        #expect(code { try SigningKey(pem: KeySamples.encryptedKey, passphrase: []) } == .passphraseNeeded)
        for wrong in ["Open", "open ", "x", String(repeating: "y", count: 2_000)] {
            #expect(
                code { try SigningKey(pem: KeySamples.encryptedKey, passphrase: Array(wrong.utf8)) } == .wrongPassphrase
            )
        }
    }

    @Test("write an encrypted PEM that only the passphrase opens")
    func encrypts() throws {
        let key = try SigningKey.generate()
        let passphrase: [UInt8] = [0, 255, 10, 13, 32]
        let text = try key.pem(passphrase: passphrase)
        #expect(text.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"))
        #expect(try SigningKey(pem: text, passphrase: passphrase).verificationKey == key.verificationKey)
        #expect(try key.pem(passphrase: passphrase) != text)
        // What stands after a zero byte counts.
        #expect(code { try SigningKey(pem: text, passphrase: [0, 255, 10, 13]) } == .wrongPassphrase)
        #expect(code { try key.pem(passphrase: []) } == .passphraseNeeded)
    }

    @Test("are new each time")
    func generate() throws {
        let (first, second) = (try SigningKey.generate(), try SigningKey.generate())
        #expect(first.verificationKey != second.verificationKey)
        let signature = try first.signature(of: [1, 2, 3])
        #expect(first.verificationKey.isValid(signature: signature, for: [1, 2, 3]))
        #expect(!second.verificationKey.isValid(signature: signature, for: [1, 2, 3]))
    }

    @Test("refuse other keys and other texts")
    func refusals() throws {
        #expect(code { try SigningKey(pem: KeySamples.x25519) } == .unsupported)
        #expect(code { try SigningKey(pem: KeySamples.p256Private) } == .unsupported)
        #expect(code { try SigningKey(pem: KeySamples.traditionalEC) } == .unsupported)
        #expect(code { try SigningKey(pem: KeySamples.publicKey) } == .unsupported)
        #expect(code { try SigningKey(seed: [UInt8](repeating: 1, count: 31)) } == .malformed)
        let key = KeySamples.privateKey
        for text in [
            "", "x", key + key, "x\n" + key, key + "x", String(key.dropLast(5)), key.replacing("MC4", with: "MC5"),
        ] {
            #expect(code { try SigningKey(pem: text) } == .malformed, "\(text)")
        }
        let block = try PEMBlock(parsing: key)
        let longer = PEMBlock(label: block.label, bytes: block.bytes + [0]).description
        #expect(code { try SigningKey(pem: longer) } == .malformed)
        let large = PEMBlock(label: block.label, bytes: [UInt8](repeating: 0, count: 16 << 10)).description
        #expect(code { try SigningKey(pem: large) } == .malformed)
        for length in 0..<block.bytes.count {
            let cut = PEMBlock(label: block.label, bytes: Array(block.bytes.prefix(length))).description
            #expect(code { try SigningKey(pem: cut) } == .malformed, "\(length) bytes")
        }
    }

    @Test("sign in many tasks at once")
    func concurrent() async throws {
        let key = try SigningKey.generate()
        let expected = try key.signature(of: [7])
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    (try? key.signature(of: [7])) == expected
                        && key.verificationKey.isValid(signature: expected, for: [7])
                }
            }
            for await same in group { #expect(same) }
        }
    }
}

/// The code of the error that a key's reader throws; nil if it throws none.
func code(_ body: () throws -> Any) -> KeyError.Code? {
    do { _ = try body() } catch { return (error as? KeyError)?.code }
    return nil
}

/// The bytes of a text in hexadecimal.
func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
