// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization

/// Counts requests as good or bad while they are answered: a few additions each, and no lock.
package final class RequestJudge: Sendable {
    /// Counts since the start.
    package struct Counts: Hashable, Sendable {
        package var good: UInt64
        package var total: UInt64

        package init(good: UInt64 = 0, total: UInt64 = 0) {
            self.good = good
            self.total = total
        }
    }

    private final class Series: Sendable {
        let good = Atomic<UInt64>(0)
        let bad = Atomic<UInt64>(0)

        func count(isGood: Bool) {
            if isGood { good.wrappingAdd(1, ordering: .relaxed) } else { bad.wrappingAdd(1, ordering: .relaxed) }
        }

        /// One that is counted in between is in neither, or in the right one.
        var counts: Counts {
            let good = good.load(ordering: .relaxed)
            return Counts(good: good, total: good + bad.load(ordering: .relaxed))
        }
    }

    private struct Latency: Sendable {
        let objective: String
        let requests: RequestClass
        let bound: Duration
        let series = Series()
    }

    private let requests = Series()
    private let latencies: [Latency]
    private let limitedIsGood: Bool

    /// - Parameters:
    ///   - objectives: Those of latency are counted each, all others are not looked at.
    ///   - limitedIsGood: Whether a request that was refused with 429 counts as good: the client came too often.
    package init(_ objectives: [ServiceLevelObjective], limitedIsGood: Bool = true) {
        self.limitedIsGood = limitedIsGood
        latencies = objectives.compactMap { objective in
            guard case .latency(let requests, let milliseconds) = objective.kind else { return nil }
            return Latency(objective: objective.name, requests: requests, bound: .milliseconds(milliseconds))
        }
    }

    /// Counts a request that was answered. Whatever the registry itself could not do is bad; what the client asked
    /// wrongly is good. The time of bad ones says nothing.
    package func judge(route: String, method: String, status: Int, elapsed: Duration) {
        guard RequestClass.judgedRoutes.contains(route) else { return }
        let isGood = status < 500 && (limitedIsGood || status != 429)
        requests.count(isGood: isGood)
        guard isGood, status < 400 else { return }
        for latency in latencies where latency.requests.includes(route: route, method: method) {
            latency.series.count(isGood: elapsed <= latency.bound)
        }
    }

    /// What was counted, by the source under which it is kept.
    package var counts: [(source: String, counts: Counts)] {
        [(ServiceLevelObjective.Source.requests.rawValue, requests.counts)]
            + latencies.map { (ServiceLevelObjective.sourcePrefix + $0.objective, $0.series.counts) }
    }
}
