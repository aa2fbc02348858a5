// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Why an entry of another region cannot be applied yet.
package struct RegionError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// No region that can be reached has the bytes.
        case absent
        /// What was fetched is not what the log speaks of.
        case wrongBytes
        /// An image has more manifests than are fetched for one entry.
        case tooMany
        /// A region answers with what cannot be.
        case misbehaved
        /// Only a part of a region is here.
        case partial
    }

    package let code: Code
    package let reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { reason }
}
