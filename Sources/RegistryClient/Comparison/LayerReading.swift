// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import ImageDiff
internal import LayerArchive
internal import NIOPosix
internal import OCI

/// Reads layers as they come from a registry, each once. Nothing is written anywhere.
struct LayerReading: Sendable {
    private(set) var trees: [Digest: LayerTree] = [:]
    private var budget = NameBudget()
    private let limits: LayerLimits
    private let progress: PullProgress

    init(limits: LayerLimits = LayerLimits(), progress: PullProgress) {
        self.limits = limits
        self.progress = progress
    }

    /// Reads those layers that were not read yet.
    ///
    /// - Throws: `.integrity` for bytes with another digest, whatever they hold, and for layers that contradict their
    ///   format; `.usage` for more than the bounds allow.
    mutating func read(_ layers: [Descriptor], from regions: Regions) async throws(ClientError) {
        var missing: [Descriptor] = []
        for layer in layers where trees[layer.digest] == nil && !missing.contains(where: { $0.digest == layer.digest })
        {
            missing.append(layer)
        }
        progress.expect(blobs: missing.count, bytes: missing.reduce(0) { $0 + $1.size })
        for layer in missing {
            let (tree, rest) = try await Self.read(layer, limits, budget, from: regions, progress)
            (trees[layer.digest], budget) = (tree, rest)
            progress.finished()
        }
    }

    /// The bytes are hashed as they pass to the reader, and what it made of them counts only if they are the right
    /// ones: so a layer is fetched to its end even if the reader has found fault with it.
    private static func read(
        _ layer: Descriptor,
        _ limits: LayerLimits,
        _ budget: NameBudget,
        from regions: Regions,
        _ progress: PullProgress
    ) async throws(ClientError) -> (LayerTree, NameBudget) {
        let pipe = BlobPipe()
        // A thread of its own: those that hash wait for nobody.
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        async let reading = read(pipe, limits, budget, on: threads)
        let fetched: Result<Void, ClientError>
        do throws(ClientError) {
            let sink = try BlobSink.hashing(layer, onward: pipe)
            try await BlobFetch(descriptor: layer, regions: regions, sink: sink, progress: progress).run()
            guard try await sink.finish() == layer.digest else {
                throw ClientError(
                    .integrity,
                    "the bytes served as \(layer.digest) have another digest (from \(regions.places))"
                )
            }
            fetched = .success(())
        } catch {
            fetched = .failure(error)
        }
        if case .failure = fetched { pipe.end(failed: true) } else { pipe.end() }
        let read = await reading
        try? await threads.shutdownGracefully()
        try fetched.get()
        guard let read else { throw ClientError.cancelled }
        do {
            return try read.get()
        } catch {
            throw ClientError(error, about: "the layer \(layer.digest)")
        }
    }

    /// Whatever becomes of it, nobody waits for the reader afterwards; nil where it was cancelled before it began.
    private static func read(
        _ pipe: BlobPipe,
        _ limits: LayerLimits,
        _ budget: NameBudget,
        on threads: NIOThreadPool
    ) async -> Result<(LayerTree, NameBudget), ImageDiffError>? {
        defer { pipe.abandon() }
        return try? await threads.runIfActive {
            // At once, and not when the task is resumed: who brings the bytes waits while the pipe is full.
            defer { pipe.abandon() }
            do throws(ImageDiffError) {
                var budget = budget
                let source = LayerSource.pieces { () throws(LayerFault) in try pipe.next() }
                return .success((try LayerTree(reading: source, limits: limits, budget: &budget), budget))
            } catch {
                return .failure(error)
            }
        }
    }
}

extension ClientError {
    init(_ error: ImageDiffError, about subject: String) {
        let code: Code =
            switch error.code {
            case .malformed: .integrity
            case .tooLarge, .unsupported: .usage
            case .failed: .storage
            }
        self.init(code, "\(subject) cannot be compared: \(error.reason)")
    }
}
