// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import NIOCore
import OCI
import Synchronization

/// Brings one blob from sources into an upload session, and commits it.
///
/// A source that fails in the middle is left, and the next one is asked for what is missing. Bytes that prove wrong are
/// dropped with their session: whoever sent all of them is not asked again, and where several sent some, each is asked
/// for all of it alone, so that the one that lies is found and the others are not blamed.
///
/// Crash story: the file is an upload's without a row, which the next start deletes. The fetch begins anew then.
struct BlobTransfer {
    /// What became of a session.
    private enum Filling { case whole, spoiled }
    /// What became of a question to a source.
    private enum Answer { case ended, failed(SourceFault, String) }

    let digest: Digest
    let size: Int64?
    let repository: RepositoryName
    let content: ContentStore
    let blobLimit: Int64
    let options: FetchOptions
    let metrics: FetchMetrics
    let arrival: Arrival

    /// Those that may still be asked, in their order.
    private var sources: [any ContentSource]
    /// Whether only the first of them is, until it has failed.
    private var isAlone = false
    /// Who sent bytes that are in the session.
    private var contributors: Set<String> = []
    private var failures: [SourceFailure] = []

    init(
        _ digest: Digest,
        size: Int64?,
        in repository: RepositoryName,
        from sources: [any ContentSource],
        into content: ContentStore,
        blobLimit: Int64,
        options: FetchOptions,
        metrics: FetchMetrics,
        arrival: Arrival
    ) {
        self.digest = digest
        self.size = size
        self.repository = repository
        self.sources = sources
        self.content = content
        self.blobLimit = blobLimit
        self.options = options
        self.metrics = metrics
        self.arrival = arrival
    }

    /// Fetches, verifies, and records the blob by `record`, which is given its size. Durable once it returns.
    mutating func run(_ record: @Sendable (Int64) async throws -> Void) async throws -> FetchedBlob {
        while true {
            let session = try await content.startUpload(hint: digest.algorithm, expectedBytes: size)
            guard case .claimed(let claim) = session.claim() else {
                throw RegistryError.fault("an upload that was just begun has ended")
            }
            contributors = []
            arrival.begin(session.view)
            do {
                if try await fill(claim) == .whole, let blob = try await commit(claim, record) { return blob }
            } catch {
                _ = await session.cancel()
                throw error
            }
            _ = await session.cancel()
        }
    }

    /// nil where the bytes are wrong: then the next session has fewer sources, or knows better whom to blame.
    private mutating func commit(
        _ claim: UploadClaim,
        _ record: @Sendable (Int64) async throws -> Void
    ) async throws -> FetchedBlob? {
        let count = claim.offset
        try Task.checkCancellation()
        do {
            try await claim.commit(expecting: digest) { try await record(count) }
        } catch let error as ContentError where error.code == .digestMismatch {
            let actual = error.actual.map { ", but \($0)" } ?? ""
            if contributors.count > 1 {
                isAlone = true
            } else {
                for name in contributors { drop(name, .wrongBytes, "its bytes are not \(digest)\(actual)") }
                if contributors.isEmpty { sources = [] }
            }
            if sources.isEmpty { throw exhausted }
            return nil
        }
        for name in contributors { metrics.asked(name, .blob, result: "fetched") }
        return FetchedBlob(size: count, sources: contributors.sorted())
    }

    /// Asks source after source until the session has all bytes.
    private mutating func fill(_ claim: UploadClaim) async throws -> Filling {
        var rounds = FetchRounds(limits: options.limits)
        while true {
            var isWorthRepeating = false
            for source in isAlone ? Array(sources.prefix(1)) : sources {
                if claim.offset == size { return .whole }
                guard source.isReachable else {
                    note(source.name, .unreachable, "it does not answer")
                    continue
                }
                let before = claim.offset
                let answer = try await ask(source, claim)
                let received = claim.offset - before
                rounds.progress(received)
                if received > 0 { contributors.insert(source.name) }
                switch answer {
                case .ended:
                    guard let size, claim.offset < size else { return .whole }
                    note(source.name, .brokenOff, "it ended after \(claim.offset) of \(size) bytes")
                    isWorthRepeating = true
                case .failed(.tooLong, let reason):
                    drop(source.name, .tooLong, reason)
                    if sources.isEmpty { throw exhausted }
                    return .spoiled
                case .failed(let fault, let reason) where fault == .absent || fault == .refused:
                    drop(source.name, fault, reason)
                case .failed(let fault, let reason):
                    note(source.name, fault, reason)
                    isWorthRepeating = true
                }
            }
            if claim.offset == size { return .whole }
            if isWorthRepeating, let pause = rounds.pauseAfterFailure() {
                try await options.sleep(pause)
                continue
            }
            guard isAlone, sources.count > 1 else { throw exhausted }
            sources.removeFirst()
            return .spoiled
        }
    }

