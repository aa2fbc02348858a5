// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import ImageDiff
package import OCI

/// How two images differ.
package struct ImageComparison: Sendable {
    package struct Options: Sendable {
        /// Of two indexes; nil for the usual one, or the only one that both have.
        package var platform: PlatformChoice?
        /// Whether the file systems are compared.
        package var files = false
        /// Whether layers are fetched at all.
        package var layers = true
        /// Differences of one sort that are shown.
        package var shown = 200

        package init() {}
    }

    /// What one of the two names stands for.
    package struct Side: Sendable {
        package let name: String
        package let root: Digest
        /// The image that was compared: the root, or the one of a platform; nil where platforms are compared.
        package let image: Digest?
        package let platform: String?
    }

    /// A part of the comparison.
    package enum Part<Value: Sendable>: Sendable {
        case compared(Value)
        /// Not, and why.
        case left(String)
        case notAsked

        package var value: Value? { if case .compared(let value) = self { value } else { nil } }
    }

    package let old: Side
    package let new: Side
    /// Only where platforms are compared, and nothing else then.
    package var platforms: PlatformDiff?
    package var layers = LayerDiff([], [], [], [])
    package var configuration = Part<[ValueChange]>.notAsked
    package var revision: [ValueChange] = []
    /// The revision where both have the same.
    package var sameRevision: String?
    package var packages = Part<PackageDiff>.notAsked
    package var files = Part<FileDiff>.notAsked
    /// What the reader should know, a sentence each.
    package var notes: [String] = []
    /// Differences of one sort that are shown.
    package let shown: Int

    package init(old: Side, new: Side, shown: Int) {
        self.old = old
        self.new = new
        self.shown = shown
    }

    /// Whether the two are one image, by digest; of platforms, whether both have the same images.
    package var isSame: Bool {
        if let platforms { return platforms.isEmpty }
        return old.image == new.image
    }
}

extension ImageComparison {
    /// Compares two images.
    ///
    /// - Parameters:
    ///   - old: The first one, and the places that have it.
    ///   - new: The other one.
    ///   - options: What is compared.
    ///   - progress: Counts the layers that are fetched.
    /// - Returns: What differs, and what was not compared and why.
    /// - Throws: `.integrity` for a manifest or blob with another digest, and for a configuration or layer that
    ///   contradicts its format; `.notFound` for an image or platform that is not there; `.usage` for a bound that was
    ///   met.
    package static func compare(
        _ old: (reference: ImageReference, regions: Regions),
        _ new: (reference: ImageReference, regions: Regions),
        options: Options,
        progress: PullProgress
    ) async throws(ClientError) -> ImageComparison {
        let before = try await ComparedImage.Root(old.reference, old.regions)
        let after = try await ComparedImage.Root(new.reference, new.regions)
        if options.platform == .all {
            var comparison = ImageComparison(old: before.side, new: after.side, shown: options.shown)
            comparison.platforms = PlatformDiff(try await before.platforms(), try await after.platforms())
            return comparison
        }
        let platform = try await ComparedImage.platform(options.platform, before, after)
        let first = try await ComparedImage(before, platform)
        let second = try await ComparedImage(after, platform)
        var comparison = ImageComparison(old: first.side, new: second.side, shown: options.shown)
        if comparison.isSame { return comparison }
        comparison.compareManifests(first, second)
        try await comparison.compareContent(first, second, options, progress)
        return comparison
    }

    private mutating func compareManifests(_ old: ComparedImage, _ new: ComparedImage) {
        layers = LayerDiff(old.layers, old.commands, new.layers, new.commands)
        if let before = old.configuration, let after = new.configuration {
            configuration = .compared(ValueChange.between(before.values, after.values))
        } else {
            configuration = .left("one of the two is no image that can be run")
        }
    }

    private mutating func compareContent(
        _ old: ComparedImage,
        _ new: ComparedImage,
        _ options: Options,
        _ progress: PullProgress
    ) async throws(ClientError) {
        let before = try await old.claims()
        let after = try await new.claims()
        notes += before.notes.map { "A: \($0)" } + after.notes.map { "B: \($0)" }
        let (was, becomes) = (old.revision(before.provenance), new.revision(after.provenance))
        revision = ValueChange.between(was, becomes)
        sameRevision = was.first { $0.key == ComparedImage.revisionKeys[0] && becomes.contains($0) }?.value
        if let diff = try Self.inventories(before, after) { packages = .compared(diff) }
        guard options.layers else {
            if packages.value == nil { packages = .left("not both have an inventory, and no layers are fetched") }
            return
        }
        guard options.files || packages.value == nil else { return }
        if let reason = old.unreadable(besides: new) ?? new.unreadable(besides: old) {
            if packages.value == nil { packages = .left(reason) }
            if options.files { files = .left(reason) }
            return
        }
        var content = ContentComparison(old, new, progress)
        try await content.read(needsFiles: options.files)
        if packages.value == nil { packages = .compared(try content.packages()) }
        if options.files { files = .compared(content.files(shown: options.shown)) }
    }

    /// Compares inventories of the same form, else of different ones; nil where not both have one.
    private static func inventories(_ old: AttachedClaims, _ new: AttachedClaims) throws(ClientError) -> PackageDiff? {
        let pair =
            old.inventories.lazy.compactMap { before in
                new.inventories.first { $0.format == before.format }.map { (before, $0) }
            }.first ?? old.inventories.first.flatMap { before in new.inventories.first.map { (before, $0) } }
        guard let (before, after) = pair else { return nil }
        do {
            let isOneForm = before.format == after.format
            var diff = PackageDiff(
                try PackageList(before.document, before.format),
                try PackageList(after.document, after.format),
                source: isOneForm ? "\(before.format) attached" : "\(before.format) and \(after.format) attached"
            )
            if max(old.inventories.count, new.inventories.count) > 1 {
                diff.notes.append("several inventories are attached; one of each image was compared")
            }
            return diff
        } catch {
            throw ClientError(error, about: "an inventory")
        }
    }
}
