// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How much of a window was good. Whole requests, or minutes and parts of them.
package struct Tally: Hashable, Sendable {
    package var good: Double
    package var total: Double

    package init(good: Double = 0, total: Double = 0) {
        self.good = good
        self.total = total
    }

    /// nil where nothing was measured.
    package var ratio: Double? { total > 0 ? good / total : nil }

    package var bad: Double { max(0, total - good) }

    mutating func add(good: Double, total: Double) {
        self.good += good
        self.total += total
    }
}
