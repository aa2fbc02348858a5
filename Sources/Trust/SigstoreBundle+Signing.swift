// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
package import OCI

extension SigstoreBundle {
    /// Signs an image: a statement without a predicate about the digest of its manifest.
    ///
    /// - Throws: `cryptography`.
    package static func signature(of image: Digest, with key: SigningKey) throws(TrustError) -> SigstoreBundle {
        try attestation(of: image, type: .imageSignature, predicate: Array("{}".utf8), with: key)
    }

    /// Signs a statement about an image.
    ///
    /// - Parameters:
    ///   - image: The digest of the image's manifest.
    ///   - name: What the statement calls the image, for readers; empty for nothing.
    ///   - type: What the predicate is.
    ///   - predicate: JSON text of an object.
    ///   - key: The signer's key.
    /// - Returns: A bundle with an envelope and the key's hint.
    /// - Throws: `invalidStatement` for a predicate that is no JSON object; `tooLarge`; `cryptography`.
    package static func attestation(
        of image: Digest,
        name: String = "",
        type: PredicateType,
        predicate: [UInt8],
        with key: SigningKey
    ) throws(TrustError) -> SigstoreBundle {
        let statement = try InTotoStatement.bytes(
            subject: InTotoStatement.Subject(name: name, digests: [image]),
            predicateType: type,
            predicate: predicate
        )
        return SigstoreBundle(
            material: .publicKey(hint: try key.verificationKey.bundleHint()),
            content: .envelope(
                try DSSEEnvelope(signing: statement, payloadType: DSSEEnvelope.inTotoType, with: key)
            )
        )
    }

    /// The statement in the bundle's envelope, whoever signed it.
    ///
    /// - Throws: `invalidBundle` where there is none; `invalidStatement`.
    package func statement() throws(TrustError) -> InTotoStatement {
        guard case .envelope(let envelope) = content else {
            throw TrustError(.invalidBundle, "the bundle signs bytes and holds no statement")
        }
        return try envelope.statement()
    }
}

extension DSSEEnvelope {
    /// The statement that is the payload, whoever signed it.
    ///
    /// - Throws: `invalidEnvelope` for a payload of another type; `invalidStatement`.
    package func statement() throws(TrustError) -> InTotoStatement {
        guard payloadType == Self.inTotoType else {
            throw TrustError(
                .invalidEnvelope,
                "the envelope's payload is '\(payloadType.quotable)', not \(Self.inTotoType)"
            )
        }
        return try InTotoStatement(parsing: payload)
    }
}
