// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
package import OCI

/// Fetches an image to a layout on disk: in parallel, continuing what was interrupted, and checking all that comes.
package struct ImagePull: Sendable {
    package struct Options: Sendable {
        /// The directory of the layout.
        package var directory: String
        package var platforms = PlatformChoice.host
        /// Another layout on this machine whose blobs are taken where it has them, and which is given the new ones.
        package var cache: String?

        package var pieces = BlobFetch.Pieces()

        package init(directory: String) { self.directory = directory }
    }

    /// What was fetched.
    package struct Report: Hashable, Sendable {
        /// What the image's tag or digest stands for.
        package let digest: Digest
        /// What the layout's name stands for: `digest`, or that of the image chosen from an index.
        package let image: Digest
        package let name: String
        package let manifests: Int
        package let blobs: Int
        package let bytes: Int64
        /// Blobs that are left out, because their types say that registries do not have them.
        package let notDistributed: Int

        /// A line for people.
        package func line(directory: String) -> String {
            let left = notDistributed > 0 ? "; \(notDistributed) blobs are not distributed" : ""
            return "pulled \(name) (\(image)) to \(directory): \(manifests) manifests, \(blobs) blobs, "
                + "\(PullProgress.size(bytes))\(left)"
        }

        /// A JSON object, with what was verified.
        package func json(_ verified: VerificationReport?) -> String {
            var writer = JSONWriter()
            writer.object { writer in
                writer.field("digest", digest.description)
                writer.field("image", image.description)
                writer.field("name", name)
                for (key, count) in [("manifests", manifests), ("blobs", blobs), ("notDistributed", notDistributed)] {
                    writer.key(key)
                    writer.integer(count)
                }
                writer.key("bytes")
                writer.integer(bytes)
                writer.key("verified")
                if let verified { writer.raw(verified.json) } else { writer.null() }
            }
            return writer.text
        }
    }

    private let regions: Regions
    private let options: Options
    private let progress: PullProgress

    package init(regions: Regions, options: Options, progress: PullProgress) {
        self.regions = regions
        self.options = options
        self.progress = progress
    }

    /// What a tag or digest stands for, at the first region that answers.
    package static func resolve(
        _ reference: Reference,
        in regions: Regions
    ) async throws(ClientError) -> FetchedManifest {
        try await regions.first { repository throws(ClientError) in try await repository.manifest(reference) }
    }

    /// What belongs to a manifest, for the platforms that are wanted.
    package func contents(of root: FetchedManifest) async throws(ClientError) -> ImageContents {
        try await ImageContents(of: root, platforms: options.platforms, from: regions)
    }

    /// Fetches all that belongs to an image, and lets a name of the layout stand for it at the end.
    ///
    /// Interrupted, it leaves a valid layout, and goes on where it stopped when it is called again.
    ///
    /// - Throws: `.integrity` where what is served is not what it must be, and then nothing of it has a name in the
    ///   layout.
    package func run(_ contents: ImageContents, name: String) async throws(ClientError) -> Report {
        let layout = try await ImageLayout.open(options.directory)
        progress.expect(blobs: contents.blobs.count, bytes: contents.bytes)
        try await fetch(contents.blobs, to: layout)
        for manifest in contents.manifests { try await layout.store(manifest.manifest.bytes, as: manifest.digest) }
        try await layout.name(contents.top, as: name)
        return Report(
            digest: contents.root.digest,
            image: contents.top.digest,
            name: name,
            manifests: contents.manifests.count,
            blobs: contents.blobs.count,
            bytes: contents.bytes,
            notDistributed: contents.notDistributed.count
        )
    }

    private func fetch(_ blobs: [Descriptor], to layout: ImageLayout) async throws(ClientError) {
        try await Parallel.forEach(blobs, width: ClientLimits.parallelBlobs) { blob throws(ClientError) in
            try await fetch(blob, to: layout)
        }
    }

    private func fetch(_ blob: Descriptor, to layout: ImageLayout) async throws(ClientError) {
        if try await isHere(blob, layout) {
            progress.reused(blob.size)
            return progress.finished()
        }
        let sink = try await BlobSink.open(layout.partialPath(blob.digest), blob)
        progress.reused(sink.length)
        let wasResumed = sink.isResumed
        do {
            try await receive(blob, sink)
        } catch {
            // What came is kept for the next attempt; what is wrong is not.
            guard error.code != .integrity else {
                try await Self.discard(blob, layout)
                throw error
            }
            try? await sink.flush()
            throw error
        }
        if try await sink.finish() == blob.digest { return try await adopt(blob, layout) }
        try await Self.discard(blob, layout)
        guard wasResumed else { throw Self.wrong(blob, regions) }
        // What an earlier attempt left may have been damaged on this disk.
        progress.received(-Int(blob.size))
        let second = try await BlobSink.open(layout.partialPath(blob.digest), blob)
        try await receive(blob, second)
        guard try await second.finish() == blob.digest else {
            try await Self.discard(blob, layout)
            throw Self.wrong(blob, regions)
        }
        try await adopt(blob, layout)
    }

    private func isHere(_ blob: Descriptor, _ layout: ImageLayout) async throws(ClientError) -> Bool {
        if try await layout.holds(blob) { return true }
        guard let cache = options.cache else { return false }
        return try await layout.take(blob, from: cache)
    }

    private func receive(_ blob: Descriptor, _ sink: BlobSink) async throws(ClientError) {
        try await BlobFetch(
            descriptor: blob,
            regions: regions,
            sink: sink,
            progress: progress,
            pieces: options.pieces
        ).run()
    }

    private func adopt(_ blob: Descriptor, _ layout: ImageLayout) async throws(ClientError) {
        try await layout.adopt(blob.digest)
        if let cache = options.cache { try await layout.give(blob.digest, to: cache) }
        progress.finished()
    }

    private static func discard(_ blob: Descriptor, _ layout: ImageLayout) async throws(ClientError) {
        let path = layout.partialPath(blob.digest)
        try await FileWork.run { () throws(ClientError) in try LocalFile.remove(path) }
    }

    private static func wrong(_ blob: Descriptor, _ regions: Regions) -> ClientError {
        ClientError(
            .integrity,
            "the bytes served as \(blob.digest) have another digest (from \(regions.places))"
        )
    }
}
