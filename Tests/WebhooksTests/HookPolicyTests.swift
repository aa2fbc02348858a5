// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing
import Webhooks

/// When the same is tried again, and when it is given up.
@Suite struct HookPolicyTests {
    private func step(_ reply: HookReply, attempts: Int, age: Int64 = 0) -> HookStep {
        HookStep(after: reply, attempts: attempts, age: age) { $0 - 1 }
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
        let least = HookStep(after: .status(500, retryAfter: nil), attempts: 7, age: 0) { _ in 0 }
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

    @Test func itIsWaitedForAsLongAsItAsks() {
        #expect(step(.status(429, retryAfter: 77), attempts: 1) == .retry(afterSeconds: 77))
        #expect(step(.status(503, retryAfter: 999_999), attempts: 1) == .retry(afterSeconds: 3_600))
        #expect(step(.status(429, retryAfter: -5), attempts: 1) == .retry(afterSeconds: 1))
    }
}
