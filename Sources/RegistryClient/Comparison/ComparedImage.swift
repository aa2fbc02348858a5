// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import ImageDiff
internal import OCI
internal import Trust

/// One of two images that are compared, with its configuration.
struct ComparedImage: Sendable {
    /// What a name stands for, an image or an index.
    struct Root: Sendable {
        let name: String
        let regions: Regions
        let manifest: FetchedManifest

        init(_ reference: ImageReference, _ regions: Regions) async throws(ClientError) {
            guard let wanted = reference.reference else { throw ClientError(.usage, "\(reference) names no image") }
            name = reference.description
            self.regions = regions
            manifest = try await ImagePull.resolve(wanted, in: regions)
        }

        var side: ImageComparison.Side {
            ImageComparison.Side(name: name, root: manifest.digest, image: nil, platform: nil)
        }

        var isIndex: Bool { manifest.manifest.kind == .index }

        /// The platforms of an index, or of an image, as far as they are said; in the order of the index.
        func platforms() async throws(ClientError) -> [(platform: String, digest: Digest)] {
            guard isIndex else {
                let configuration = try await ComparedImage.configuration(of: manifest, from: regions)
                guard let platform = configuration?.platform else { return [] }
                return [(ComparedImage.name(of: platform), manifest.digest)]
            }
            return manifest.manifest.manifests.compactMap { entry in
                guard let platform = entry.platform, platform.os != "unknown" else { return nil }
                return (ComparedImage.name(of: platform), entry.digest)
            }
        }
    }

    let root: Root
    let image: FetchedManifest
    let configuration: ImageConfiguration?

    var regions: Regions { root.regions }
    var layers: [Descriptor] { image.manifest.layers }
    var commands: [String?] {
        configuration?.commands(layers: layers.count) ?? Array(repeating: nil, count: layers.count)
    }

    var side: ImageComparison.Side {
        ImageComparison.Side(
            name: root.name,
            root: root.manifest.digest,
            image: image.digest,
            platform: configuration?.platform.map(Self.name)
        )
    }

    init(_ root: Root, _ platform: PlatformChoice) async throws(ClientError) {
        self.root = root
        let contents = try await ImageContents(of: root.manifest, platforms: platform, from: root.regions)
        guard let image = contents.images.first else {
            throw ClientError(.notFound, "\(root.name) is an index without images")
        }
        self.image = image
        configuration = try await Self.configuration(of: image, from: root.regions)
    }

    /// `linux/arm64/v7`, without the variant that arm64 has anyway.
    static func name(of platform: Platform) -> String {
        let variant = platform.architecture == "arm64" && platform.variant == "v8" ? nil : platform.variant
        return "\(platform.os)/\(platform.architecture)" + (variant.map { "/\($0)" } ?? "")
    }

    /// The platform to compare: the one that is wanted, or linux/amd64, or the only one that both have.
    static func platform(
        _ wanted: PlatformChoice?,
        _ old: Root,
        _ new: Root
    ) async throws(ClientError) -> PlatformChoice {
        if let wanted { return wanted }
        let usual = "linux/amd64"
        guard old.isIndex || new.isIndex else { return try PlatformChoice(parsing: usual) }
        let before = try await old.platforms().map(\.platform)
        let after = Set(try await new.platforms().map(\.platform))
        let common = Set(before).intersection(after)
        if common.contains(usual) { return try PlatformChoice(parsing: usual) }
        guard let only = common.first, common.count == 1 else {
            let texts = [before, Array(after)].map { ParsingError.quotable(Set($0).sorted().joined(separator: ", ")) }
            throw ClientError(
                common.isEmpty ? .notFound : .usage,
                "give --platform: A has \(texts[0]), and B has \(texts[1])"
            )
        }
        return try PlatformChoice(parsing: only)
    }

    fileprivate static func configuration(
        of image: FetchedManifest,
        from regions: Regions
    ) async throws(ClientError) -> ImageConfiguration? {
        guard let config = image.manifest.config, [.imageConfig, .dockerConfig].contains(config.mediaType) else {
            return nil
        }
        guard config.size <= Int64(ImageDiffLimits.configurationBytes) else {
            throw ClientError(
                .usage,
                "the configuration of \(image.digest) has over \(ImageDiffLimits.configurationBytes) bytes"
            )
        }
        let bytes = try await regions.first { repository throws(ClientError) in try await repository.blob(config) }
        do {
            return try ImageConfiguration(parsing: bytes)
        } catch {
            throw ClientError(error, about: image.digest.description)
        }
    }

    /// What is attached to it.
    func claims() async throws(ClientError) -> AttachedClaims {
        let (image, root) = (image, root.manifest)
        return try await regions.first { repository throws(ClientError) in
            try await AttachedClaims(of: image, in: root, from: repository)
        }
    }

    // MARK: Revision

    /// The annotations that say what an image was made of (image specification, annotations.md).
    static let revisionKeys = ["revision", "source", "version", "created"].map { "org.opencontainers.image.\($0)" }

    /// What its annotations say, else those of its index, else its labels; and what a provenance says.
    func revision(_ provenance: ProvenanceClaim?) -> [NamedValue] {
        var values: [NamedValue] = []
        for key in Self.revisionKeys {
            let value =
                image.manifest.annotations[key] ?? root.manifest.manifest.annotations[key]
                ?? configuration?.labels[key]
            if let value { values.append(NamedValue("revision", key, value)) }
        }
        if let commit = provenance?.revision { values.append(NamedValue("provenance", "commit", commit)) }
        if let source = provenance?.source, !source.isEmpty {
            values.append(NamedValue("provenance", "source", source))
        }
        return values
    }

    // MARK: Layers

    /// Why its layers cannot be read, for those that the other one has not.
    func unreadable(besides other: ComparedImage) -> String? {
        let shared = Set(other.layers.map(\.digest))
        for layer in layers where !shared.contains(layer.digest) {
            if layer.isNonDistributable { return "the layer \(layer.digest) is not distributed by registries" }
            if layer.mediaType.description.hasSuffix("+encrypted") { return "the layer \(layer.digest) is encrypted" }
        }
        return nil
    }
}
