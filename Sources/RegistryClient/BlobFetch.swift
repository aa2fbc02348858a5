// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import OCI

/// Brings one blob from the regions into its sink. A region that fails or stalls is left in the middle of the blob, and
/// the next one is asked for what is missing.
package struct BlobFetch: Sendable {
    private enum Outcome: Sendable {
        case done
        /// The registry answers with the whole blob to a request for a part.
        case rangesIgnored
    }

    /// Pieces that are asked for at once, and how large they are.
    package struct Pieces: Hashable, Sendable {
        /// Bytes above which a blob is fetched in pieces.
        package var threshold: Int64
        /// Bytes of a piece.
        package var bytes: Int64
        /// Pieces that are fetched ahead of the one that is written.
        package var ahead: Int

        package init(
            threshold: Int64 = ClientLimits.pieceThreshold,
            bytes: Int64 = ClientLimits.pieceBytes,
            ahead: Int = ClientLimits.piecesAhead
        ) {
            self.threshold = threshold
            self.bytes = bytes
            self.ahead = ahead
        }
    }

    let descriptor: Descriptor
    let regions: Regions
    let sink: BlobSink
    let progress: PullProgress
    var pieces = Pieces()

    /// Fills the sink. Whether the bytes are the right ones is for the caller to check.
    func run() async throws(ClientError) {
        if descriptor.size - sink.length > pieces.threshold {
            if try await inPieces() == .done { return }
        }
        guard sink.length < descriptor.size else { return }
        _ = try await range(from: sink.length, to: descriptor.size, acceptsWhole: true) { piece throws(ClientError) in
            try await sink.append(piece)
        }
    }

    /// Fetches pieces ahead of the one that is written: they are asked for in parallel and written in their order, so
    /// that all bytes are hashed once, and what is in the file is always a beginning of the blob.
    private func inPieces() async throws(ClientError) -> Outcome {
        let start = sink.length
        let count = Int((descriptor.size - start + pieces.bytes - 1) / pieces.bytes)
        do {
            return try await withThrowingTaskGroup(of: (Int, ByteBuffer?).self) { group in
                var (asked, written) = (0, 0)
                var waiting: [Int: ByteBuffer] = [:]
                defer { group.cancelAll() }
                while written < count {
                    while asked < count, asked <= written + pieces.ahead {
                        let number = asked
                        group.addTask { (number, try await piece(number, from: start)) }
                        asked += 1
                    }
                    guard let (number, bytes) = try await group.next() else { break }
                    guard let bytes else { return .rangesIgnored }
                    waiting[number] = bytes
                    while let bytes = waiting.removeValue(forKey: written) {
                        try await sink.append(bytes)
                        written += 1
                    }
                }
                return .done
            }
        } catch {
            throw error as? ClientError ?? ClientError.cancelled
        }
    }

    /// One piece; nil where ranges are ignored.
    private func piece(_ number: Int, from start: Int64) async throws(ClientError) -> ByteBuffer? {
        let first = start + Int64(number) * pieces.bytes
        let end = min(first + pieces.bytes, descriptor.size)
        var buffer = ByteBufferAllocator().buffer(capacity: Int(end - first))
        let outcome = try await range(from: first, to: end, acceptsWhole: false) { piece throws(ClientError) in
            buffer.writeImmutableBuffer(piece)
        }
        return outcome == .done ? buffer : nil
    }

    /// Hands over the bytes of a range in order, from whichever region has them.
    ///
    /// - Throws: `.integrity`, `.keptBack` and `.storage` at once. Other failures only when every region failed with
    /// what will not pass, or as often as `ClientLimits.attempts` allows without more than `ClientLimits.writeBytes`
    /// between.
    private func range(
        from start: Int64,
        to end: Int64,
        acceptsWhole: Bool,
        _ consume: (ByteBuffer) async throws(ClientError) -> Void
    ) async throws(ClientError) -> Outcome {
        var offset = start
        var region = regions.start
        var failures = Failures(regions: regions.repositories.count)
        while true {
            let before = offset
            do {
                let repository = regions.repositories[region]
                let answer = try await repository.open(descriptor, from: offset, to: end)
                let skipped: Int64
                switch answer {
                case .part: skipped = 0
                case .whole: skipped = offset
                }
                if skipped > 0 || isWhole(answer), !acceptsWhole { return .rangesIgnored }
                try await take(answer, skipping: skipped, &offset, to: end, repository, consume)
                return .done
            } catch {
                guard !error.isFinal else { throw error }
                failures.add(error, progress: offset - before)
                region = regions.next(after: region)
                guard failures.isRoundOver else { continue }
                try await pause(&failures)
            }
        }
    }

    private func isWhole(_ answer: RemoteRepository.BlobAnswer) -> Bool {
        if case .whole = answer { true } else { false }
    }

    /// Reads a body up to the end of the range.
    private func take(
        _ answer: RemoteRepository.BlobAnswer,
        skipping: Int64,
        _ offset: inout Int64,
        to end: Int64,
        _ repository: RemoteRepository,
        _ consume: (ByteBuffer) async throws(ClientError) -> Void
    ) async throws(ClientError) {
        let body: Answer
        switch answer {
        case .part(let answer), .whole(let answer): body = answer
        }
        var toSkip = skipping
        var position = offset
        defer { offset = position }
        try await body.forEachPiece { piece throws(ClientError) in
            var piece = piece
            let skipped = min(toSkip, Int64(piece.readableBytes))
            piece.moveReaderIndex(forwardBy: Int(skipped))
            toSkip -= skipped
            guard position + Int64(piece.readableBytes) <= end else {
                throw ClientError(
                    .integrity,
                    "\(repository.origin) serves more bytes of \(descriptor.digest) than it has"
                )
            }
            guard piece.readableBytes > 0 else { return }
            try await consume(piece)
            position += Int64(piece.readableBytes)
            progress.received(piece.readableBytes)
        }
        guard position == end else {
            let missing = end - position
            throw ClientError(
                .integrity,
                "\(repository.origin) serves \(missing) bytes of \(descriptor.digest) too few"
            )
        }
    }

    private func pause(_ failures: inout Failures) async throws(ClientError) {
        let options = regions.repositories[0].transport.options
        guard let (error, rounds) = failures.endRound() else { return }
        guard let pause = RetryPlan.pause(after: error, failures: rounds, random: options.random) else { throw error }
        do { try await options.pause(pause) } catch { throw ClientError.cancelled }
    }
}

/// Counts failures until all regions failed.
private struct Failures {
    private let regions: Int
    private var inRound = 0
    private var rounds = 0
    private var progress: Int64 = 0
    private var worst: ClientError?

    init(regions: Int) { self.regions = regions }

    var isRoundOver: Bool { inRound >= regions }

    mutating func add(_ error: ClientError, progress: Int64) {
        inRound += 1
        self.progress += progress
        // One region that may recover is reason to wait; else one that is not merely without the blob is told of.
        guard let worst else { return self.worst = error }
        if worst.retry == .never, error.retry != .never || worst.code == .notFound { self.worst = error }
    }

    /// The failure to tell of or to wait after, and how many rounds there were without much progress.
    mutating func endRound() -> (ClientError, Int)? {
        defer { (inRound, worst) = (0, nil) }
        if progress >= Int64(ClientLimits.writeBytes) { (rounds, progress) = (0, 0) }
        rounds += 1
        return worst.map { ($0, rounds) }
    }
}
