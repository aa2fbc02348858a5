// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of the value types and readers of this module.
public enum OCILimits: Sendable {
    /// Bytes of a repository name. The specification bounds host and name together by 255; the host is not known here.
    public static let repositoryNameBytesLimit = 255
    /// Bytes of a tag, from the grammar of the distribution specification.
    public static let tagBytesLimit = 128
    /// Bytes of the name of an environment, a target, a service or a deployment.
    public static let placeNameBytesLimit = 128
    /// Bytes of each half of a media type (RFC 6838, section 4.2).
    public static let mediaTypePartBytesLimit = 127
    /// Bytes of a wrong value that an error keeps, after escaping.
    public static let quotedValueBytesLimit = 256
    /// Characters of a digest's algorithm in a referrers tag; the rest is cut.
    public static let referrersTagAlgorithmLimit = 32
    /// Characters of a digest's hash in a referrers tag; the rest is cut.
    public static let referrersTagEncodedLimit = 64

    /// Bytes of a manifest: 4 MiB. The specification asks for at least as much.
    public static let manifestBytesLimit = 4 << 20
    /// Descriptors of one manifest: config, layers, manifests and subject together.
    public static let manifestDescriptorsLimit = 4_096
    /// Containers open at once in a JSON document.
    public static let jsonDepthLimit = 32
    /// Values in a JSON document: each object, array, string, number, boolean and null is one; keys are not counted.
    public static let jsonNodesLimit = 20_000
    /// The largest size of a descriptor: 2^53, up to which every reader of JSON is exact.
    public static let descriptorSizeLimit: Int64 = 1 << 53
}
