// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization

/// Lets work go on at a rate: who takes more than the rate gives learns how long to wait.
final class TokenBucket: Sendable {
    private struct State {
        var perSecond: Double
        /// What may still be taken; below zero while someone waits for what was taken.
        var level: Double
        var updated: UInt64
    }

    /// Seconds of the rate that may be taken at once after a rest.
    private static let burstSeconds = 0.1

    private let monotonic: @Sendable () -> UInt64
    private let state: Mutex<State>

    init(perSecond: Double, monotonic: @escaping @Sendable () -> UInt64) {
        self.monotonic = monotonic
        state = Mutex(State(perSecond: perSecond, level: 0, updated: monotonic()))
    }

    var perSecond: Double {
        get { state.withLock { $0.perSecond } }
        set { state.withLock { $0.perSecond = newValue } }
    }

    /// Takes `cost`, and answers how long to wait before it is used.
    func take(_ cost: Int) -> Duration {
        let now = monotonic()
        return state.withLock { state in
            let elapsed = now > state.updated ? Double(now - state.updated) / 1_000_000_000 : 0
            let burst = state.perSecond * Self.burstSeconds
            state.level = min(burst, state.level + elapsed * state.perSecond) - Double(cost)
            state.updated = max(now, state.updated)
            return .seconds(max(0, -state.level / state.perSecond))
        }
    }
}
