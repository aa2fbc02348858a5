// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What schedules did, each as often as it came to its end.
package struct Tally: Sendable {
    package enum Figure: String, CaseIterable, Sendable {
        case schedules, violations, cuts, puts, refusals, uploads, skips, mounts, pulls, deletions, restores, turns
        case collected, orphans, healed, steps, seconds
    }

    private var counts: [Figure: Int] = [:]

    package init() {}

    package subscript(_ figure: Figure) -> Int { counts[figure] ?? 0 }

    package mutating func add(_ number: Int, to figure: Figure) { counts[figure, default: 0] += number }

    package static func += (sum: inout Tally, more: Tally) {
        for (figure, number) in more.counts { sum.add(number, to: figure) }
    }

    /// A line for each figure.
    package var lines: [String] { Figure.allCases.map { "\($0.rawValue) \(self[$0])" } }
}
