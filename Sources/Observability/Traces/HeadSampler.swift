// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization

/// Decides at the beginning of a trace whether it is kept, by the random bits of its id: whoever has the same rate, or
/// a greater one, decides alike.
package struct HeadSampler: Sendable {
    /// The bits that decide: the last seven bytes of an id.
    private static let bits: UInt64 = 1 << 56

    private let threshold: UInt64

    /// `rate` is from 0, nothing, to 1, everything.
    package init(rate: Double) {
        threshold = UInt64((1 - min(max(rate, 0), 1)) * Double(Self.bits))
    }

    package func keeps(_ id: UInt64) -> Bool { id % Self.bits >= threshold }
}

/// Random bits for ids and for the decision, without a call of the system for each (SplitMix64).
///
/// They tell traces apart and guard nothing.
package final class RandomBits: Sendable {
    private let state: Atomic<UInt64>

    package init(seed: UInt64) {
        state = Atomic(seed)
    }

    /// Never zero: no id is.
    package func next() -> UInt64 {
        var bits = state.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        bits ^= bits >> 31
        return bits == 0 ? 1 : bits
    }
}
