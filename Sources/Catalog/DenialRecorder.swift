// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Metrics
import OCI
import Synchronization

/// Takes denials without ever waiting, and writes them once a second.
///
/// Equal denials of one second become one row with a count, so a client that is refused over and over costs a row a
/// second. At most 4 096 rows wait; what comes beyond is dropped and counted.
package final class DenialRecorder: Sendable {
    private struct Key: Hashable {
        let second: Int64
        let principal: String
        let address: String?
        let action: String
        let repository: RepositoryName?
        let rule: String?

        init(_ note: DenialNote, second: Int64) {
            self.second = second
            principal = note.context.actor
            address = note.context.address
            action = note.action
            repository = note.repository
            rule = note.rule
        }
    }

    private struct Queue {
        /// In the order of arrival, with the place of each.
        var denials: [CountedDenial] = []
        var places: [Key: Int] = [:]

        /// False when there is no room.
        mutating func add(_ denial: CountedDenial) -> Bool {
            let key = Key(denial.note, second: denial.at)
            if let place = places[key] {
                denials[place].count += denial.count
                return true
            }
            guard denials.count < CatalogLimits.denialQueue else { return false }
            places[key] = denials.count
            denials.append(denial)
            return true
        }
    }

    private let catalog: Catalog
    private let wallMilliseconds: @Sendable () -> Int64
    private let sleep: @Sendable (Duration) async throws -> Void
    private let queue = Mutex(Queue())
    private let dropped = Counter(label: "cairn_denials_dropped_total")

    /// `wallMilliseconds` is the time since 1970; `sleep` throws when the task is cancelled.
    package init(
        catalog: Catalog,
        wallMilliseconds: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.catalog = catalog
        self.wallMilliseconds = wallMilliseconds
        self.sleep = sleep
    }

    /// Takes a denial for the next write. Never waits.
    package func record(_ note: DenialNote) {
        let denial = CountedDenial(note: note, at: wallMilliseconds() / 1_000, count: 1)
        if !queue.withLock({ $0.add(denial) }) { dropped.increment() }
    }

    /// Writes once a second until the task is cancelled. The caller then flushes what came last.
    package func run() async {
        while !Task.isCancelled {
            do {
                try await sleep(.seconds(CatalogLimits.denialSeconds))
            } catch {
                return
            }
            await flush()
        }
    }

    /// Writes what waits, and returns once it is durable. What cannot be written waits for the next turn, as far as
    /// there is room.
    package func flush() async {
        let taken = queue.withLock { queue in
            defer { queue = Queue() }
            return queue.denials
        }
        guard !taken.isEmpty else { return }
        do {
            try await catalog.recordDenials(taken)
        } catch {
            let lost = queue.withLock { queue in
                taken.reduce(Int64(0)) { $0 + (queue.add($1) ? 0 : $1.count) }
            }
            if lost > 0 { dropped.increment(by: lost) }
        }
    }
}
