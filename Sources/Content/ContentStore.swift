// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
package import Logging
internal import NIOCore
package import OCI
internal import Synchronization

/// Bytes by digest, on one file system, owned by one process.
///
/// The promise: a file in `blobs/` is whole and was verified, and what `put` or `commit` acknowledged survives a kill
/// or a power cut at any point. What a digest means, who may see it, and when it may go, is not known here.
package final class ContentStore: Sendable {
    package struct Options: Sendable {
        package var limits = ContentLimits()
        /// Allows file systems that cannot keep the promise: NFS, overlay, tmpfs.
        package var unsafeFilesystem = false
        package var filesystem = Filesystem.live
        /// Runs what else the file threads run; nil for threads of the store's own.
        package var runner: FileThreads.Runner?
        /// Names for uploads, temporary files and the store itself; to be unguessable.
        package var makeUploadID: @Sendable () -> UploadID = {
            var generator = SystemRandomNumberGenerator()
            return UploadID.random(using: &generator)
        }
        /// Service time in seconds; it only stamps `UploadSession.lastUsed`.
        package var serviceTime: @Sendable () -> Int64 = { 0 }
        /// Told, on a file thread, each time part of a running upload became durable. It must not block.
        package var durableProgress: @Sendable (UploadID, Int64) -> Void = { _, _ in }
        /// Told when a directory could not be made durable. The process must end (status 70) and recover from disk; in
        /// production this does not return.
        package var fatal: @Sendable (String) -> Void = { _ in }
        package var logger = Logger(label: "cairn.content")

        package init() {}
    }

    package let layout: Layout
    /// Tells this store from every other; survives restarts.
    package let storeID: String
    package let gauge: StorageGauge
    let options: Options
    let environment: UploadEnvironment
    let quarantineSyncer: DirectorySyncer
    let resumptions = KeyedLock<UploadID>()
    private let lock: Mutex<OwnedDescriptor?>

    var filesystem: Filesystem { options.filesystem }
    var limits: ContentLimits { options.limits }
    var threads: StoreThreads { environment.threads }
    var publisher: BlobPublisher { environment.publisher }

    /// Opens the store, or makes one in a directory that is empty or absent.
    ///
    /// Errors: `.locked` with the other process's pid, `.newerFormat`, `.notAStore`, `.unsafeFilesystem`,
    /// `.crossDevice`, and those of the disk.
    package static func open(root: String, options: Options = Options()) async throws(ContentError) -> ContentStore {
        // Made here and not on a file thread, so that a metrics factory of the task's own is found.
        let metrics = ContentMetrics()
        let threads = StoreThreads(options.limits, runner: options.runner)
        do {
            return try await threads.sync.run { () throws(ContentError) in
                let opening = StoreOpening(
                    filesystem: options.filesystem,
                    limits: options.limits,
                    unsafeFilesystem: options.unsafeFilesystem,
                    newID: options.makeUploadID()
                )
                let opened = try opening.open(root)
                return try ContentStore(opened, threads: threads, metrics: metrics, options: options)
            }
        } catch {
            await threads.shutDown()
            throw error
        }
    }

    /// Blocks.
    private init(
        _ opened: StoreOpening.Opened,
        threads: StoreThreads,
        metrics: ContentMetrics,
        options: Options
    ) throws(ContentError) {
        let (layout, filesystem) = (opened.layout, options.filesystem)
        func syncer(_ path: String) throws(ContentError) -> DirectorySyncer {
            try DirectorySyncer(
                path: path,
                filesystem: filesystem,
                threads: threads.directory,
                metrics: metrics,
                fatal: options.fatal
            )
        }
        let publisher = BlobPublisher(
            layout: layout,
            filesystem: filesystem,
            locks: KeyedLock(),
            sha256: try syncer(layout.blobs(.sha256)),
            sha512: try syncer(layout.blobs(.sha512)),
            threads: threads
        )
        let gauge = StorageGauge(
            layout: layout,
            filesystem: filesystem,
            limits: options.limits,
            threads: threads.sync,
            metrics: metrics
        )
        environment = UploadEnvironment(
            layout: layout,
            filesystem: filesystem,
            limits: options.limits,
            threads: threads,
            pool: BufferPool(options.limits),
            gauge: gauge,
            metrics: metrics,
            publisher: publisher,
            registry: UploadRegistry(limit: options.limits.uploads, metrics: metrics),
            rehashes: FIFOSemaphore(permits: options.limits.rehashesAtOnce),
            serviceTime: options.serviceTime,
            durableProgress: options.durableProgress
        )
        quarantineSyncer = try syncer(layout.quarantine)
        self.layout = layout
        self.gauge = gauge
        self.options = options
        storeID = opened.format.storeID
        lock = Mutex(opened.lock)
        try gauge.refreshBlocking()
    }

    /// Memory that uploads hold between the network and the disk: now, and the most there ever was.
    package var uploadBuffers: (used: Int, peak: Int) { environment.pool.usage }

    /// How many uploads wait for such memory. It may have changed on return.
    package var uploadsWaitingForMemory: Int { environment.pool.waiting }

    /// How many commits wait for the next flush of a directory of blobs. It may have changed on return.
    package func commitsWaiting(_ algorithm: Digest.Algorithm) -> Int { publisher.syncer(algorithm).waiting }

    /// Asks the file system whether it still works, by a read, which it refuses once it has shut itself down.
    ///
    /// A flush that is under way at that moment may be answered with success for what is then dropped: ext4 and XFS
    /// both do that. So whoever is about to promise that something is durable asks after the last flush of it. Blocks,
    /// but for no longer than a read from the cache takes.
    ///
    /// - Throws: `.io`
    package func confirmStorage() throws(ContentError) {
        guard let lock = lock.withLock({ $0 }) else { return }
        var byte: UInt8 = 0
        do {
            // Safety: the kernel writes at most one byte to the variable, which lives through the call.
            _ = try unsafe withUnsafeMutableBytes(of: &byte) { bytes throws(SystemCallError) in
                try unsafe filesystem.pread(lock.raw, bytes, 0)
            }
        } catch {
            throw ContentError(error, value: lock.path)
        }
    }

    /// Stops the threads and lets the lock go. To be called after `drain`, once; every later call throws `.shutDown`.
    package func shutdown() async {
        await threads.shutDown()
        lock.withLock { lock in
            if let file = lock { filesystem.unlock(file.raw) }
            lock = nil
        }
    }

    /// Runs the body while nobody else commits, quarantines or removes that digest. Asynchronous, first come, first
    /// served, not re-entrant: inside it, `put`, `commit`, `quarantine` and `remove` of the digest would wait for ever.
    package func withDigestLock<T: Sendable, E: Error>(
        _ digest: Digest,
        _ body: () async throws(E) -> T
    ) async throws(E) -> T {
        try await publisher.locks.withLock(digest, body)
    }

    // MARK: Reading

    /// Opens a blob for reading; nil when there is no such file.
    package func open(_ digest: Digest) async throws(ContentError) -> BlobFile? {
        let path = layout.blob(digest)
        return try await threads.read.run { [filesystem, limits, threads] () throws(ContentError) in
            do throws(ContentError) {
                let file = try OwnedDescriptor(
                    opening: path,
                    flags: O_RDONLY,
                    in: filesystem,
                    closingOn: threads.sync
                )
                return BlobFile(
                    digest: digest,
                    size: try file.status().size,
                    file: file,
                    filesystem: filesystem,
                    limits: limits,
                    threads: threads.read
                )
            } catch {
                if error.errno == ENOENT { return nil }
                throw error
            }
        }
    }

    /// The size of a blob; nil when there is no such file.
    package func stat(_ digest: Digest) async throws(ContentError) -> Int64? {
        let path = layout.blob(digest)
        return try await threads.read.run { [filesystem] () throws(ContentError) in
            do throws(SystemCallError) {
                return try filesystem.statusOfPath(path).size
            } catch {
                if error.errno == ENOENT { return nil }
                throw ContentError(error, value: path)
            }
        }
    }
}
