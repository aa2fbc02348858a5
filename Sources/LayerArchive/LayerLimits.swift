// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Bounds of reading one layer.
package struct LayerLimits: Hashable, Sendable {
    /// Bytes that a layer may expand to.
    package var expandedBytes: Int64 = 10 << 30
    /// Bytes out for each byte in, once more than `expansionFloor` came out.
    package var expansionRatio: Int64 = 200
    /// Bytes that any layer may expand to, whatever its ratio.
    package var expansionFloor: Int64 = 64 << 20
    /// Headers of a tar archive, those that only name the next entry included.
    package var entries = 1_000_000

    package init() {}

    /// Bytes of a path in an archive: the longest that Linux opens.
    package static let pathBytesLimit = 4_096
    /// Bytes of a header that extends the next one: a long name or PAX records.
    package static let extensionBytesLimit = 1 << 20
    /// Headers of that sort before one entry.
    static let extensionsLimit = 16
    /// The base-2 logarithm of the largest window of a zstd frame: 128 MiB, what zstd itself decodes unasked.
    static let zstdWindowLogLimit: Int32 = 27
    /// Bytes read from the source at once.
    package static let inputBytes = 128 << 10
    /// Bytes expanded, and looked at, at once.
    package static let pieceBytes = 256 << 10
}
