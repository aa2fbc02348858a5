// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL

/// An Ed25519 private key (RFC 8032). It is wiped from OpenSSL's memory with the last value that holds it.
package struct SigningKey: Sendable {
    /// The public half.
    package let verificationKey: VerificationKey
    private let handle: KeyHandle

    /// Rounds of PBKDF2 with HMAC-SHA-256 for an encrypted key: some tenths of a second for each guess.
    private static let rounds: Int32 = 600_000
    private static let saltByteCount: Int32 = 16

    private init(handle: KeyHandle) throws(KeyError) {
        guard handle.typeName == "ED25519" else {
            throw KeyError(code: .unsupported, reason: "a key that signs is an Ed25519 key, not \(handle.typeName)")
        }
        verificationKey = try VerificationKey(handle: handle)
        self.handle = handle
    }

    /// A new key from OpenSSL's random generator.
    ///
    /// - Throws: `failed` where OpenSSL has no memory or no randomness.
    package static func generate() throws(KeyError) -> SigningKey {
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "ED25519", nil) else {
            throw .current(.failed, "EVP_PKEY_CTX_new_from_name for Ed25519")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe EVP_PKEY_generate(context, &key) == 1,
            let key = unsafe key
        else {
            throw .current(.failed, "EVP_PKEY_generate for Ed25519")
        }
        return try SigningKey(handle: unsafe KeyHandle(owning: key))
    }

    /// Takes the 32 bytes that RFC 8032, section 5.1.5, calls the private key.
    ///
    /// - Throws: `malformed` for another number of bytes.
    package init(seed: [UInt8]) throws(KeyError) {
        guard seed.count == 32 else {
            throw KeyError(code: .malformed, reason: "an Ed25519 private key has 32 bytes, not \(seed.count)")
        }
        // Safety: the array lives through the call, which reads `seed.count` bytes.
        guard let key = unsafe EVP_PKEY_new_raw_private_key_ex(nil, "ED25519", nil, seed, seed.count) else {
            throw .current(.failed, "EVP_PKEY_new_raw_private_key_ex for Ed25519")
        }
        try self.init(handle: unsafe KeyHandle(owning: key))
    }

    /// Reads a PEM block of PKCS #8: `PRIVATE KEY`, or `ENCRYPTED PRIVATE KEY` with its passphrase. Nothing is ever
    /// asked of a terminal. The passphrase has at most 1,024 bytes and no effect on a key that is not encrypted.
    ///
    /// - Throws: `passphraseNeeded`, `wrongPassphrase`, `unsupported` for a key of another algorithm or a block of
    ///   another kind, `malformed` for everything else.
    package init(pem text: some StringProtocol, passphrase: [UInt8]? = nil) throws(KeyError) {
        let block = try PEMBlock(parsing: text)
        let information: OpaquePointer
        switch block.label {
        case "PRIVATE KEY":
            let decoded = unsafe KeyHandle.decoded(block.bytes) { unsafe d2i_PKCS8_PRIV_KEY_INFO(nil, &$0, $1) }
            guard let decoded = unsafe decoded else { throw .current(.malformed, "the private key is not PKCS #8") }
            guard unsafe decoded.isWhole else {
                unsafe PKCS8_PRIV_KEY_INFO_free(decoded.value)
                throw KeyError(code: .malformed, reason: "something follows the private key")
            }
            unsafe information = decoded.value
        case "ENCRYPTED PRIVATE KEY":
            guard let passphrase else {
                throw KeyError(code: .passphraseNeeded, reason: "the private key is encrypted: give its passphrase")
            }
            unsafe information = try SigningKey.decrypted(block.bytes, passphrase)
        default:
            throw KeyError(
                code: .unsupported,
                reason: "a private key is a PEM block PRIVATE KEY or ENCRYPTED PRIVATE KEY, not \(block.label)"
            )
        }
        defer { unsafe PKCS8_PRIV_KEY_INFO_free(information) }
        guard let key = unsafe EVP_PKCS82PKEY(information) else {
            throw .current(.malformed, "the private key is not one of a known algorithm")
        }
        try self.init(handle: unsafe KeyHandle(owning: key))
    }

    /// The PKCS #8 information in an EncryptedPrivateKeyInfo, owned by the caller.
    private static func decrypted(_ bytes: [UInt8], _ passphrase: [UInt8]) throws(KeyError) -> OpaquePointer {
        try check(passphrase)
        let decoded = unsafe KeyHandle.decoded(bytes) { unsafe d2i_X509_SIG(nil, &$0, $1) }
        guard let decoded = unsafe decoded else {
            throw .current(.malformed, "the private key is not encrypted PKCS #8")
        }
        defer { unsafe X509_SIG_free(decoded.value) }
        guard unsafe decoded.isWhole else {
            throw KeyError(code: .malformed, reason: "something follows the private key")
        }
        // Safety: the passphrase lives through the call, which reads the count given.
        let information = unsafe passphrase.withUnsafeBytes { buffer in
            unsafe PKCS8_decrypt(
                decoded.value,
                buffer.assumingMemoryBound(to: CChar.self).baseAddress,
                Int32(buffer.count)
            )
        }
        guard let information = unsafe information else {
            throw .current(.wrongPassphrase, "the passphrase does not decrypt the private key")
        }
        return unsafe information
    }

    private static func check(_ passphrase: [UInt8]) throws(KeyError) {
        guard !passphrase.isEmpty else {
            throw KeyError(code: .passphraseNeeded, reason: "an empty passphrase protects nothing")
        }
        guard passphrase.count <= KeyLimits.passphraseBytesLimit else {
            throw KeyError(
                code: .wrongPassphrase,
                reason: "a passphrase has at most \(KeyLimits.passphraseBytesLimit) bytes"
            )
        }
    }

    /// The key as a PEM block of PKCS #8, encrypted where a passphrase is given: AES-256-CBC under a key by PBKDF2
    /// (PBES2 of RFC 8018), with a salt of its own, so that two texts of one key differ.
    ///
    /// - Throws: `passphraseNeeded` for an empty passphrase, `failed` where OpenSSL fails.
    package func pem(passphrase: [UInt8]? = nil) throws(KeyError) -> String {
        guard let information = unsafe EVP_PKEY2PKCS8(handle.pointer) else { throw .current(.failed, "EVP_PKEY2PKCS8") }
        defer { unsafe PKCS8_PRIV_KEY_INFO_free(information) }
        guard let passphrase else {
            guard let bytes = unsafe KeyHandle.encoded({ unsafe i2d_PKCS8_PRIV_KEY_INFO(information, &$0) }) else {
                throw .current(.failed, "i2d_PKCS8_PRIV_KEY_INFO")
            }
            return PEMBlock(label: "PRIVATE KEY", bytes: bytes).description
        }
        try SigningKey.check(passphrase)
        // Safety: the passphrase lives through the call, which reads the count given. OpenSSL makes the salt.
        let encrypted = unsafe passphrase.withUnsafeBytes { buffer in
            unsafe PKCS8_encrypt(
                -1,
                EVP_aes_256_cbc(),
                buffer.assumingMemoryBound(to: CChar.self).baseAddress,
                Int32(buffer.count),
                nil,
                SigningKey.saltByteCount,
                SigningKey.rounds,
                information
            )
        }
        guard let encrypted = unsafe encrypted else { throw .current(.failed, "PKCS8_encrypt") }
        defer { unsafe X509_SIG_free(encrypted) }
        guard let bytes = unsafe KeyHandle.encoded({ unsafe i2d_X509_SIG(encrypted, &$0) }) else {
            throw .current(.failed, "i2d_X509_SIG")
        }
        return PEMBlock(label: "ENCRYPTED PRIVATE KEY", bytes: bytes).description
    }

    /// The signature of a message: 64 bytes, the same for the same message (Ed25519 of RFC 8032, section 5.1.6, over
    /// the message itself and not its hash).
    package func signature(of message: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard let context = unsafe EVP_MD_CTX_new() else { throw .current(.failed, "EVP_MD_CTX_new") }
        defer { unsafe EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        // Safety: the message lives through the calls, which read its count and write at most `count` bytes.
        let signed =
            unsafe EVP_DigestSignInit_ex(context, nil, nil, nil, nil, handle.pointer, nil) == 1
            && EVP_DigestSign(context, &signature, &count, message, message.count) == 1
        guard signed, count == signature.count else { throw .current(.failed, "EVP_DigestSign for Ed25519") }
        return signature
    }
}
