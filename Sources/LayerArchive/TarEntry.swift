// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// An entry of an archive.
package struct TarEntry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case file
        /// The path of the same file's other name follows as `link`.
        case hardLink
        case symbolicLink
        case characterDevice
        case blockDevice
        case directory
        case pipe
    }

    package let kind: Kind
    /// As the archive spells it: bytes, at most 4 KiB.
    package let path: [UInt8]
    /// Where a link leads, as the archive spells it; empty for all else.
    package let link: [UInt8]
    /// Bytes of content that follow.
    package let size: Int64
    /// Permissions and the three bits above them; nil where the header has no number.
    package let mode: Int64?
    /// The numbers of user and group; nil where the header has none.
    package let owner: Int64?
    package let group: Int64?
    /// Major and minor number of a device; nil where the header has none.
    package let device: [Int64]?
    /// Whether the content comes without its holes.
    package let isSparse: Bool
}
