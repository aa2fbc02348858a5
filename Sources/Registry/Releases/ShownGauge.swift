// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Metrics

/// A gauge whose labels come and go. What is not shown any more is taken out of the exposition: an alert would go on
/// over a value that nobody sets.
package struct ShownGauge: Sendable {
    private let name: String
    private var meters: [[String: String]: Meter] = [:]

    /// - Parameter name: Of the metric.
    package init(_ name: String) { self.name = name }

    /// Shows these values, by their labels, and no others.
    package mutating func show(_ values: [[String: String]: Double]) {
        for (labels, meter) in meters where values[labels] == nil {
            meter.destroy()
            meters[labels] = nil
        }
        for (labels, value) in values {
            let meter = meters[labels] ?? Meter(label: name, dimensions: labels.map { ($0.key, $0.value) })
            meter.set(value)
            meters[labels] = meter
        }
    }
}
