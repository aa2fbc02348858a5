// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The query component of a request target, in order; a key may stand more than once.
package struct Query: Sendable {
    package let items: [(key: String, value: String)]

    package init(items: [(key: String, value: String)] = []) {
        self.items = items
    }

    /// Parses what follows the `?`.
    ///
    /// - Returns: nil when a percent-escape is malformed or there are more than `HTTPLimits.queryItems` items.
    package init?(parsing text: Substring) {
        var items: [(key: String, value: String)] = []
        for pair in text.split(separator: "&") {
            guard items.count < HTTPLimits.queryItems else { return nil }
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = PercentEncoding.decode(halves[0], plusIsSpace: true),
                let value = PercentEncoding.decode(halves.count == 2 ? halves[1] : "", plusIsSpace: true)
            else { return nil }
            items.append((key, value))
        }
        self.items = items
    }

    /// The first value of a key.
    package subscript(_ key: String) -> String? {
        items.first { $0.key == key }?.value
    }

    /// Every value of a key, in order.
    package func all(_ key: String) -> [String] {
        items.filter { $0.key == key }.map(\.value)
    }
}
