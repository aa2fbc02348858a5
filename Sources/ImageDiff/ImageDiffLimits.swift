// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of a comparison.
package enum ImageDiffLimits {
    /// Bytes of an image's configuration.
    package static let configurationBytes = 4 << 20
    /// Values in it.
    package static let configurationNodes = 100_000
    /// Components of a path in a layer.
    package static let depth = 256
    /// Names in all layers that are read, and their bytes.
    package static let names = 2_000_000
    package static let nameBytes = 256 << 20
    /// Symbolic links on the way to one file.
    package static let linksFollowed = 40
    /// Bytes of one package database, and of all in one layer.
    package static let databaseBytes: Int64 = 32 << 20
    package static let databasesBytes: Int64 = 64 << 20
    /// Packages of one image.
    package static let packages = 500_000
    /// Differences of one sort that are kept to be shown, at most; all are counted.
    package static let shown = 1_000_000
}

/// Why images cannot be compared.
package struct ImageDiffError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// A document or a layer contradicts its format.
        case malformed
        /// A bound was met.
        case tooLarge
        /// A form that is not read here.
        case unsupported
        /// This machine failed.
        case failed
    }

    package let code: Code
    /// A sentence for people. What it quotes is escaped and cut.
    package let reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { reason }
}