    /// Takes what a source sends until it ends, fails, or is too slow.
    ///
    /// - Throws: What the own disk refuses, and `CancellationError`.
    private func ask(_ source: any ContentSource, _ claim: UploadClaim) async throws -> Answer {
        let (digest, repository, limit, start) = (digest, repository, size ?? blobLimit, claim.offset)
        let watch = TransferWatch(limits: options.limits)
        let (sleep, arrival) = (options.sleep, arrival)
        defer { metrics.received(claim.offset - start, from: source.name) }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask {
                    try await source.blob(digest, in: repository, from: start) { piece in
                        guard Int64(piece.readableBytes) <= limit - claim.offset else { throw watch.end(.tooLong) }
                        try await watch.storing(piece.readableBytes) {
                            try await claim.append(piece)
                            arrival.advance(to: claim.offset)
                        }
                    }
                }
                group.addTask { try await watch.run(sleep) }
                try await group.next()
            }
            return .ended
        } catch {
            switch watch.ending {
            case .storage(let error): throw error
            case .tooLong: return .failed(.tooLong, "it sends more than the \(limit) bytes of the blob")
            case .stalled:
                let seconds = options.limits.window.components.seconds
                return .failed(.stalled, "it sent fewer than \(options.limits.windowBytes) bytes in \(seconds) s")
            case nil: break
            }
            try Task.checkCancellation()
            return Self.answer(to: error)
        }
    }

    private static func answer(to error: any Error) -> Answer {
        guard let error = error as? SourceError else { return .failed(.brokenOff, "\(error)") }
        return .failed(error.fault, error.reason)
    }

    private var exhausted: FetchError { FetchError(digest: digest, failures: failures) }

    private mutating func drop(_ name: String, _ fault: SourceFault, _ reason: String) {
        sources.removeAll { $0.name == name }
        note(name, fault, reason)
    }

    private mutating func note(_ name: String, _ fault: SourceFault, _ reason: String) {
        metrics.asked(name, .blob, result: fault.rawValue)
        if failures.contains(where: { $0.source == name && $0.fault == fault }) { return }
        failures.append(SourceFailure(source: name, fault: fault, reason: reason))
    }
}

/// How often all sources failed in a row, and how long to wait until they are asked again.
private struct FetchRounds {
    let limits: FetchLimits
    private var failed = 0
    private var bytes: Int64 = 0

    init(limits: FetchLimits) { self.limits = limits }

    mutating func progress(_ bytes: Int64) { self.bytes += bytes }

    /// nil where it was often enough.
    mutating func pauseAfterFailure() -> Duration? {
        if bytes >= limits.progressBytes { failed = 0 }
        bytes = 0
        failed += 1
        guard failed < limits.rounds else { return nil }
        return min(limits.pause * (1 << min(failed - 1, 16)), limits.longestPause)
    }
}

/// Looks whether bytes come fast enough, and keeps why a transfer was ended from here: the source may report something
/// else of it.
private final class TransferWatch: Sendable {
    enum Ending: Error {
        case tooLong
        case stalled
        /// The own disk.
        case storage(any Error)
    }

    private struct State {
        var bytes: Int64 = 0
        /// The disk is being waited for, or was in this window.
        var hasWaited = false
        var isStoring = false
        var ending: Ending?
    }

    private let limits: FetchLimits
    private let state = Mutex(State())

    init(limits: FetchLimits) { self.limits = limits }

    var ending: Ending? { state.withLock { $0.ending } }

    /// Notes the first ending, and gives it back to be thrown.
    func end(_ ending: Ending) -> Ending {
        state.withLock { state in
            if state.ending == nil { state.ending = ending }
            return state.ending ?? ending
        }
    }

    func storing(_ bytes: Int, _ body: () async throws -> Void) async throws {
        state.withLock { $0.isStoring = true }
        do { try await body() } catch { throw end(.storage(error)) }
        state.withLock { state in
            state.isStoring = false
            state.bytes += Int64(bytes)
        }
    }

    /// Throws once a window had too few bytes.
    func run(_ sleep: @Sendable (Duration) async throws -> Void) async throws {
        while true {
            try await sleep(limits.window)
            let isStarved = state.withLock { state in
                defer { (state.bytes, state.hasWaited) = (0, state.isStoring) }
                return state.bytes < limits.windowBytes && !state.isStoring && !state.hasWaited
            }
            if isStarved { throw end(.stalled) }
        }
    }
}
