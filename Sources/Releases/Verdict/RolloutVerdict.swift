// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Whether counts are of what is rolled out, or of what ran before.
package enum RolloutRole: String, Sendable, Hashable, CaseIterable {
    case canary
    case baseline
}

/// Requests that were answered in a span of time, and how many of them were errors.
package struct RolloutTraffic: Sendable, Hashable {
    /// More requests are not judged: the test would take long, and its answer would be no other.
    package static let requestsLimit = 1_000_000_000_000

    package let requests: Int
    package let errors: Int

    /// nil for numbers that no span of time has: below zero, above the limit, or more errors than requests.
    package init?(requests: Int, errors: Int) {
        guard 0 <= errors, errors <= requests, requests <= Self.requestsLimit else { return nil }
        self.requests = requests
        self.errors = errors
    }

    var errorRate: Double { requests > 0 ? Double(errors) / Double(requests) : 0 }
}

/// What a canary must keep to.
package struct RolloutLimits: Sendable, Hashable {
    /// Requests that canary and baseline must have had before they are judged.
    package let minimumRequests: Int
    /// The part of the canary's requests that may be errors, whatever the baseline does.
    package let errorCeiling: Double
    /// How many times the baseline's odds of an error the canary's may be.
    package let allowedRatio: Double

    /// nil for limits that cannot be meant: a ceiling outside of 0 to 1, a ratio that is not above zero, or a minimum
    /// below one.
    package init?(minimumRequests: Int = 100, errorCeiling: Double = 0.05, allowedRatio: Double = 2) {
        guard minimumRequests > 0, (0...1).contains(errorCeiling) else { return nil }
        guard allowedRatio > 0, allowedRatio <= 1_000 else { return nil }
        self.minimumRequests = minimumRequests
        self.errorCeiling = errorCeiling
        self.allowedRatio = allowedRatio
    }
}

/// What to do with a canary, by the requests and errors of it and of what ran before.
///
/// Two exact one-sided tests are made. One asks how probable so many errors or more would be if the canary's true rate
/// were the ceiling (binomial distribution); the other, if its odds of an error were the allowed multiple of the
/// baseline's, given the errors of both together (Fisher's test, with the noncentral hypergeometric distribution). What
/// had a probability below ``significance`` is not put down to chance, and the canary is rolled back; below ``doubt``
/// it is not promoted either.
package struct RolloutVerdict: Sendable, Hashable {
    package enum Decision: String, Sendable, Hashable, CaseIterable {
        case promote
        case hold
        case rollBack = "roll-back"
    }

    package static let significance = 0.01
    package static let doubt = 0.2

    package let decision: Decision
    /// Why, in a sentence without its full stop.
    package let reason: String

    package init(canary: RolloutTraffic, baseline: RolloutTraffic, limits: RolloutLimits) {
        (decision, reason) = Self.judge(canary, baseline, limits)
    }

    private static func judge(
        _ canary: RolloutTraffic,
        _ baseline: RolloutTraffic,
        _ limits: RolloutLimits
    ) -> (Decision, String) {
        guard canary.requests >= limits.minimumRequests else {
            return (.hold, "the canary has had \(canary.requests) of \(limits.minimumRequests) requests")
        }
        let rate = "\(canary.errors) of \(canary.requests) requests to the canary were errors"
        let ceiling = percent(limits.errorCeiling)
        if ExactTests.chance(ofErrors: canary, at: limits.errorCeiling) < significance {
            return (.rollBack, "\(rate) (\(percent(canary.errorRate))), which is above the ceiling of \(ceiling)")
        }
        guard baseline.requests >= limits.minimumRequests else {
            return (.hold, "the baseline has had \(baseline.requests) of \(limits.minimumRequests) requests")
        }
        let chance = ExactTests.chance(ofErrors: canary, beside: baseline, ratio: limits.allowedRatio)
        let comparison =
            "\(rate) (\(percent(canary.errorRate))) and \(baseline.errors) of \(baseline.requests) to the"
            + " baseline (\(percent(baseline.errorRate)))"
        if chance < significance {
            return (.rollBack, "\(comparison), which is more than \(limits.allowedRatio) times the odds, and no chance")
        }
        if canary.errorRate > limits.errorCeiling {
            return (.hold, "\(rate) (\(percent(canary.errorRate))); the ceiling is \(ceiling), and it may be chance")
        }
        if chance < doubt {
            return (.hold, "\(comparison), which may be chance or not: more requests will tell")
        }
        return (.promote, "\(comparison), within \(limits.allowedRatio) times the odds and the ceiling of \(ceiling)")
    }

    /// A part in percent with two decimals.
    private static func percent(_ part: Double) -> String {
        let hundredths = Int((part * 10_000).rounded())
        let decimals = hundredths % 100
        return "\(hundredths / 100).\(decimals < 10 ? "0" : "")\(decimals) %"
    }
}
