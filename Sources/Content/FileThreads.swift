// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOPosix

/// Threads that may block in file system calls, so that no event loop and no thread of the cooperative pool does.
///
/// Work that was submitted runs even when the task that waits for it is cancelled: half of a commit is worse than the
/// whole of one that nobody waits for.
package final class FileThreads: Sendable {
    /// Runs a closure once, at some time.
    package typealias Runner = @Sendable (@escaping @Sendable () -> Void) -> Void

    private enum Backing {
        case pool(NIOThreadPool)
        case runner(Runner)
    }

    private let backing: Backing

    package init(count: Int) {
        let pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
        backing = .pool(pool)
    }

    /// Has no threads: the runner decides where each closure runs, and in which order. For tests that decide that.
    init(running runner: @escaping Runner) {
        backing = .runner(runner)
    }

    /// Runs a closure on one of the threads. Errors: its own, and `.shutDown` after `shutDown()`.
    package func run<T: Sendable>(
        _ body: @escaping @Sendable () throws(ContentError) -> T
    ) async throws(ContentError) -> T {
        let result: Result<T, ContentError> = await withCheckedContinuation { continuation in
            submit { isActive in
                continuation.resume(returning: isActive ? Result(catching: body) : .failure(Self.stopped))
            }
        }
        return try result.get()
    }

    /// Runs a closure on one of the threads. Errors: whatever it throws, and `ContentError` of `.shutDown` after
    /// `shutDown()`.
    package func call<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await run { () throws(ContentError) in Result(catching: body) }.get()
    }

    /// Runs a closure on one of the threads, and on the caller's after `shutDown()`. Nobody waits for it.
    func runDetached(_ body: @escaping @Sendable () -> Void) {
        submit { _ in body() }
    }

    /// Runs a short closure that does not block, about so much later. Nobody waits for it.
    func runDetached(after delay: Duration, _ body: @escaping @Sendable () -> Void) {
        guard case .pool = backing else { return submit { _ in body() } }
        Task {
            try? await Task.sleep(for: delay)
            body()
        }
    }

    private func submit(_ work: @escaping @Sendable (_ isActive: Bool) -> Void) {
        switch backing {
        case .pool(let pool): pool.submit { state in work(state == .active) }
        case .runner(let runner): runner { work(true) }
        }
    }

    /// Ends the threads after the work that runs now. Work that is still queued is answered with `.shutDown`.
    package func shutDown() async {
        guard case .pool(let pool) = backing else { return }
        await withCheckedContinuation { continuation in
            pool.shutdownGracefully { _ in continuation.resume() }
        }
    }

    static let stopped = ContentError(.shutDown, "the store was shut down")
}

/// The kinds of threads of a store. They are apart so that one kind of waiting never starves another: a disk that is
/// slow to flush must not keep readers from the page cache, nor uploads from being hashed.
struct StoreThreads: Sendable {
    /// Reading, attributes, directories.
    let read: FileThreads
    /// Hashing and writing what arrives.
    let work: FileThreads
    /// Waiting for `fdatasync`, and the bodies of small puts.
    let sync: FileThreads
    /// Renames and the shared directory fsync: one thread, so that what waits is merged.
    let directory: FileThreads

    init(_ limits: ContentLimits, runner: FileThreads.Runner?) {
        if let runner {
            let threads = FileThreads(running: runner)
            (read, work, sync, directory) = (threads, threads, threads, threads)
            return
        }
        read = FileThreads(count: limits.readThreads)
        work = FileThreads(count: limits.workThreads)
        sync = FileThreads(count: limits.syncThreads)
        directory = FileThreads(count: 1)
    }

    func shutDown() async {
        await work.shutDown()
        await sync.shutDown()
        await directory.shutDown()
        await read.shutDown()
    }
}
