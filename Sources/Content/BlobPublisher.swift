// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
internal import OCI
internal import Synchronization
internal import Tracing

/// The one way into `blobs/`: a file that was verified and made durable gets its name, and then its record.
///
/// The crash story: before the rename the file lies in `uploads/`. After it, and before the record, it is an orphan in
/// `blobs/`: whole, harmless, and replaced by the next push. After the record it is there for good, because the
/// directory was made durable before the record was begun.
struct BlobPublisher: Sendable {
    let layout: Layout
    let filesystem: Filesystem
    let locks: KeyedLock<Digest>
    let sha256: DirectorySyncer
    let sha512: DirectorySyncer
    let threads: StoreThreads

    func syncer(_ algorithm: Digest.Algorithm) -> DirectorySyncer {
        switch algorithm {
        case .sha256: sha256
        case .sha512: sha512
        }
    }

    /// Renames the file to the digest's path, replacing whatever is there: that heals a corrupt or missing file, and
    /// takes the same time whether the digest was known or not. Then makes the entry durable, then runs `record`, all
    /// under the digest's lock. `renamed` is called between the rename and the record.
    func publish<T: Sendable>(
        from path: String,
        as digest: Digest,
        renamed: () -> Void,
        record: () async throws -> T
    ) async throws -> T {
        try await locks.withLock(digest) {
            try await rename(from: path, as: digest)
            renamed()
            return try await record()
        }
    }

    private func rename(from path: String, as digest: Digest) async throws(ContentError) {
        let target = layout.blob(digest)
        let replaced = Replaced()
        let span = ServiceContext.current.map { startSpan("directory.fsync", context: $0) }
        defer { span?.end() }
        try await syncer(digest.algorithm).sync { () throws(ContentError) in
            replaced.hold(target, filesystem: filesystem, closingOn: threads.sync)
            try about(target) { () throws(SystemCallError) in try filesystem.rename(path, target) }
        }
        replaced.letGoLater(threads.sync)
    }
}

/// Keeps the file that a rename replaces open, so that freeing its blocks happens later, on another thread, and not
/// between everybody's renames and their flush; nor within the push that replaced it, whose time would then tell that
/// the blob was known.
private final class Replaced: Sendable {
    /// How much later.
    private static let delay: Duration = .milliseconds(50)

    private let file = Mutex<OwnedDescriptor?>(nil)

    func hold(_ path: String, filesystem: Filesystem, closingOn threads: FileThreads) {
        do {
            let existing = try OwnedDescriptor(
                opening: path,
                flags: O_RDONLY,
                in: filesystem,
                closingOn: threads
            )
            file.withLock { $0 = existing }
        } catch {
            // Nothing is there, or nothing that can be opened: the rename replaces it all the same.
        }
    }

    func letGoLater(_ threads: FileThreads) {
        guard file.withLock({ $0 != nil }) else { return }
        threads.runDetached(after: Self.delay) { [self] in file.withLock { $0 = nil } }
    }
}
