// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
package import OCI

/// Signatures and attestations where cosign kept them before registries had referrers: layers of an image under a tag
/// that names the subject's digest.
package enum LegacyArtifact {
    /// The annotation of a layer with an attestation that says its type.
    package static let predicateTypeAnnotation = "predicateType"

    /// `sha256-<hex>.sig`; nil for a digest that is too long for a tag.
    package static func signatureTag(of image: Digest) -> Tag? { Tag("\(image.algorithm.name)-\(image.hex).sig") }

    /// `sha256-<hex>.att`; nil for a digest that is too long for a tag.
    package static func attestationTag(of image: Digest) -> Tag? { Tag("\(image.algorithm.name)-\(image.hex).att") }

    /// A layer with a signature.
    ///
    /// - Parameters:
    ///   - image: The digest of the image's manifest.
    ///   - reference: What the payload calls the image: host and repository.
    ///   - key: The signer's key.
    /// - Returns: The payload with its descriptor, whose annotation is the signature.
    /// - Throws: `cryptography`.
    package static func signature(
        of image: Digest,
        reference: String,
        with key: SigningKey
    ) throws(TrustError) -> TrustArtifact.Blob {
        let payload = SimpleSigning(image: image, reference: reference).bytes
        let signature = Base64.encode(try key.trustSignature(of: payload))
        return try TrustArtifact.Blob(
            payload,
            .simpleSigning,
            annotations: [SimpleSigning.signatureAnnotation: signature]
        )
    }

    /// A layer with an attestation: the envelope of a bundle, without the bundle.
    ///
    /// - Throws: `invalidBundle` or `invalidStatement` for a bundle without a statement; `cryptography`.
    package static func attestation(_ bundle: SigstoreBundle) throws(TrustError) -> TrustArtifact.Blob {
        guard case .envelope(let envelope) = bundle.content else {
            throw TrustError(.invalidBundle, "the bundle signs bytes and holds no envelope")
        }
        return try TrustArtifact.Blob(
            envelope.bytes,
            .dsseEnvelope,
            annotations: [
                SimpleSigning.signatureAnnotation: "",
                predicateTypeAnnotation: try envelope.statement().predicateType.text,
            ]
        )
    }

    /// The image under the tag, with one more layer.
    ///
    /// - Parameters:
    ///   - layer: The layer that is new.
    ///   - existing: The image that the tag names now; nil where it names none.
    /// - Returns: Config and new layer to push, and the manifest. It is the existing one where the layer is there.
    /// - Throws: `tooLarge` for more layers than `TrustLimits` allows; `cryptography`.
    package static func appending(
        _ layer: TrustArtifact.Blob,
        to existing: Manifest?
    ) throws(TrustError) -> TrustArtifact {
        var layers = existing?.layers ?? []
        if let existing, layers.contains(where: { $0.isSame(as: layer.descriptor) }) {
            return try TrustArtifact(blobs: [], manifest: existing.bytes)
        }
        layers.append(layer.descriptor)
        guard layers.count <= TrustLimits.legacyLayersLimit else {
            throw TrustError(.tooLarge, "the tag holds \(TrustLimits.legacyLayersLimit) layers already")
        }
        let config = try TrustArtifact.Blob(config(layers), .imageConfig)
        var writer = JSONWriter()
        writer.object { writer in
            writer.manifestHead()
            writer.key("config")
            writer.descriptor(config.descriptor)
            writer.key("layers")
            writer.array { writer in
                for layer in layers { writer.descriptor(layer) }
            }
        }
        return try TrustArtifact(blobs: [config, layer], manifest: writer.bytes)
    }

    /// The config of an image that runs nothing: what readers of images need to find in one.
    private static func config(_ layers: [Descriptor]) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("architecture")
            writer.string("")
            writer.key("config")
            writer.object { _ in }
            writer.key("os")
            writer.string("")
            writer.key("rootfs")
            writer.object { writer in
                writer.key("diff_ids")
                writer.array { writer in
                    for layer in layers { writer.string(layer.digest.description) }
                }
                writer.key("type")
                writer.string("layers")
            }
        }
        return writer.bytes
    }
}

extension Descriptor {
    /// The same content, said to be the same.
    fileprivate func isSame(as other: Descriptor) -> Bool {
        mediaType == other.mediaType && digest == other.digest && annotations == other.annotations
    }
}
