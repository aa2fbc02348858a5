// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization

/// What every upload session of a store shares.
struct UploadEnvironment: Sendable {
    let layout: Layout
    let filesystem: Filesystem
    let limits: ContentLimits
    let threads: StoreThreads
    let pool: BufferPool
    let gauge: StorageGauge
    let metrics: ContentMetrics
    let publisher: BlobPublisher
    let registry: UploadRegistry
    let rehashes: FIFOSemaphore
    let serviceTime: @Sendable () -> Int64
    let durableProgress: @Sendable (UploadID, Int64) -> Void
}

/// Which names in `uploads/` are in use: by sessions, and by small puts whose temporary files lie there too.
final class UploadRegistry: Sendable {
    private struct State {
        var sessions: [UploadID: UploadSession] = [:]
        /// Names whose file is being made, or belongs to a put.
        var reserved: Set<UploadID> = []
        var starting = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    private let metrics: ContentMetrics

    init(limit: Int, metrics: ContentMetrics) {
        self.limit = limit
        self.metrics = metrics
    }

    var sessions: [UploadSession] { state.withLock { Array($0.sessions.values) } }

    func session(_ id: UploadID) -> UploadSession? { state.withLock { $0.sessions[id] } }

    /// Keeps a name, and a place among the sessions, for one that is being started. Error: `.tooManyUploads`.
    func beginSession(_ id: UploadID) throws(ContentError) {
        let admitted = state.withLock { state in
            guard state.sessions.count + state.starting < limit else { return false }
            state.starting += 1
            state.reserved.insert(id)
            return true
        }
        guard admitted else {
            throw ContentError(.tooManyUploads, "\(limit) uploads are open already", value: id.description)
        }
    }

    /// Ends what `beginSession` began: with the session, or with nil when it could not be started.
    func endBeginning(_ id: UploadID, with session: UploadSession?) {
        let count = state.withLock { state in
            state.starting -= 1
            state.reserved.remove(id)
            if let session { state.sessions[id] = session }
            return state.sessions.count
        }
        metrics.uploadsOpen(count)
    }

    func remove(_ id: UploadID) {
        let count = state.withLock { state in
            state.sessions[id] = nil
            return state.sessions.count
        }
        metrics.uploadsOpen(count)
    }

    func reserve(_ id: UploadID) { _ = state.withLock { $0.reserved.insert(id) } }
    func unreserve(_ id: UploadID) { _ = state.withLock { $0.reserved.remove(id) } }

    func isInUse(_ id: UploadID) -> Bool {
        state.withLock { $0.sessions[id] != nil || $0.reserved.contains(id) }
    }
}
