// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Something that is attached to a manifest, as raw bytes. That it is there proves nothing.
package struct Evidence: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        /// A bundle of sigstore.
        case bundle([UInt8])
        /// A simple signing payload, and the annotation of its layer that holds the signature.
        case legacySignature(payload: [UInt8], signature: String)
        /// An envelope of DSSE without a bundle.
        case legacyAttestation([UInt8])
        /// A report that is not signed.
        case report([UInt8], MediaType)
    }

    package let content: Content
    /// The manifest that holds it: a referrer, or the image under a tag of its own.
    package let manifest: Digest
    /// The manifest that it is attached to.
    package let subject: Digest
    /// Whether the registry made it itself, which only the registry can know.
    package let isOwn: Bool

    package init(_ content: Content, manifest: Digest, subject: Digest, isOwn: Bool = false) {
        self.content = content
        self.manifest = manifest
        self.subject = subject
        self.isOwn = isOwn
    }
}

/// A layer of a manifest that holds evidence.
package struct EvidenceSource: Sendable, Hashable {
    private enum Kind: Sendable, Hashable {
        case bundle
        case signature(String)
        case attestation
        case report(MediaType)
    }

    /// The blob to fetch.
    package let layer: Descriptor
    private let kind: Kind

    /// The reports that are known by their type.
    private static let reports: Set<MediaType> = [.spdx, .cyclonedx, .sarif, .secretsReport]

    /// The layers of a referrer, or of an image under cosign's tags, that hold evidence and are not too long for any.
    package static func all(in manifest: Manifest) -> [EvidenceSource] {
        manifest.layers.prefix(TrustLimits.legacyLayersLimit).compactMap { layer in
            guard layer.size <= Int64(TrustLimits.documentBytesLimit) else { return nil }
            switch layer.mediaType {
            case .sigstoreBundle: return EvidenceSource(layer: layer, kind: .bundle)
            case .simpleSigning:
                guard let signature = layer.annotations[SimpleSigning.signatureAnnotation] else { return nil }
                return EvidenceSource(layer: layer, kind: .signature(signature))
            case .dsseEnvelope: return EvidenceSource(layer: layer, kind: .attestation)
            default:
                let types = [layer.mediaType] + (manifest.artifactType.map { [$0] } ?? [])
                return types.first { reports.contains($0) }.map { EvidenceSource(layer: layer, kind: .report($0)) }
            }
        }
    }

    /// The evidence, once the layer's bytes are there.
    ///
    /// - Parameters:
    ///   - bytes: The blob; the caller has checked its digest.
    ///   - manifest: The digest of the manifest that has the layer.
    ///   - subject: The digest of the manifest that it is attached to.
    ///   - isOwn: Whether the registry made it.
    /// - Returns: Evidence that is not verified yet.
    package func evidence(_ bytes: [UInt8], manifest: Digest, subject: Digest, isOwn: Bool = false) -> Evidence {
        let content: Evidence.Content =
            switch kind {
            case .bundle: .bundle(bytes)
            case .signature(let signature): .legacySignature(payload: bytes, signature: signature)
            case .attestation: .legacyAttestation(bytes)
            case .report(let type): .report(bytes, type)
            }
        return Evidence(content, manifest: manifest, subject: subject, isOwn: isOwn)
    }
}
