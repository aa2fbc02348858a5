// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
internal import Synchronization

/// How full the disk is, and what may still grow.
///
/// Below the soft limit no new upload begins; below the hard limit nothing grows at all, while deletes and reads go
/// on. BALLAST is a file that is deleted when the hard limit is reached or a write found the disk full, so that the
/// catalog can still write what a delete needs. Its room never counts as free for blobs: as long as it is gone, its
/// size is taken off what the file system says is available. It is made again once the soft limit is cleared.
package final class StorageGauge: Sendable {
    package enum State: String, Hashable, Sendable {
        case ok
        /// New uploads are refused.
        case soft
        /// All growth is refused.
        case hard
    }

    /// Bytes of the file system that holds the store.
    package struct Space: Hashable, Sendable {
        package var total: Int64 = 0
        /// What blobs may use before the limits are considered.
        package var available: Int64 = 0
        package var softLimit: Int64 = 0
        package var hardLimit: Int64 = 0
        /// What BALLAST holds now; 0 while it is released.
        package var ballast: Int64 = 0
    }

    /// What asks for room.
    enum Growth { case newUpload, growth }

    private enum Ballast { case unknown, present, released, unavailable }

    private struct Published {
        var space = Space()
        var state = State.ok
    }

    /// Held while the file system is asked and BALLAST is made or released, so by threads that may block.
    private let ballast = Mutex(Ballast.unknown)
    /// What was found last. Held for an instant, also by event loops.
    private let published = Mutex(Published())
    private let layout: Layout
    private let filesystem: Filesystem
    private let limits: ContentLimits
    private let threads: FileThreads
    private let metrics: ContentMetrics

    init(layout: Layout, filesystem: Filesystem, limits: ContentLimits, threads: FileThreads, metrics: ContentMetrics) {
        self.layout = layout
        self.filesystem = filesystem
        self.limits = limits
        self.threads = threads
        self.metrics = metrics
    }

    /// As of the last look. Does not block.
    package var state: State { published.withLock { $0.state } }

    /// As of the last look. Does not block.
    package var space: Space { published.withLock { $0.space } }

    /// Looks now, and makes or releases BALLAST. To be called every few seconds, and by the health endpoint.
    @discardableResult
    package func refresh() async throws(ContentError) -> State {
        try await threads.run { () throws(ContentError) in try self.refreshBlocking() }
    }

    /// Somebody (the catalog, say) found the disk full: releases BALLAST now.
    package func noteFull() async {
        do {
            try await threads.run { () throws(ContentError) in self.noteFullBlocking() }
        } catch {
            // The store is shut down: nothing will grow any more.
        }
    }

    /// Refuses growth that would take the file system below its limit. Blocks for a `statvfs`.
    func admit(_ growth: Growth, bytes: Int64) throws(ContentError) {
        try refreshBlocking()
        let space = self.space
        let limit = growth == .newUpload ? space.softLimit : space.hardLimit
        guard space.available >= limit, space.available - limit >= bytes else {
            let free = max(0, space.available - limit)
            let wish = bytes > 0 ? ", \(bytes) are needed" : ""
            throw ContentError(
                .noSpace,
                "the storage is full: \(free) bytes are free for data\(wish)",
                value: layout.root,
                free: free,
                needed: bytes
            )
        }
    }

    @discardableResult
    func refreshBlocking() throws(ContentError) -> State {
        let found = try about(layout.root) { () throws(SystemCallError) in try filesystem.space(layout.root) }
        let wanted = min(limits.ballastBytes, found.total / limits.ballastShare)
        metrics.storageFree(found.available)
        return ballast.withLock { ballast in
            if ballast == .unknown { ballast = ballastIsThere(wanted) ? .present : .released }
            var space = Space(
                total: found.total,
                available: found.available - (ballast == .released ? wanted : 0),
                softLimit: min(limits.softLimitBytes, found.total / limits.softLimitShare),
                hardLimit: found.total / limits.hardLimitShare
            )
            // In the bytes that the file system calls free: as long as BALLAST is gone, its room is not for uploads.
            metrics.storageSoftLimit(space.softLimit + found.available - space.available)
            if space.available < space.hardLimit, ballast == .present {
                ballast = release()
            } else if space.available >= space.softLimit, ballast == .released {
                ballast = make(wanted)
            }
            space.ballast = ballast == .present ? wanted : 0
            let state: State =
                space.available < space.hardLimit ? .hard : space.available < space.softLimit ? .soft : .ok
            published.withLock { $0 = Published(space: space, state: state) }
            return state
        }
    }

    /// As `noteFull`. Blocks.
    func noteFullBlocking() {
        ballast.withLock { ballast in
            if ballast == .present || ballast == .unknown { ballast = release() }
        }
        published.withLock { published in
            published.state = .hard
            published.space.ballast = 0
        }
    }

    private func release() -> Ballast {
        do {
            try filesystem.unlink(layout.ballast)
            return .released
        } catch {
            // A file that is not there has given its room already; any other is tried again at the next look.
            return error.errno == ENOENT ? .released : .present
        }
    }

    private func ballastIsThere(_ wanted: Int64) -> Bool {
        do {
            return try filesystem.statusOfPath(layout.ballast).size >= wanted
        } catch {
            return false
        }
    }

    private func make(_ wanted: Int64) -> Ballast {
        do {
            let file = try OwnedDescriptor(
                opening: layout.ballast,
                flags: O_RDWR | O_CREAT,
                mode: 0o600,
                in: filesystem,
                closingOn: nil
            )
            try about(layout.ballast) { () throws(SystemCallError) in try filesystem.allocate(file.raw, 0, wanted) }
            return .present
        } catch {
            do { try filesystem.unlink(layout.ballast) } catch { /* It was not made. */  }
            return error.errno == EOPNOTSUPP ? .unavailable : .released
        }
    }
}
