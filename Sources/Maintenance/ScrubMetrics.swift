// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Metrics
internal import Synchronization

/// What the scrub measures of itself.
struct ScrubMetrics: Sendable {
    private let whole = Counter(label: "cairn_scrub_blobs_total", dimensions: [("outcome", "whole")])
    private let damaged = Counter(label: "cairn_scrub_blobs_total", dimensions: [("outcome", "damaged")])
    private let bytes = Counter(label: "cairn_scrub_read_bytes_total")
    private let healed = Counter(label: "cairn_scrub_healed_total")
    private let passes = Counter(label: "cairn_scrub_passes_total")
    private let failures = Counter(label: "cairn_scrub_failures_total")
    private let absent = Meter(label: "cairn_scrub_damaged_blobs")
    private let coverage = Meter(label: "cairn_scrub_pass_ratio")
    private let age = Meter(label: "cairn_scrub_oldest_verification_seconds")
    private let stalled = Meter(label: "cairn_scrub_stalled")

    func read(_ count: Int) { bytes.increment(by: count) }
    func found(isWhole: Bool) { (isWhole ? whole : damaged).increment() }
    func healed(_ count: Int64) { healed.increment(by: count) }
    func passEnded() { passes.increment() }
    func failed() { failures.increment() }
    func stalled(_ isStalled: Bool) { stalled.set(isStalled ? 1 : 0) }

    func figures(absent count: Int, coverage ratio: Double, age seconds: Int64) {
        absent.set(count)
        coverage.set(ratio)
        age.set(seconds)
    }
}

/// Bytes in a second, of late.
final class SpeedMeter: Sendable {
    private static let window: UInt64 = 5_000_000_000

    private struct State {
        var start: UInt64
        var bytes: Int64 = 0
        var last: Int64 = 0
    }

    private let monotonic: @Sendable () -> UInt64
    private let state: Mutex<State>

    init(monotonic: @escaping @Sendable () -> UInt64) {
        self.monotonic = monotonic
        state = Mutex(State(start: monotonic()))
    }

    func add(_ bytes: Int) {
        let now = monotonic()
        state.withLock { state in
            state.bytes += Int64(bytes)
            guard now >= state.start + Self.window else { return }
            state.last = Self.rate(state.bytes, now - state.start)
            state = State(start: now, last: state.last)
        }
    }

    var bytesPerSecond: Int64 {
        let now = monotonic()
        return state.withLock { state in
            let elapsed = now > state.start ? now - state.start : 0
            // A window that is long over says more than the one before it.
            return elapsed > 3 * Self.window || state.last == 0 ? Self.rate(state.bytes, elapsed) : state.last
        }
    }

    private static func rate(_ bytes: Int64, _ nanoseconds: UInt64) -> Int64 {
        nanoseconds == 0 ? 0 : Int64(Double(bytes) * 1_000_000_000 / Double(nanoseconds))
    }
}
