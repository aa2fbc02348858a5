// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
package import OCI
internal import Synchronization

/// A reading of all blobs, or of those of a repository, that somebody asked for.
package final class ScrubRun: Sendable {
    package enum State: String, Sendable, Hashable {
        case waiting, running, done, failed
    }

    package struct Snapshot: Sendable, Hashable {
        package let id: Int
        package let repository: RepositoryName?
        /// Bytes in a second.
        package let rate: Int64
        package var state = State.waiting
        /// Seconds since 1970.
        package var startedAt: Int64
        package var finishedAt: Int64?
        var total = BlobTotals()
        var done = BlobTotals()
        /// Blobs found damaged that were not known to be, and blobs healed, by this run.
        package var found: Int64 = 0
        package var healed: Int64 = 0
        /// Blobs that were damaged at its end of reading them and were not healed by it.
        package var damaged: Int64 = 0
        package var bytesPerSecond: Int64 = 0
        package var problem: String?

        package var figures: ScrubFigures {
            ScrubFigures(done, of: total, found: found, from: startedAt, to: finishedAt)
        }
    }

    private let state: Mutex<Snapshot>
    let id: Int
    let repository: RepositoryName?
    let rate: Int64

    init(id: Int, repository: RepositoryName?, rate: Int64, startedAt: Int64) {
        self.id = id
        self.repository = repository
        self.rate = rate
        state = Mutex(Snapshot(id: id, repository: repository, rate: rate, startedAt: startedAt))
    }

    package var snapshot: Snapshot { state.withLock { $0 } }

    var isOver: Bool { [.done, .failed].contains(snapshot.state) }

    func change(_ body: (inout Snapshot) -> Void) { state.withLock { body(&$0) } }

    /// Whether it reads everything that the other one would.
    func covers(_ name: RepositoryName?) -> Bool { repository == nil || repository == name }
}
