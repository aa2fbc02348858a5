// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Retention

/// What retention knows of time, and what can be wrong with it.
package struct RetentionClock: Sendable {
    /// Seconds since 1970.
    package let wall: @Sendable () -> Int64
    /// Seconds that have passed since some fixed moment.
    package let monotonic: @Sendable () -> Int64
    private let start: (wall: Int64, monotonic: Int64)

    package init(wall: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> Int64) {
        self.wall = wall
        self.monotonic = monotonic
        start = (wall(), monotonic())
    }

    /// Seconds that the wall clock has been moved since the start: forwards above zero.
    var drift: Int64 { (wall() - start.wall) - (monotonic() - start.monotonic) }
}

/// What makes a plan one that somebody has to confirm. Each is a sentence for him.
struct RetentionBreakers {
    let catalog: Catalog
    let clock: RetentionClock

    /// What speaks against trusting the clock.
    func clockWarnings() async throws -> [String] {
        var warnings: [String] = []
        let drift = clock.drift
        if drift.magnitude > UInt64(RegistryLimits.retentionClockSkew) {
            warnings.append("the clock was moved by \(drift) seconds since the server started")
        }
        let now = clock.wall()
        if let latest = try await catalog.latestChange() {
            let ahead = latest.milliseconds / 1_000 - now
            if ahead > RegistryLimits.retentionClockSkew {
                warnings.append("the clock is \(ahead) seconds behind the latest change")
            }
        }
        if let last = try await catalog.retentionRuns(before: nil, limit: 2).last?.plannedAt,
            last - now > RegistryLimits.retentionClockSkew
        {
            warnings.append("the clock is \(last - now) seconds behind the last run")
        }
        return warnings
    }

    /// What speaks against trusting the times of pulls: rules that ask for them reach back further than they are known.
    func pullWarnings(_ rules: [RetentionRule]) async throws -> [String] {
        guard let reach = rules.compactMap(\.selector.pullReach).max() else { return [] }
        let now = clock.wall()
        guard let (since, until) = try await catalog.pullTracking() else {
            return ["no pulls are known yet, and a rule asks for them"]
        }
        if now - until > RegistryLimits.pullTrackingStale {
            return ["pulls are known only until \(now - until) seconds ago, and a rule asks for them"]
        }
        guard now - since < reach else { return [] }
        return ["pulls are known only for \(now - since) seconds, and a rule asks for \(reach)"]
    }

    /// What speaks against trusting what is known of other regions: what runs and what was pulled there comes late.
    func regionWarnings() async throws -> [String] {
        let since = clock.wall() - RegistryLimits.regionPullsStale
        let silent = try await catalog.regionsWithoutPulls(since: since)
        guard !silent.isEmpty else { return [] }
        return ["it is not known what runs in \(silent.joined(separator: ", ")), and what was pulled there"]
    }

    /// Whether so many tags of a repository would go that somebody should look.
    static func shareWarning(
        _ name: RepositoryName,
        tags: Int,
        going: Int,
        limits: RetentionSettings.Limits
    ) -> String? {
        guard going > RegistryLimits.retentionFewTags, going * 100 > tags * limits.tagsPercent else { return nil }
        return "\(going) of the \(tags) tags of \(name) would go, more than \(limits.tagsPercent) %"
    }

    static func countWarning(_ items: Int, limits: RetentionSettings.Limits) -> String? {
        items > limits.items ? "\(items) tags and images would go, more than \(limits.items)" : nil
    }
}
