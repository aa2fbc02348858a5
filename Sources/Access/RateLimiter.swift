// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// Token buckets by key (a principal, an address), so that one client cannot take what belongs to all.
///
/// Bounded: over `RateLimiter.keysLimit` keys, those whose buckets are full again are forgotten, which changes nothing
/// for them; if those are few, arbitrary ones are too.
package final class RateLimiter: Sendable {
    /// Keys remembered in each shard.
    static let keysLimit = 8192
    private static let shardCount = 8

    private struct Bucket {
        /// What may still be taken; below zero while someone waits for what was reserved.
        var level: Double
        var updated: UInt64
    }

    private final class Shard: Sendable {
        let buckets = Mutex<[String: Bucket]>([:])
    }

    private let shards: [Shard]
    private let monotonic: @Sendable () -> UInt64

    package init(monotonic: @escaping @Sendable () -> UInt64) {
        self.monotonic = monotonic
        shards = (0..<Self.shardCount).map { _ in Shard() }
    }

    /// A rate per second, and how much may be taken at once.
    package struct Rate: Sendable, Hashable {
        package let perSecond: Double
        package let burst: Double

        package init(perSecond: Double, burst: Double) {
            self.perSecond = perSecond
            self.burst = burst
        }
    }

    /// Takes `cost` if the bucket has it.
    ///
    /// - Returns: nil when it was taken, else the whole seconds until it will be there.
    package func take(_ cost: Double = 1, from key: String, at rate: Rate) -> Int? {
        change(key, rate) { bucket in
            let needed = min(cost, rate.burst)
            guard bucket.level < needed else {
                bucket.level -= cost
                return nil
            }
            return max(1, Int(((needed - bucket.level) / rate.perSecond).rounded(.up)))
        }
    }

    /// Takes `cost` whether the bucket has it or not.
    ///
    /// - Returns: The seconds until it is paid for, 0 where the bucket had it.
    package func reserve(_ cost: Double, from key: String, at rate: Rate) -> Double {
        change(key, rate) { bucket in
            bucket.level -= cost
            return max(0, -bucket.level / rate.perSecond)
        }
    }

    private func change<Result: Sendable>(_ key: String, _ rate: Rate, _ body: (inout Bucket) -> Result) -> Result {
        let time = monotonic()
        let shard = shards[Int(UInt(bitPattern: key.hashValue) % UInt(Self.shardCount))]
        return shard.buckets.withLock { buckets in
            var bucket = buckets[key] ?? Bucket(level: rate.burst, updated: time)
            // Another thread may have looked at the clock later and have been here earlier.
            let now = max(time, bucket.updated)
            let elapsed = Double(now - bucket.updated) / 1_000_000_000
            bucket.level = min(rate.burst, bucket.level + elapsed * rate.perSecond)
            bucket.updated = now
            let result = body(&bucket)
            if buckets[key] == nil, buckets.count >= Self.keysLimit { Self.makeRoom(&buckets, rate, now) }
            buckets[key] = bucket
            return result
        }
    }

    private static func makeRoom(_ buckets: inout [String: Bucket], _ rate: Rate, _ now: UInt64) {
        buckets = buckets.filter { _, bucket in
            let elapsed = Double(now - min(now, bucket.updated)) / 1_000_000_000
            return bucket.level + elapsed * rate.perSecond < rate.burst
        }
        // An eighth at once, so that a flood of new keys does not pay for this at each of them. The order of a
        // dictionary is another in each process.
        guard buckets.count > keysLimit / 8 * 7 else { return }
        for key in Array(buckets.keys.prefix(buckets.count - keysLimit / 8 * 7)) { buckets[key] = nil }
    }
}
