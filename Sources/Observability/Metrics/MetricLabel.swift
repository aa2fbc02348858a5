// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A label that the series of a family have, as it is declared and documented.
package struct MetricLabel: Hashable, Sendable, ExpressibleByStringLiteral {
    package let name: String
    /// All values that it takes; empty where they are many, such as the names of regions.
    package let values: [String]

    package init(_ name: String, _ values: [String] = []) {
        precondition(MetricName.label(name) == name, "\(name) is not a label's name")
        self.name = name
        self.values = values
    }

    package init(stringLiteral name: String) { self.init(name) }
}
