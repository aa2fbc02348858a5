// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// All that belongs to an image: its manifests, those of an index's images included, and the descriptors of its blobs.
package struct ImageContents: Sendable {
    /// What was asked for.
    package let root: FetchedManifest
    /// What the layout's name stands for: the root, or the one image of an index that was chosen.
    package private(set) var top: Descriptor
    /// In the order in which they were found; the root is not among them where one of its images was chosen.
    package private(set) var manifests: [FetchedManifest] = []
    /// Each once, without those that registries may lack.
    package private(set) var blobs: [Descriptor] = []
    /// Left out, because their types say that they are not distributed.
    package private(set) var notDistributed: [Descriptor] = []

    /// The images among the manifests.
    package var images: [FetchedManifest] { manifests.filter { $0.manifest.kind == .image } }

    /// Bytes of all blobs.
    package var bytes: Int64 { blobs.reduce(0) { $0 + $1.size } }

    /// Fetches the manifests below one that was fetched.
    ///
    /// - Throws: `.integrity` where a manifest is not what its index says, or one blob has two sizes; `.usage` for more
    ///   manifests, blobs or depth than `ClientLimits` allow.
    package init(
        of root: FetchedManifest,
        platforms: PlatformChoice,
        from regions: Regions
    ) async throws(ClientError) {
        self.root = root
        top = root.descriptor
        var sizes: [Digest: Int64] = [:]
        if root.manifest.kind == .image {
            try add(root, &sizes)
            return
        }
        guard platforms != .all else {
            manifests.append(root)
            try await descend(root, depth: 1, from: regions, &sizes)
            return
        }
        var index = root
        for _ in 0..<ClientLimits.indexDepth {
            guard let entry = try platforms.entries(of: index.manifest).first else { break }
            let child = try await Self.fetch(entry, from: regions)
            guard child.manifest.kind == .index else {
                top = child.descriptor
                top.platform = entry.platform
                try add(child, &sizes)
                return
            }
            index = child
        }
        throw ClientError(.usage, "\(root.digest) has indexes within indexes more than \(ClientLimits.indexDepth) deep")
    }

    private mutating func descend(
        _ index: FetchedManifest,
        depth: Int,
        from regions: Regions,
        _ sizes: inout [Digest: Int64]
    ) async throws(ClientError) {
        guard depth <= ClientLimits.indexDepth else {
            throw ClientError(
                .usage,
                "\(root.digest) has indexes within indexes more than \(ClientLimits.indexDepth) deep"
            )
        }
        for entry in index.manifest.manifests where !manifests.contains(where: { $0.digest == entry.digest }) {
            let child = try await Self.fetch(entry, from: regions)
            guard manifests.count < ClientLimits.manifests else {
                throw ClientError(.usage, "\(root.digest) has more than \(ClientLimits.manifests) manifests")
            }
            if child.manifest.kind == .index {
                manifests.append(child)
                try await descend(child, depth: depth + 1, from: regions, &sizes)
            } else {
                try add(child, &sizes)
            }
        }
    }

    private static func fetch(_ entry: Descriptor, from regions: Regions) async throws(ClientError) -> FetchedManifest {
        let child = try await regions.first { repository throws(ClientError) in
            try await repository.manifest(.digest(entry.digest))
        }
        guard Int64(child.manifest.bytes.count) == entry.size else {
            throw ClientError(
                .integrity,
                "\(entry.digest) has \(child.manifest.bytes.count) bytes, and its index says \(entry.size)"
            )
        }
        return child
    }

    private mutating func add(_ image: FetchedManifest, _ sizes: inout [Digest: Int64]) throws(ClientError) {
        manifests.append(image)
        for blob in (image.manifest.config.map { [$0] } ?? []) + image.manifest.layers {
            if let size = sizes[blob.digest] {
                guard size == blob.size else {
                    throw ClientError(.integrity, "\(blob.digest) is said to have \(size) and \(blob.size) bytes")
                }
                continue
            }
            guard sizes.count < ClientLimits.blobs else {
                throw ClientError(.usage, "\(root.digest) has more than \(ClientLimits.blobs) blobs")
            }
            sizes[blob.digest] = blob.size
            if blob.isNonDistributable { notDistributed.append(blob) } else { blobs.append(blob) }
        }
    }
}
