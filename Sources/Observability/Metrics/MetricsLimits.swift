// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What a registry may hold. A library or a bug that makes ever new names or labels costs a bounded amount of memory,
/// and `metrics_dropped_total` says so.
package struct MetricsLimits: Sendable {
    /// Upper bounds of a histogram, without the last one, +Inf.
    package static let buckets = 31

    /// Families that a registry holds.
    package var families = 512
    /// Series, that is different sets of labels, of one family. More are refused: they count into nothing.
    package var seriesPerFamily = 1000
    /// Series of all families together.
    package var series = 10_000
    /// UTF-8 bytes of a label's value; what is beyond is cut off.
    package var labelValueBytes = 256
    /// Labels of one series; further ones are left out.
    package var labels = 16

    package init() {}
}
