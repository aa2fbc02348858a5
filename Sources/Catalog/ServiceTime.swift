// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Synchronization

/// Seconds that the service has been up, over all its runs: the clock of leases and windows.
///
/// A step of the wall clock cannot move it, so it cannot end a lease. See ``ServiceClock``.
package struct ServiceTime: Hashable, Comparable, Sendable {
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    package func advanced(by seconds: Int64) -> ServiceTime { ServiceTime(seconds: self.seconds + seconds) }

    package func seconds(since earlier: ServiceTime) -> Int64 { seconds - earlier.seconds }

    package static func < (left: ServiceTime, right: ServiceTime) -> Bool { left.seconds < right.seconds }
}

/// Counts service time from its persisted value with a monotonic clock.
///
/// Every commit that happens in a new second also writes the counter, so no row ever carries a time later than the
/// counter that was committed with it: after a crash the clock starts at or after every time on disk and a lease is
/// never judged by a clock that went back behind its grant. Time that passed without a commit is lost in a crash,
/// which only makes leases last longer. Nothing is added at a start, or a crash loop would eat the leases.
final class ServiceClock: Sendable {
    private let base: ServiceTime
    private let startNanoseconds: UInt64
    private let monotonicNanoseconds: @Sendable () -> UInt64
    /// The latest value handed out, so that a clock that steps back cannot be seen.
    private let latest: Mutex<ServiceTime>

    init(base: ServiceTime, monotonicNanoseconds: @escaping @Sendable () -> UInt64) {
        self.base = base
        self.monotonicNanoseconds = monotonicNanoseconds
        startNanoseconds = monotonicNanoseconds()
        latest = Mutex(base)
    }

    var now: ServiceTime {
        let nanoseconds = monotonicNanoseconds()
        let elapsed = nanoseconds > startNanoseconds ? nanoseconds - startNanoseconds : 0
        let time = base.advanced(by: Int64(elapsed / 1_000_000_000))
        return latest.withLock { latest in
            latest = max(latest, time)
            return latest
        }
    }
}
