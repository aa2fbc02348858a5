// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A span of time up to now over which something is measured.
package struct MeasuredWindow: Hashable, Sendable {
    package let name: String
    package let minutes: Int64

    /// All of them, from the shortest to the longest.
    package static let all: [MeasuredWindow] = [
        MeasuredWindow(name: "5m", minutes: 5), MeasuredWindow(name: "30m", minutes: 30),
        MeasuredWindow(name: "1h", minutes: 60), MeasuredWindow(name: "2h", minutes: 120),
        MeasuredWindow(name: "6h", minutes: 360), MeasuredWindow(name: "1d", minutes: 1_440),
        MeasuredWindow(name: "3d", minutes: 4_320), longest,
    ]
    package static let longest = MeasuredWindow(name: "30d", minutes: 43_200)

    /// Those over which availability is told.
    package static let told: Set<String> = ["5m", "1h", "6h", "3d", "30d"]
}
