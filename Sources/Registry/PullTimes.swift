// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
import Metrics
package import OCI
import Synchronization

/// When manifests were pulled, exact to a minute, without a write for each pull.
///
/// A pull of a manifest that was noted within the last minute costs one load. Otherwise the time goes into a map, which
/// is written to the catalog once a minute, at the shutdown, and early where it fills up. A crash loses what was noted
/// since the last write: about a minute. Times never go back, in whatever order they are written.
package final class PullTimes: Sendable {
    private struct Key: Hashable {
        let repository: RepositoryName
        let digest: Digest
    }

    private final class Shard: Sendable {
        let pending = Mutex<[Key: Int64]>([:])
    }

    private let shards = (0..<RegistryLimits.pullShards).map { _ in Shard() }
    private let catalog: Catalog
    private let now: @Sendable () -> Int64
    private let isFilling = Atomic(false)
    private let flushes = Counter(label: "cairn_pull_time_flushes_total", dimensions: [("outcome", "done")])
    private let failures = Counter(label: "cairn_pull_time_flushes_total", dimensions: [("outcome", "failed")])
    private let written = Counter(label: "cairn_pull_times_written_total")
    private let dropped = Counter(label: "cairn_pull_times_dropped_total")

    /// `now` is the wall clock, in seconds since 1970.
    package init(catalog: Catalog, now: @escaping @Sendable () -> Int64) {
        self.catalog = catalog
        self.now = now
    }

    /// Notes that a client got a manifest, or was told that what it has of it is current. Never waits.
    package func record(_ manifest: ServedManifest, in repository: RepositoryName) {
        let now = now()
        let last = manifest.notedPull.load(ordering: .relaxed)
        guard now - last >= RegistryLimits.pullSeconds,
            manifest.notedPull.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
        else { return }
        if add(Key(repository: repository, digest: manifest.digest), now) { return }
        // The next pull tries again.
        manifest.notedPull.store(last, ordering: .relaxed)
        dropped.increment()
    }

    /// Whether so much waits that it is to be written before its time.
    package var wantsFlush: Bool { isFilling.load(ordering: .relaxed) }

    /// How many times wait to be written.
    package var pendingCount: Int { shards.reduce(0) { $0 + $1.pending.withLock { $0.count } } }

    /// Writes what waits, and returns once it is durable. What cannot be written waits for the next time.
    ///
    /// To be called by one task at a time.
    package func flush() async {
        isFilling.store(false, ordering: .relaxed)
        for shard in shards {
            let taken = shard.pending.withLock { pending in
                defer { pending = [:] }
                return pending
            }
            guard !taken.isEmpty else { continue }
            do {
                try await catalog.recordPulls(
                    taken.map { PulledManifest(repository: $0.key.repository, digest: $0.key.digest, at: $0.value) }
                )
                written.increment(by: Int64(taken.count))
            } catch {
                // Times that were written already are written again: that changes nothing.
                for (key, time) in taken where !add(key, time) { dropped.increment() }
                return failures.increment()
            }
        }
        do {
            try await catalog.notePullTracking(now: now())
            flushes.increment()
        } catch {
            failures.increment()
        }
    }

    /// False where there is no room.
    private func add(_ key: Key, _ time: Int64) -> Bool {
        let limit = RegistryLimits.pullsPending / RegistryLimits.pullShards
        let shard = shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))]
        let count = shard.pending.withLock { pending -> Int? in
            if let noted = pending[key] {
                if noted < time { pending[key] = time }
                return pending.count
            }
            guard pending.count < limit else { return nil }
            pending[key] = time
            return pending.count
        }
        if count ?? limit >= limit / 2 { isFilling.store(true, ordering: .relaxed) }
        return count != nil
    }
}

extension Registry {
    /// Notes a pull, where pulls are noted at all.
    package func notePull(of manifest: ServedManifest, in repository: RepositoryName) {
        pullTimes?.record(manifest, in: repository)
    }
}
