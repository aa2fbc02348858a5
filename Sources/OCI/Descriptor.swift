// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A pointer to content (image specification, descriptor.md): what it is, its digest and its size.
public struct Descriptor: Hashable, Sendable {
    public var mediaType: MediaType
    public var digest: Digest
    /// Bytes of the content, 0 to 2^53.
    public var size: Int64
    /// Other places from which a client may fetch the content. The registry never follows them.
    public var urls: [String]
    public var annotations: [String: String]
    /// The type of the artifact that the descriptor points to.
    public var artifactType: MediaType?
    public var platform: Platform?
    /// The content itself, embedded: it has `size` bytes. Whether it has the digest is for its reader to check.
    public var data: [UInt8]?

    public init(
        mediaType: MediaType,
        digest: Digest,
        size: Int64,
        urls: [String] = [],
        annotations: [String: String] = [:],
        artifactType: MediaType? = nil,
        platform: Platform? = nil,
        data: [UInt8]? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.urls = urls
        self.annotations = annotations
        self.artifactType = artifactType
        self.platform = platform
        self.data = data
    }

    /// Whether a registry may lack the content: see `MediaType.isNonDistributable`.
    public var isNonDistributable: Bool { mediaType.isNonDistributable }
}

/// What an image runs on (image specification, image-index.md).
public struct Platform: Hashable, Sendable {
    /// A value of Go's `GOARCH`, such as `amd64`.
    public var architecture: String
    /// A value of Go's `GOOS`, such as `linux`.
    public var os: String
    public var osVersion: String?
    public var osFeatures: [String]
    /// The variant of the processor, such as `v8`.
    public var variant: String?

    public init(
        architecture: String,
        os: String,
        osVersion: String? = nil,
        osFeatures: [String] = [],
        variant: String? = nil
    ) {
        self.architecture = architecture
        self.os = os
        self.osVersion = osVersion
        self.osFeatures = osFeatures
        self.variant = variant
    }
}
