// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
package import OCI

/// What is pushed to attach something to an image: blobs first, then the manifest.
package struct TrustArtifact: Sendable, Hashable {
    package struct Blob: Sendable, Hashable {
        package let descriptor: Descriptor
        package let bytes: [UInt8]

        /// - Throws: `cryptography`.
        package init(_ bytes: [UInt8], _ mediaType: MediaType, annotations: [String: String] = [:]) throws(TrustError) {
            self.bytes = bytes
            descriptor = Descriptor(
                mediaType: mediaType,
                digest: try Digest.hashing(bytes),
                size: Int64(bytes.count),
                annotations: annotations
            )
        }
    }

    /// The blobs that the manifest needs and that may be missing: the config, and the layer that is new.
    package let blobs: [Blob]
    /// The manifest's bytes, an OCI image manifest.
    package let manifest: [UInt8]
    package let digest: Digest

    init(blobs: [Blob], manifest: [UInt8]) throws(TrustError) {
        self.blobs = blobs
        self.manifest = manifest
        digest = try Digest.hashing(manifest)
    }

    // MARK: Referrers

    /// A referrer of an image that holds one bundle, as cosign writes it.
    ///
    /// - Parameters:
    ///   - subject: The image's manifest.
    ///   - bundle: A bundle with a statement.
    ///   - created: Seconds since 1970.
    /// - Returns: Config, bundle and manifest.
    /// - Throws: `invalidBundle` or `invalidStatement` for a bundle without a statement; `cryptography`.
    package static func referrer(
        of subject: Descriptor,
        bundle: SigstoreBundle,
        created: Int64
    ) throws(TrustError) -> TrustArtifact {
        try referrer(
            of: subject,
            layer: Blob(bundle.bytes, .sigstoreBundle),
            annotations: [
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": try bundle.statement().predicateType.text,
                "org.opencontainers.image.created": RFC3339.text(created),
            ]
        )
    }

    /// A referrer of an image that holds a report as it is, unsigned.
    ///
    /// - Parameters:
    ///   - subject: The image's manifest.
    ///   - report: The report's bytes.
    ///   - mediaType: The report's type, which is the artifact's type too.
    ///   - created: Seconds since 1970.
    /// - Returns: Config, report and manifest.
    /// - Throws: `cryptography`.
    package static func referrer(
        of subject: Descriptor,
        report: [UInt8],
        mediaType: MediaType,
        created: Int64
    ) throws(TrustError) -> TrustArtifact {
        try referrer(
            of: subject,
            layer: Blob(report, mediaType),
            annotations: ["org.opencontainers.image.created": RFC3339.text(created)]
        )
    }

    private static func referrer(
        of subject: Descriptor,
        layer: Blob,
        annotations: [String: String]
    ) throws(TrustError) -> TrustArtifact {
        let config = try Blob(Array("{}".utf8), .emptyJSON)
        var writer = JSONWriter()
        writer.object { writer in
            writer.manifestHead()
            writer.key("artifactType")
            writer.string(layer.descriptor.mediaType.description)
            writer.key("config")
            writer.descriptor(config.descriptor)
            writer.key("layers")
            writer.array { writer in writer.descriptor(layer.descriptor) }
            writer.key("subject")
            // The pointer alone: what else the image's descriptor says is not the referrer's to repeat.
            writer.descriptor(Descriptor(mediaType: subject.mediaType, digest: subject.digest, size: subject.size))
            writer.key("annotations")
            writer.texts(annotations)
        }
        return try TrustArtifact(blobs: [config, layer], manifest: writer.bytes)
    }
}

extension JSONWriter {
    mutating func manifestHead() {
        key("schemaVersion")
        integer(2)
        key("mediaType")
        string(MediaType.imageManifest.description)
    }

    /// A descriptor of type, digest, size and annotations.
    mutating func descriptor(_ descriptor: Descriptor) {
        object { writer in
            writer.key("mediaType")
            writer.string(descriptor.mediaType.description)
            writer.key("digest")
            writer.string(descriptor.digest.description)
            writer.key("size")
            writer.integer(descriptor.size)
            if !descriptor.annotations.isEmpty {
                writer.key("annotations")
                writer.texts(descriptor.annotations)
            }
        }
    }

    /// An object of texts, in the order of the keys.
    mutating func texts(_ texts: [String: String]) {
        object { writer in
            for (key, text) in texts.sorted(by: { $0.key < $1.key }) {
                writer.key(key)
                writer.string(text)
            }
        }
    }
}
