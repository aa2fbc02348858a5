// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing
import Webhooks

/// When the same is tried again, and when it is given up.
@Suite struct HookPolicyTests {
    /// What is done after so many such replies, and others before them.
    private func step(
        _ reply: HookReply,
        attempts: Int,
        after others: [HookReply] = [],
        age: Int64 = 0
    ) -> HookStep {
        var tries = HookTries()
        for other in others { tries.add(other) }
        for _ in 0..<attempts { tries.add(reply) }
        return HookStep(after: reply, tries, age: age) { $0 - 1 }
    }

    @Test(arguments: [200, 201, 202, 204, 299]) func whatIsAcceptedIsDone(status: Int) {
        #expect(step(.status(status, retryAfter: nil), attempts: 1) == .accepted)
    }

    @Test func pausesDoubleUpToFiveMinutes() {
        var pauses: [Int64] = []
        for attempts in 1...11 {
            guard case .retry(let seconds) = step(.status(500, retryAfter: nil), attempts: attempts) else { continue }
            pauses.append(seconds)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
    }

    @Test func pausesAreSpread() {
        var tries = HookTries()
        for _ in 0..<7 { tries.add(.status(500, retryAfter: nil)) }
        let least = HookStep(after: .status(500, retryAfter: nil), tries, age: 0) { _ in 0 }
        #expect(least == .retry(afterSeconds: 32), "half of it at least")
    }

    @Test(arguments: [400, 401, 403, 404, 410, 413, 422])
    func whatIsRefusedIsGivenUpSoon(status: Int) {
        #expect(step(.status(status, retryAfter: nil), attempts: 2) != .giveUp)
        #expect(step(.status(status, retryAfter: nil), attempts: 3) == .giveUp)
    }

    @Test(arguments: [500, 502, 504, 408, 301, 100])
    func whatFailsIsTriedForLonger(status: Int) {
        #expect(step(.status(status, retryAfter: nil), attempts: 11) != .giveUp)
        #expect(step(.status(status, retryAfter: nil), attempts: 12) == .giveUp)
    }

    @Test(arguments: [HookReply.unreachable("down"), .status(503, retryAfter: nil), .status(429, retryAfter: 7)])
    func aReceiverThatIsDownIsWaitedForByTime(reply: HookReply) {
        #expect(step(reply, attempts: 1_000, age: 3 * 86_400) != .giveUp)
        #expect(step(reply, attempts: 1_000, age: 3 * 86_400 + 1) == .giveUp)
    }

    /// That it was away, or failed, is not held against what it refuses later, nor the other way round.
    @Test func kindsOfRepliesAreCountedApart() {
        let away = Array(repeating: HookReply.status(503, retryAfter: nil), count: 500)
        let failed = Array(repeating: HookReply.status(500, retryAfter: nil), count: 11)
        let refused = Array(repeating: HookReply.status(404, retryAfter: nil), count: 2)
        #expect(step(refused[0], attempts: 1, after: away + failed) == .retry(afterSeconds: 1))
        #expect(step(refused[0], attempts: 2, after: away + failed) == .retry(afterSeconds: 2))
        #expect(step(refused[0], attempts: 3, after: away + failed) == .giveUp)
        #expect(step(failed[0], attempts: 11, after: away + refused) == .retry(afterSeconds: 300))
        #expect(step(failed[0], attempts: 12, after: away + refused) == .giveUp)
        #expect(step(away[0], attempts: 500, after: failed + refused) == .retry(afterSeconds: 300))
    }

    @Test func itIsWaitedForAsLongAsItAsks() {
        #expect(step(.status(429, retryAfter: 77), attempts: 1) == .retry(afterSeconds: 77))
        #expect(step(.status(503, retryAfter: 999_999), attempts: 1) == .retry(afterSeconds: 3_600))
        #expect(step(.status(429, retryAfter: -5), attempts: 1) == .retry(afterSeconds: 1))
    }
}
