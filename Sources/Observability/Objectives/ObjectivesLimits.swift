// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What objectives may hold.
package enum ObjectivesLimits {
    /// Objectives of one registry.
    package static let objectives = 16
    /// Series of minutes that are kept in memory: one for each region and source. Each takes about 350 KB.
    package static let series = 64
    /// Minutes of one series in memory: 30 days, the longest window.
    package static let minutes = 43_200
    /// Minutes that the table keeps: 35 days.
    package static let keptMinutes: Int64 = 50_400
    /// Rows that wait to be written while the catalog takes none.
    package static let unsavedRows = 10_000
    /// Minutes after a clean start in which missing and failed samples do not count.
    package static let warmUpMinutes: Int64 = 2
    /// Declared maintenance that is looked at.
    package static let spans = 1_024
    /// A burn rate is shown as at most so much: the budget of an objective of 100 % is nothing.
    package static let burnRate = 100_000.0
    /// UTF-8 bytes of the name of an objective.
    package static let nameBytes = 64
    /// Targets that make sense below 100 %.
    package static let targets = 0.5...1.0
    /// Points of a chart of burn rates, and minutes between two of them.
    static let chartPoints: Int64 = 48
    static let chartMinutes: Int64 = 30
}
