// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOPosix

/// Threads that may block in file system calls, so that no event loop and no thread of the cooperative pool does.
///
/// Work that was submitted runs even when the task that waits for it is cancelled: half of a commit is worse than the
/// whole of one that nobody waits for.
package final class FileThreads: Sendable {
    private let pool: NIOThreadPool

    package init(count: Int) {
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }

    /// Runs a closure on one of the threads. Errors: its own, and `.shutDown` after `shutDown()`.
    package func run<T: Sendable>(
        _ body: @escaping @Sendable () throws(ContentError) -> T
    ) async throws(ContentError) -> T {
        let result: Result<T, ContentError> = await withCheckedContinuation { continuation in
            pool.submit { state in
                guard case .active = state else {
                    return continuation.resume(returning: .failure(Self.stopped))
                }
                continuation.resume(returning: Result(catching: body))
            }
        }
        return try result.get()
    }

    /// Runs a closure on one of the threads, and on the caller's after `shutDown()`. Nobody waits for it.
    func runDetached(_ body: @escaping @Sendable () -> Void) {
        pool.submit { _ in body() }
    }

    /// Ends the threads after the work that runs now. Work that is still queued is answered with `.shutDown`.
    package func shutDown() async {
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

    init(_ limits: ContentLimits) {
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
