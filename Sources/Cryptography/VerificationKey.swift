// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL

/// A public key, with which signatures are verified: Ed25519 (RFC 8032), or ECDSA over P-256 with SHA-256 or over P-384
/// with SHA-384 (FIPS 186-5). Two keys are equal if their encodings are.
package struct VerificationKey: Hashable, Sendable {
    /// What a key signs with.
    package enum Algorithm: String, Hashable, Sendable, CaseIterable {
        case ed25519 = "Ed25519"
        case ecdsaP256 = "ECDSA P-256 with SHA-256"
        case ecdsaP384 = "ECDSA P-384 with SHA-384"
    }

    package let algorithm: Algorithm
    /// The SubjectPublicKeyInfo of RFC 5280 in DER.
    package let spki: [UInt8]
    private let handle: KeyHandle

    /// Reads a PEM block `PUBLIC KEY`.
    ///
    /// - Throws: `unsupported` for another algorithm, which it names; `unsafe` for a point that is not on its curve or
    ///   has small order; `malformed` for everything else.
    package init(pem text: some StringProtocol) throws(KeyError) {
        let block = try PEMBlock(parsing: text)
        guard block.label == "PUBLIC KEY" else {
            throw KeyError(code: .unsupported, reason: "a public key is a PEM block PUBLIC KEY, not \(block.label)")
        }
        try self.init(spki: block.bytes)
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    ///
    /// - Throws: As of `init(pem:)`.
    package init(spki: [UInt8]) throws(KeyError) {
        let decoded = unsafe KeyHandle.decoded(spki) { unsafe d2i_PUBKEY(nil, &$0, $1) }
        guard let decoded = unsafe decoded else {
            throw .current(.malformed, "the public key is not a SubjectPublicKeyInfo of a known algorithm")
        }
        let handle = unsafe KeyHandle(owning: decoded.value)
        guard unsafe decoded.isWhole else {
            throw KeyError(code: .malformed, reason: "something follows the public key")
        }
        try self.init(handle: handle)
        // One key has one encoding, so that equality means what it says.
        guard self.spki == spki else {
            throw KeyError(code: .malformed, reason: "the public key is not encoded in DER")
        }
    }

    /// Takes the 32 bytes of an Ed25519 public key (RFC 8032, section 5.1.5).
    ///
    /// - Throws: `malformed` for another number of bytes, `unsafe` for a point that is not on the curve or has small
    ///   order: such a key verifies signatures that nobody made.
    package init(ed25519 raw: [UInt8]) throws(KeyError) {
        guard raw.count == 32 else {
            throw KeyError(code: .malformed, reason: "an Ed25519 public key has 32 bytes, not \(raw.count)")
        }
        // Safety: the array lives through the call, which reads `raw.count` bytes.
        guard let key = unsafe EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, raw, raw.count) else {
            throw .current(.failed, "EVP_PKEY_new_raw_public_key_ex for Ed25519")
        }
        try self.init(handle: unsafe KeyHandle(owning: key))
    }

    /// Examines a key, which may be a private one, and keeps it.
    init(handle: KeyHandle) throws(KeyError) {
        algorithm = try VerificationKey.algorithm(of: handle)
        guard let spki = unsafe KeyHandle.encoded({ unsafe i2d_PUBKEY(handle.pointer, &$0) }) else {
            throw .current(.failed, "i2d_PUBKEY")
        }
        self.spki = spki
        self.handle = handle
        let isSafe: Bool
        switch algorithm {
        case .ed25519: isSafe = Ed25519Point.isSafe(Array(spki.suffix(32)))
        case .ecdsaP256, .ecdsaP384: isSafe = VerificationKey.isPointOnCurve(handle)
        }
        guard isSafe else {
            throw KeyError(code: .unsafe, reason: "the public key is no point of its curve, or one of small order")
        }
    }

    private static func algorithm(of handle: KeyHandle) throws(KeyError) -> Algorithm {
        let known = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
        switch (handle.typeName, handle.curveName) {
        case ("ED25519", _): return .ed25519
        case ("EC", "prime256v1"?): return .ecdsaP256
        case ("EC", "secp384r1"?): return .ecdsaP384
        case ("EC", let curve):
            let name = curve ?? "a curve without a name"
            throw KeyError(code: .unsupported, reason: "a key over \(name) is not accepted, but \(known)")
        case (let type, _):
            throw KeyError(code: .unsupported, reason: "a key of type \(type) is not accepted, but \(known)")
        }
    }

    private static func isPointOnCurve(_ handle: KeyHandle) -> Bool {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, handle.pointer, nil) else { return false }
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        return unsafe EVP_PKEY_public_check(context) == 1
    }

    /// The PEM block `PUBLIC KEY`.
    package var pem: String { PEMBlock(label: "PUBLIC KEY", bytes: spki).description }

    /// The 32 bytes of an Ed25519 key (RFC 8032, section 5.1.5), with which its SubjectPublicKeyInfo ends (RFC 8410);
    /// nil for other keys.
    package var raw: [UInt8]? { algorithm == .ed25519 ? Array(spki.suffix(32)) : nil }

    /// Whether a signature of a message was made with the private half of this key.
    ///
    /// A signature by Ed25519 has 64 bytes; one by ECDSA is in DER. False also where OpenSSL fails.
    package func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
        let digest: String?
        switch algorithm {
        case .ed25519: digest = nil
        case .ecdsaP256: digest = "SHA2-256"
        case .ecdsaP384: digest = "SHA2-384"
        }
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer {
            unsafe EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        // Safety: the arrays live through the calls, which read the counts given.
        return unsafe EVP_DigestVerifyInit_ex(context, nil, digest, nil, nil, handle.pointer, nil) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    package static func == (left: VerificationKey, right: VerificationKey) -> Bool { left.spki == right.spki }

    package func hash(into hasher: inout Hasher) { hasher.combine(spki) }
}
