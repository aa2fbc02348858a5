// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What was sampled of one region in one minute.
package struct SampledMinute: Hashable, Sendable {
    /// Since 1970.
    package let minute: Int64
    package let region: String
    /// `probe`, `requests`, or `objective:` and a name.
    package let source: String
    package var good: Int64
    package var total: Int64

    package init(minute: Int64, region: String, source: String, good: Int64, total: Int64) {
        self.minute = minute
        self.region = region
        self.source = source
        self.good = good
        self.total = total
    }
}

/// A span in which a region may be away, declared by somebody.
package struct MaintenanceSpan: Hashable, Sendable {
    package let region: String
    /// nil for the whole region: only then its availability does not count.
    package let environment: String?
    /// Seconds since 1970.
    package let start: Int64
    package let end: Int64
    package let reason: String

    package init(region: String, environment: String?, start: Int64, end: Int64, reason: String) {
        self.region = region
        self.environment = environment
        self.start = start
        self.end = end
        self.reason = reason
    }

    package func isActive(at seconds: Int64) -> Bool { start <= seconds && seconds < end }

    /// The minutes that it touches.
    var minutes: ClosedRange<Int64> { (start / 60)...max(start / 60, (end - 1) / 60) }
}

/// How the process came to run.
package struct StartOfRun: Hashable, Sendable {
    /// Seconds since 1970.
    package let at: Int64
    /// Whether the run before ended as it should, or there was none. What a crash leaves out is an outage.
    package let isClean: Bool
    /// When the last run began that is `isClean`, in seconds since 1970: this one, or one that crashed since. The
    /// registry warms up from then on, however often it crashes meanwhile. nil where that is not known.
    package let cleanAt: Int64?

    /// What `cleanAt` says of a time after `at` was written by a clock that was ahead, and is not known.
    package init(at: Int64, isClean: Bool, cleanAt: Int64?) {
        self.at = at
        self.isClean = isClean
        self.cleanAt = isClean ? at : cleanAt.flatMap { $0 <= at ? $0 : nil }
    }

    /// The first and the last minute of warming up.
    var warmUp: ClosedRange<Int64>? {
        cleanAt.map { ($0 / 60)...(($0 + ObjectivesLimits.warmUpMinutes * 60 - 1) / 60) }
    }

    package func isWarmingUp(at seconds: Int64) -> Bool {
        cleanAt.map { ($0..<($0 + ObjectivesLimits.warmUpMinutes * 60)).contains(seconds) } ?? false
    }

    /// Whether a minute of which nothing was sampled is an outage: not one of warming up.
    func isCharged(_ minute: Int64) -> Bool { !(warmUp?.contains(minute) ?? false) }
}
