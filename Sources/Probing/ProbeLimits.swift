// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of the prober.
package enum ProbeLimits {
    /// Registries that one process probes.
    package static let targets = 16
    /// Seconds between two rounds: each minute has one, so that a minute without is a minute without a prober.
    package static let every: ClosedRange<Int64> = 1...60
    /// Seconds between two canaries.
    package static let pushEvery: ClosedRange<Int64> = 1...86_400
    /// Milliseconds that one request may take.
    package static let timeout: ClosedRange<Int64> = 100...60_000
    /// Random bytes of the layer of a canary.
    package static let layerBytes = 4_096
    /// Tags of former runs that are deleted at a time.
    package static let leftovers = 100
    /// Samples that one round stands for, where it took longer than it is until the next one.
    package static let samplesOfRound: Int64 = 600
}
