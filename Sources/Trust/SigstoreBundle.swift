// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
package import OCI

/// A bundle of sigstore, version 0.3: a signed envelope or the signature of some bytes, and what is needed to verify
/// it.
///
/// Only signatures by keys that are given can be verified here. A bundle with a certificate is read, so that it can be
/// shown, and is never trusted. Entries of logs and timestamps are passed over: they vouch for certificates.
package struct SigstoreBundle: Sendable, Hashable {
    /// What the maker of a bundle names for its verification.
    package enum Material: Sendable, Hashable {
        /// A key that the verifier has. The hint is the SHA-256 of its DER form in base64, or empty.
        case publicKey(hint: String)
        /// Certificates in DER, the signer's first.
        case certificates([[UInt8]])
    }

    package enum Content: Sendable, Hashable {
        case envelope(DSSEEnvelope)
        /// A signature over bytes that have this SHA-256.
        case message(digest: Digest, signature: [UInt8])
    }

    package let material: Material
    package let content: Content

    package init(material: Material, content: Content) {
        self.material = material
        self.content = content
    }

    /// The names of the given keys that signed the envelope; none for a bundle of another content or with a
    /// certificate. A key counts only if the bundle's hint, where it has one, is that of the key.
    package func signers(among keys: [TrustKey]) -> [String] {
        guard case .envelope(let envelope) = content else { return [] }
        let candidates = candidates(keys)
        return envelope.signers(among: candidates.map(\.key)).map { candidates[$0].name }
    }

    /// The names of the given keys that signed these bytes; none for a bundle of another content or with a certificate.
    ///
    /// - Throws: `cryptography`.
    package func signers(of bytes: [UInt8], among keys: [TrustKey]) throws(TrustError) -> [String] {
        guard case .message(let digest, let signature) = content, try Digest.hashing(bytes) == digest else { return [] }
        return candidates(keys).filter { $0.key.isValid(signature: signature, for: bytes) }.map(\.name)
    }

    private func candidates(_ keys: [TrustKey]) -> [TrustKey] {
        guard case .publicKey(let hint) = material else { return [] }
        return hint.isEmpty ? keys : keys.filter { $0.hint == hint }
    }
}
