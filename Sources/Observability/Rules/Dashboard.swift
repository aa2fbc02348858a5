// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A dashboard of Grafana: rows of panels that say one thing each.
package struct Dashboard: Sendable, Hashable {
    package enum Form: String, Sendable, Hashable {
        case timeseries, stat, gauge, table, bargauge
    }

    /// How values are read.
    package enum Unit: String, Sendable, Hashable {
        case ratio = "percentunit"
        case seconds = "s"
        case bytes
        case perSecond = "reqps"
        case number = "short"
        case time = "dateTimeFromNow"
    }

    /// A query with the name of its lines.
    package struct Query: Sendable, Hashable {
        package let expression: String
        package let legend: String
    }

    package struct Panel: Sendable, Hashable {
        package let title: String
        /// What it is for, and what to do.
        package let help: String
        package let form: Form
        package let unit: Unit
        package let queries: [Query]
        /// The part of a row that it takes, of 24.
        package var width: Int = 12
        /// From which value on it is red; nil where no value is wrong by itself.
        package var limit: Double?
        /// Whether lower values than that are.
        package var isFloor = false
    }

    package let name: String
    package let title: String
    /// For whom, and which question it answers.
    package let help: String
    package let panels: [Panel]
}
