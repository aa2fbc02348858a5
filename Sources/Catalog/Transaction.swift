// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import GRDB
import OCI

/// What an operation sees while it runs: the writer's connection inside its own savepoint, and the times of the batch.
///
/// Only the writer's thread ever holds one, and only while the operation runs.
package final class Transaction {
    package let database: Database
    /// Service time of the batch: committed with it, so nothing on disk is later than the persisted counter.
    package let now: ServiceTime
    let settings: Catalog.Settings
    private let environment: Catalog.Environment
    private let clock: HybridClock

    /// What prefixes of repositories hold, as far as it is known; the batch takes it over if the operation succeeds.
    var ledger: QuotaLedger

    /// Whether the operation linked a blob that was known to be damaged.
    var hasHealed = false
    /// Repositories whose epoch the commit must bump.
    private(set) var touched: [RepositoryName] = []
    /// Events that the operation wrote.
    private(set) var events = 0
    /// The last of them.
    private(set) var lastEvent: EventID?
    /// Whether the commit must bump every epoch.
    private(set) var touchesAll = false

    init(
        database: Database,
        now: ServiceTime,
        clock: HybridClock,
        settings: Catalog.Settings,
        environment: Catalog.Environment,
        ledger: QuotaLedger
    ) {
        self.database = database
        self.now = now
        self.clock = clock
        self.settings = settings
        self.environment = environment
        self.ledger = ledger
    }

    /// The stamp of this operation: one for all its rows and events.
    private(set) lazy var timestamp: HybridTimestamp = clock.next()

    /// Seconds since 1970 of the wall clock, for people; no decision rests on it. The second of the stamp, where that
    /// is of this moment: what is replayed from the log has no other, and a second may end between two looks.
    private(set) lazy var wallSeconds: Int64 = {
        let (wall, stamped) = (environment.wallMilliseconds(), timestamp.milliseconds)
        return (abs(wall - stamped) < 1_000 ? stamped : wall) / 1_000
    }()

    /// The stamp of an entry of another region, while what it says is done.
    var assumed: Stamp?

    /// Manifests that may have lost what kept them out of the trash: judged before the operation ends.
    var loosened: [LoosenedManifest] = []

    /// Lets the times of later changes come after one that was seen.
    func observe(_ moment: HybridTimestamp) { clock.observe(moment) }

    /// Milliseconds since 1970 of the wall clock: no stamp of another region may be far ahead of it.
    var wallMilliseconds: Int64 { environment.wallMilliseconds() }

    /// Lets the rows of a change that is replayed have the time that it had.
    func replay(at moment: HybridTimestamp) {
        clock.observe(moment)
        timestamp = moment
        wallSeconds = moment.milliseconds / 1_000
    }

    /// The end of a lease granted now.
    var leaseEnd: ServiceTime { now.advanced(by: settings.lease) }

    func randomBytes(_ count: Int) -> [UInt8] { environment.randomBytes(count) }

    func touch(_ repository: RepositoryName) { touched.append(repository) }

    func count(_ event: EventID) {
        events += 1
        lastEvent = event
    }

    func touchAll() { touchesAll = true }
}
