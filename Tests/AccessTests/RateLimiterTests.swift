// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Synchronization
import Testing

@Suite struct RateLimiterTests {
    /// A clock that the test sets.
    private final class Clock: Sendable {
        private let now = Mutex<UInt64>(1_000_000_000_000)

        var milliseconds: UInt64 {
            get { now.withLock { $0 / 1_000_000 } }
            set { now.withLock { $0 = newValue * 1_000_000 } }
        }
        var nanoseconds: UInt64 { now.withLock { $0 } }
    }

    private let clock = Clock()
    private let limiter: RateLimiter
    private let rate = RateLimiter.Rate(perSecond: 10, burst: 5)

    init() {
        limiter = RateLimiter { [clock] in clock.nanoseconds }
    }

    private func taken(_ count: Int, from key: String = "a") -> Int {
        (0..<count).count { _ in limiter.take(from: key, at: rate) == nil }
    }

    @Test func givesTheBurstThenTheRate() {
        #expect(taken(20) == 5)
        clock.milliseconds += 300
        #expect(taken(20) == 3)
        clock.milliseconds += 60_000
        #expect(taken(20) == 5)
        #expect(taken(20, from: "b") == 5)
    }

    @Test func saysWhenThereIsMore() {
        #expect(taken(5) == 5)
        #expect(limiter.take(from: "a", at: rate) == 1)
        #expect(limiter.take(50, from: "a", at: rate) == 1)
        #expect(limiter.reserve(95, from: "a", at: rate) == 9.5)
        #expect(limiter.take(from: "a", at: rate) == 10)
        clock.milliseconds += 9_600
        #expect(limiter.take(from: "a", at: rate) == nil)
    }

    /// A thread that read the clock and was then overtaken must not be given time that never passed.
    @Test func aTimeBeforeTheLastIsNoTime() {
        #expect(taken(5) == 5)
        let now = clock.milliseconds
        for back in 1...100 {
            clock.milliseconds = now - UInt64(back)
            #expect(limiter.take(from: "a", at: rate) != nil)
        }
        clock.milliseconds = now
        #expect(taken(5) == 0)
    }

    @Test func keysThatAreFullAgainMakeRoom() {
        #expect(taken(5, from: "spender") == 5)
        for number in 0..<200_000 { _ = limiter.take(from: "key \(number)", at: rate) }
        clock.milliseconds += 1
        #expect(taken(6) == 5)
    }
}
