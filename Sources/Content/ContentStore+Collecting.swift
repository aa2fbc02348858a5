// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
package import OCI
internal import Synchronization

/// What became of files that were to go.
package struct FileRemoval<Record: Sendable>: Sendable {
    /// A file that could not be deleted, and stays.
    package struct Refusal: Sendable {
        package let digest: Digest
        package let error: ContentError
    }

    /// What `record` returned; nil where nothing was removed.
    package let record: Record?
    /// Blobs that have no file any more, in the order of digests: some may have had none before.
    package let removed: [Digest]
    package let refused: [Refusal]
}

/// Size and age of a blob's file.
package struct StoredFile: Hashable, Sendable {
    package let digest: Digest
    package let size: Int64
    /// When the file got its name, or was last changed otherwise: seconds since 1970 of the file system's clock.
    package let changedAt: Int64
}

/// How files of blobs go.
extension ContentStore {
    /// Deletes the files of blobs, durably, and then records that, all under the locks of their digests: the one way
    /// out of `blobs/`, beside `quarantine`.
    ///
    /// With all locks held: `confirm` says which of the digests may go; each of their files is opened, and unlinked;
    /// one flush for each directory makes that durable; `record` is given what has no file now. The locks are released.
    /// Only then are the files let go, on a file thread: whoever has a blob open keeps reading it, and the blocks of
    /// large files are freed while nobody waits for a lock. A push of one of the digests comes wholly before, and then
    /// `confirm` does not name it, or wholly after, and then brings its own file.
    ///
    /// The crash story: before the flush, files are there or not, and after a restart what `confirm` named is named
    /// again and meets files that are absent, which counts as removed. Between the flush and the record, the same. A
    /// file that a power cut brings back after its record has no row: an orphan, whole and harmless.
    ///
    /// What cannot be opened or unlinked stays and is not recorded. Errors: those of `confirm`, with nothing changed;
    /// those of `record`, with the files gone, so that the next call records it; that of a flush, which ends the
    /// process.
    ///
    /// - Precondition: `confirm` names only digests that it was given.
    package func remove<Record: Sendable>(
        _ digests: [Digest],
        confirm: ([Digest]) async throws -> [Digest],
        record: ([Digest]) async throws -> Record
    ) async throws -> FileRemoval<Record> {
        let sorted = Set(digests).sorted()
        let files = UnlinkedFiles()
        do {
            let removal = try await publisher.locks.withLocks(sorted) {
                let confirmed = try await confirm(sorted)
                precondition(Set(confirmed).isSubset(of: sorted), "a blob without its lock was to be removed")
                for algorithm in Digest.Algorithm.allCases {
                    let part = confirmed.filter { $0.algorithm == algorithm }.sorted()
                    if !part.isEmpty { try await deleteNames(part, algorithm, keeping: files) }
                }
                let removed = files.removed
                return FileRemoval(
                    record: removed.isEmpty ? nil : try await record(removed),
                    removed: removed,
                    refused: files.refused()
                )
            }
            await letGo(files)
            return removal
        } catch {
            await letGo(files)
            throw error
        }
    }

    private func deleteNames(
        _ digests: [Digest],
        _ algorithm: Digest.Algorithm,
        keeping files: UnlinkedFiles
    ) async throws(ContentError) {
        let (layout, filesystem) = (layout, filesystem)
        try await threads.read.run { () throws(ContentError) in
            for digest in digests { files.open(digest, layout.blob(digest), filesystem: filesystem) }
        }
        try await publisher.syncer(algorithm).sync { () throws(ContentError) in
            files.unlinkOpened(filesystem: filesystem)
        }
    }

    /// Closes files that have no name any more, and returns when their blocks are free, so that nobody deletes faster
    /// than the disk does. Some file systems free much faster from several threads than from one.
    private func letGo(_ files: UnlinkedFiles) async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<limits.closingThreads {
                group.addTask { [threads] in
                    do {
                        try await threads.sync.run { () throws(ContentError) in files.close() }
                    } catch {
                        // The store is shut down; they are closed with their last reference.
                    }
                }
            }
        }
    }

    /// Size and age of a blob's file; nil when there is no such file. Says nothing about its bytes.
    package func storedFile(_ digest: Digest) async throws(ContentError) -> StoredFile? {
        let path = layout.blob(digest)
        return try await threads.read.run { [filesystem] () throws(ContentError) in
            do throws(SystemCallError) {
                let status = try filesystem.statusOfPath(path)
                guard status.kind == .file else { return nil }
                return StoredFile(digest: digest, size: status.size, changedAt: status.identity.changedSeconds)
            } catch {
                if error.errno == ENOENT { return nil }
                throw ContentError(error, value: path)
            }
        }
    }

    /// Shows the digests that name entries of `blobs/<algorithm>`, a page of `ContentLimits.listingPage` at a time, and
    /// looks at nothing but the directory. Entries that come or go meanwhile may or may not be shown.
    package func forEachDigest(
        _ algorithm: Digest.Algorithm,
        _ page: ([Digest]) async throws -> Void
    ) async throws {
        let path = layout.blobs(algorithm)
        let entries = try await stream(path)
        while true {
            let names = try await threads.read.run { [self] () throws(ContentError) in try nextNames(entries, path) }
            if names.isEmpty { return }
            try await page(names.compactMap { Digest("\(algorithm.name):\($0)") })
        }
    }
}

/// Files on their way out: opened, then without a name, then closed.
private final class UnlinkedFiles: Sendable {
    private struct State {
        /// nil for a digest that had no file.
        var open: [(digest: Digest, file: OwnedDescriptor?)] = []
        var kept: [OwnedDescriptor] = []
        var removed: [Digest] = []
        var refused: [(Digest, ContentError)] = []
    }

    private let state = Mutex(State())

    var removed: [Digest] { state.withLock { $0.removed.sorted() } }

    func refused<Record>() -> [FileRemoval<Record>.Refusal] {
        state.withLock { $0.refused.map { FileRemoval<Record>.Refusal(digest: $0.0, error: $0.1) } }
    }

    /// Blocks.
    func open(_ digest: Digest, _ path: String, filesystem: Filesystem) {
        do {
            let file = try OwnedDescriptor(opening: path, flags: O_RDONLY, in: filesystem, closingOn: nil)
            state.withLock { $0.open.append((digest, file)) }
        } catch {
            state.withLock { state in
                if error.errno == ENOENT {
                    state.open.append((digest, nil))
                } else {
                    state.refused.append((digest, error))
                }
            }
        }
    }

    /// Unlinks what was opened. Blocks.
    func unlinkOpened(filesystem: Filesystem) {
        let files = state.withLock { state in
            defer { state.open = [] }
            return state.open
        }
        for (digest, file) in files {
            do throws(ContentError) {
                if let file {
                    try about(file.path) { () throws(SystemCallError) in try filesystem.unlink(file.path) }
                }
                state.withLock { state in
                    state.removed.append(digest)
                    if let file { state.kept.append(file) }
                }
            } catch {
                state.withLock { $0.refused.append((digest, error)) }
            }
        }
    }

    /// Drops the last references, each of which closes its file, one after the other until there are none; several
    /// threads may share that. Blocks while the blocks are freed.
    func close() {
        while let file = state.withLock({ $0.kept.popLast() }) { withExtendedLifetime(file) {} }
    }
}
