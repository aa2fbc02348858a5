// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
internal import Synchronization

/// Makes the entries of one directory durable, with as few `fsync` calls as there are rounds.
///
/// One round is in flight at a time. Who arrives while it runs shares the next one: their renames are done one after
/// the other, then one `fsync` covers them all. A caller is answered only after an `fsync` that began after its own
/// operation, so when `sync` returns, the operation survives a power cut.
///
/// After a failed `fsync` nobody knows what the disk holds, and asking again would be answered with a success that
/// means nothing. So the process must end: `fatal` is called, and from then on every call fails.
final class DirectorySyncer: Sendable {
    typealias Operation = @Sendable () throws(ContentError) -> Void

    private struct Entry {
        let operation: Operation
        let continuation: CheckedContinuation<Result<Void, ContentError>, Never>
    }

    private struct State {
        var waiting: [Entry] = []
        var running = false
        var failure: ContentError?
    }

    private let state = Mutex(State())
    private let directory: OwnedDescriptor
    private let filesystem: Filesystem
    private let threads: FileThreads
    private let metrics: ContentMetrics
    private let fatal: @Sendable (String) -> Void

    /// Opens the directory. Blocks.
    init(
        path: String,
        filesystem: Filesystem,
        threads: FileThreads,
        metrics: ContentMetrics,
        fatal: @escaping @Sendable (String) -> Void
    ) throws(ContentError) {
        directory = try OwnedDescriptor(
            opening: path,
            flags: O_RDONLY | O_DIRECTORY,
            in: filesystem,
            closingOn: nil
        )
        self.filesystem = filesystem
        self.threads = threads
        self.metrics = metrics
        self.fatal = fatal
    }

    /// Runs the operation on the directory's thread and returns once it is durable. Errors: the operation's own, which
    /// concerns only this caller, or that of the `fsync`, which ends the process.
    func sync(after operation: @escaping Operation) async throws(ContentError) {
        let result: Result<Void, ContentError> = await withCheckedContinuation { continuation in
            let entry = Entry(operation: operation, continuation: continuation)
            let (failure, start) = state.withLock { state -> (ContentError?, Bool) in
                if let failure = state.failure { return (failure, false) }
                state.waiting.append(entry)
                defer { state.running = true }
                return (nil, !state.running)
            }
            if let failure { return continuation.resume(returning: .failure(failure)) }
            if start { submitRound() }
        }
        try result.get()
    }

    /// How many wait for the next round.
    var waiting: Int { state.withLock { $0.waiting.count } }

    private func submitRound() {
        threads.runDetached { [self] in round() }
    }

    private func round() {
        let entries = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        var results = entries.map { entry in Result { () throws(ContentError) in try entry.operation() } }
        let anyDone = results.contains { if case .success = $0 { true } else { false } }
        if anyDone, let failure = flush() {
            results = results.map { result in if case .success = result { .failure(failure) } else { result } }
        }
        for (entry, result) in zip(entries, results) { entry.continuation.resume(returning: result) }
        let (again, left) = state.withLock { state -> (Bool, [Entry]) in
            if state.failure != nil {
                defer { state.waiting = [] }
                state.running = false
                return (false, state.waiting)
            }
            state.running = !state.waiting.isEmpty
            return (state.running, [])
        }
        for entry in left { entry.continuation.resume(returning: .failure(Self.ended(directory.path))) }
        if again { submitRound() }
    }

    private func flush() -> ContentError? {
        do {
            try about(directory.path) { () throws(SystemCallError) in
                try filesystem.fsync(directory.raw)
                // XFS that shut itself down (after an error in its log, say) forgets what was pending, and then answers
                // the fsync of a directory with success, because nothing is pending. It does refuse this.
                _ = try filesystem.status(directory.raw)
            }
            metrics.fsyncs(.directory)
            return nil
        } catch {
            state.withLock { $0.failure = Self.ended(directory.path) }
            fatal("the directory \(directory.path) could not be made durable: \(error.reason)")
            return error
        }
    }

    private static func ended(_ path: String) -> ContentError {
        ContentError(.io, "the directory could not be made durable before; the process has to end", value: path)
    }
}
