// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Replication
import TestSupport
import Testing

@Suite struct WakeupTests {
    @Test func aSignalBeforeTheWaitCounts() async {
        let wakeup = Wakeup()
        wakeup.signal()
        await wakeup.wait()
    }

    /// A wait that was given up must not make all later ones return at once: whoever waits in a loop would spin.
    @Test func aCancelledWaitLeavesTheNextOneWaiting() async {
        let wakeup = Wakeup()
        let first = Task { await wakeup.wait() }
        first.cancel()
        await first.value
        let events = EventLog()
        let second = Task {
            await wakeup.wait()
            events.add("woken")
        }
        events.add("signalled")
        wakeup.signal()
        await second.value
        #expect(events.all == ["signalled", "woken"])
    }
}

@Suite struct RisingMarkTests {
    /// Until it is cancelled.
    private func forever() async throws {
        for await _ in AsyncStream<Void>.makeStream().stream {}
    }

    @Test func whoeverWaitsHearsOfALargerNumber() async {
        let mark = RisingMark()
        mark.raise(to: 3)
        let known = await mark.wait(over: 2) { try await forever() }
        async let later = mark.wait(over: 3) { try await forever() }
        mark.raise(to: 2)
        mark.raise(to: 4)
        let reached = await later
        #expect(known && reached && mark.value == 4)
    }

    @Test func aWaitEndsWithItsTimeOrWithTheServer() async {
        let mark = RisingMark()
        let late = await mark.wait(over: 0) {}
        mark.close()
        let closed = await mark.wait(over: 0) { try await forever() }
        #expect(!late && !closed)
    }
}
