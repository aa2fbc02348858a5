// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A manifest: the exact bytes as pushed, and what the registry needs to know of them.
///
/// The bytes are what the digest covers and what is served; the decoded view is never encoded again. A value exists
/// only for a document with one meaning: to careful and careless readers it is of the one kind that it was pushed as.
/// Fields of the specification that the registry does not use and unknown fields are allowed, and stay in the bytes.
public struct Manifest: Hashable, Sendable {
    /// What a manifest refers to: blobs or other manifests.
    public enum Kind: Hashable, Sendable {
        /// Refers to blobs: an OCI image manifest, a Docker schema 2 manifest, or an OCI artifact manifest.
        case image
        /// Refers to manifests: an OCI image index or a Docker manifest list.
        case index
    }

    public let bytes: [UInt8]
    public let kind: Kind
    /// The type under which the manifest is served: the request's, else the document's own, else by its shape that of
    /// an OCI image manifest or index.
    public let mediaType: MediaType
    /// As a list of referrers shows it: the declared type, else the config's type for an image; an index that declares
    /// none has none.
    public let artifactType: MediaType?
    public let config: Descriptor?
    /// The layers of an image, or the blobs of an artifact manifest.
    public let layers: [Descriptor]
    /// The entries of an index.
    public let manifests: [Descriptor]
    /// The manifest that this one refers to, which need not exist.
    public let subject: Descriptor?
    public let annotations: [String: String]

    /// The type of the config, for an image that has one.
    public var configType: MediaType? { config?.mediaType }

    /// Whether a push of this under these tags only attaches something to another manifest: it has a subject, or is one
    /// of the images that clients keep signatures in, and no tag but those for that purpose.
    public func isAttached(under tags: [Tag]) -> Bool {
        guard tags.allSatisfy({ $0.namesAttachment }) else { return false }
        return subject != nil || !tags.isEmpty
    }

    /// Every descriptor: config, layers, manifests, subject.
    public var descriptors: [Descriptor] {
        (config.map { [$0] } ?? []) + layers + manifests + (subject.map { [$0] } ?? [])
    }

    /// Reads a manifest, strictly and within the bounds of `OCILimits`.
    ///
    /// Embedded `data` has the length that its descriptor says; whether it has the digest is not checked here.
    ///
    /// - Parameters:
    ///   - bytes: The document.
    ///   - contentType: The type that the request gives, without parameters; nil if it gives none.
    /// - Throws: `ManifestError`, with a path into the document where there is one.
    public init(parsing bytes: [UInt8], contentType: MediaType?) throws(ManifestError) {
        guard bytes.count <= OCILimits.manifestBytesLimit else {
            throw ManifestError(
                code: .tooLarge,
                reason: "a manifest has at most \(OCILimits.manifestBytesLimit) bytes, this one \(bytes.count)"
            )
        }
        if let contentType { try ManifestForm.requireSupported(contentType, path: "") }
        let document: JSONValue
        do {
            document = try JSONValue(parsing: bytes)
        } catch {
            throw ManifestError(error)
        }
        let fields = try ManifestFields(document)
        let form = try ManifestForm(fields, contentType: contentType)
        try fields.requireOnlyMembers(of: form)

        let decoder = DescriptorDecoder()
        try fields.boundDescriptors(form)
        self.bytes = bytes
        kind = form.kind
        mediaType = form.mediaType
        config = try fields.config.map { value throws(ManifestError) in try decoder.descriptor(value, "config") }
        layers = try decoder.descriptors(form == .artifact ? fields.blobs : fields.layers, form.listName)
        manifests = try decoder.descriptors(fields.manifests, form.listName)
        subject = try fields.subject.map { value throws(ManifestError) in try decoder.descriptor(value, "subject") }
        annotations = try decoder.annotations(fields.annotations, "annotations")
        let declared = try fields.declaredArtifactType()
        artifactType = declared ?? config?.mediaType
    }
}

extension Manifest {
    /// Whether its config is the empty object `{}`: then no runtime can make a container of it, which takes the digests
    /// of its layers from the config. That is how artifacts are packed (image specification, "Guidelines for Artifact
    /// Usage").
    public var hasEmptyConfig: Bool { config?.digest == Digest.emptyObject }
}

extension Digest {
    /// Of the two bytes `{}`.
    public static let emptyObject = Digest(
        "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )
}
