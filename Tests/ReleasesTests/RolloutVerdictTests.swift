// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Releases
import Testing

struct RolloutVerdictTests {
    private func verdict(
        _ canary: (Int, Int),
        _ baseline: (Int, Int),
        ceiling: Double = 0.05,
        ratio: Double = 2
    ) throws -> RolloutVerdict {
        RolloutVerdict(
            canary: try #require(RolloutTraffic(requests: canary.0, errors: canary.1)),
            baseline: try #require(RolloutTraffic(requests: baseline.0, errors: baseline.1)),
            limits: try #require(RolloutLimits(errorCeiling: ceiling, allowedRatio: ratio))
        )
    }

    @Test(
        arguments: [
            // Too few requests, whatever they say.
            (99, 0, 10_000, 0, .hold), (99, 99, 10_000, 0, .hold),
            // Above the ceiling for certain, with or without a baseline: 12 of 100 have a chance of 0.004 at 5 %.
            (100, 12, 10_000, 500, .rollBack), (100, 12, 0, 0, .rollBack),
            // A chance of 0.063 is none.
            (100, 9, 100, 9, .hold), (100, 5, 100, 5, .promote),
            (1_000, 0, 99, 0, .hold), (1_000, 0, 100, 0, .promote),
            // Below the ceiling, and worse than twice the baseline: chances of 0.0076 and 0.0013.
            (1_000, 12, 9_000, 20, .rollBack), (1_000, 40, 9_000, 100, .rollBack),
            // One error where there was none may happen; five are doubtful; twelve are not.
            (10_000, 1, 10_000, 0, .promote), (10_000, 5, 10_000, 0, .hold), (10_000, 12, 10_000, 0, .rollBack),
            (1_000_000_000, 1_000_000, 1_000_000_000, 600_000, .promote),
            (1_000_000_000, 1_000_000, 1_000_000_000, 400_000, .rollBack),
        ] as [(Int, Int, Int, Int, RolloutVerdict.Decision)]
    )
    func itIsDecidedByTheNumbers(
        requests: Int,
        errors: Int,
        baseline: Int,
        baselineErrors: Int,
        decision: RolloutVerdict.Decision
    ) throws {
        let verdict = try verdict((requests, errors), (baseline, baselineErrors))
        #expect(verdict.decision == decision)
        #expect(!verdict.reason.isEmpty)
    }

    @Test func theReasonSaysTheNumbers() throws {
        #expect(try verdict((60, 0), (100, 0)).reason == "the canary has had 60 of 100 requests")
        #expect(try verdict((100, 0), (60, 0)).reason == "the baseline has had 60 of 100 requests")
        let bad = try verdict((1_000, 200), (100, 0)).reason
        #expect(bad == "200 of 1000 requests to the canary were errors (20.00 %), which is above the ceiling of 5.00 %")
        let good = try verdict((1_000, 1), (1_000, 2)).reason
        #expect(good.contains("1 of 1000") && good.contains("(0.10 %)") && good.contains("2 of 1000"))
    }

    @Test func ceilingsAtTheEndsAreMeant() throws {
        #expect(try verdict((100, 1), (100, 1), ceiling: 0).decision == .rollBack)
        #expect(try verdict((100, 0), (100, 0), ceiling: 0).decision == .promote)
        #expect(try verdict((100, 100), (100, 100), ceiling: 1).decision == .promote)
    }

    @Test func numbersThatCannotBeAreRefused() {
        #expect(RolloutTraffic(requests: 1, errors: 2) == nil)
        #expect(RolloutTraffic(requests: 1, errors: -1) == nil)
        #expect(RolloutTraffic(requests: -1, errors: -1) == nil)
        #expect(RolloutTraffic(requests: RolloutTraffic.requestsLimit + 1, errors: 0) == nil)
        #expect(RolloutLimits(minimumRequests: 0) == nil)
        #expect(RolloutLimits(errorCeiling: 1.1) == nil)
        #expect(RolloutLimits(errorCeiling: .nan) == nil)
        #expect(RolloutLimits(allowedRatio: 0) == nil)
        #expect(RolloutLimits(allowedRatio: .infinity) == nil)
    }

    /// Expected values are from sums of exact fractions.
    @Test(arguments: [
        (100, 9, 0.05, 0.06308959062744872), (100, 12, 0.05, 0.004274182466365913),
        (1_000, 50, 0.05, 0.5202589429126794), (1_000, 68, 0.05, 0.007407716199191979),
        (500, 499, 0.99, 0.039754740832387524), (100, 0, 0.05, 1), (100, 100, 1, 1), (100, 1, 0, 0),
    ])
    func chancesOfErrors(requests: Int, errors: Int, rate: Double, expected: Double) throws {
        let traffic = try #require(RolloutTraffic(requests: requests, errors: errors))
        let chance = ExactTests.chance(ofErrors: traffic, at: rate)
        #expect(abs(chance - expected) <= expected * 1e-10)
    }

    @Test(
        arguments: [
            (100, 3, 100, 0, 1, 0.12311557788944724), (100, 8, 900, 9, 2, 0.004956382563724281),
            (1_000, 12, 9_000, 20, 2, 0.007585907016595683), (1_000, 40, 9_000, 100, 2, 0.0012577585561739256),
            (100, 60, 100, 50, 1, 0.10035380006799038), (100, 100, 100, 98, 3, 0.560377358490566),
            (200, 5, 150, 150, 2, 1), (100, 2, 100, 1, 0.5, 0.26025354213273677), (100, 0, 100, 0, 2, 1),
        ] as [(Int, Int, Int, Int, Double, Double)]
    )
    func chancesBesideABaseline(
        requests: Int,
        errors: Int,
        baseline: Int,
        baselineErrors: Int,
        ratio: Double,
        expected: Double
    ) throws {
        let first = try #require(RolloutTraffic(requests: requests, errors: errors))
        let second = try #require(RolloutTraffic(requests: baseline, errors: baselineErrors))
        let chance = ExactTests.chance(ofErrors: first, beside: second, ratio: ratio)
        #expect(abs(chance - expected) <= expected * 1e-10)
    }
}
