// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography

/// The content of a tile of hashes: 1 to 256 hashes, 32 bytes each, from left to right (tlog-tiles, "Merkle Tree").
package enum Tile {
    /// The bytes of a full tile.
    package static let fullByteCount = TilePath.fullWidth * TreeHash.byteCount

    /// Writes the hashes of a tile.
    package static func bytes(of hashes: some Collection<TreeHash>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hashes.count * TreeHash.byteCount)
        for hash in hashes { hash.append(to: &bytes) }
        return bytes
    }

    /// Reads a tile of the given width.
    ///
    /// - Parameters:
    ///   - bytes: All bytes of the tile, 32 for each hash.
    ///   - width: The number of hashes that its path promises.
    /// - Returns: `width` hashes.
    /// - Throws: `invalidTile` for any other number of bytes.
    package static func hashes(from bytes: [UInt8], width: Int) throws(TransparencyError) -> [TreeHash] {
        guard (1...TilePath.fullWidth).contains(width), bytes.count == width * TreeHash.byteCount,
            let hashes = SHA256Hash.all(in: bytes)
        else {
            throw TransparencyError(
                code: .invalidTile,
                reason: "a tile of \(width) hashes has \(width * TreeHash.byteCount) bytes, and this one \(bytes.count)"
            )
        }
        return hashes.map(TreeHash.init)
    }

    /// The root over the hashes of a tile: for a full one, the hash that stands for it one level of tiles above.
    package static func root(of hashes: some Sequence<TreeHash>) -> TreeHash { MerkleTree.root(of: hashes) }
}

/// The content of an entry bundle: 1 to 256 entries, each after its length in 16 bits (tlog-tiles, "Log entries").
package enum EntryBundle {
    /// Writes entries.
    ///
    /// - Throws: `invalidEntry` for an entry longer than 65,535 bytes, or for none or more than 256 entries.
    package static func bytes(of entries: some Collection<[UInt8]>) throws(TransparencyError) -> [UInt8] {
        guard (1...TilePath.fullWidth).contains(entries.count) else {
            throw TransparencyError(code: .invalidEntry, reason: "a bundle has 1 to 256 entries, not \(entries.count)")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + 2 + $1.count })
        for entry in entries {
            guard entry.count <= TransparencyLimits.entryBytesLimit else {
                throw TransparencyError(
                    code: .invalidEntry,
                    reason: "an entry has at most \(TransparencyLimits.entryBytesLimit) bytes, not \(entry.count)"
                )
            }
            bytes.append(UInt8(entry.count >> 8))
            bytes.append(UInt8(entry.count & 0xff))
            bytes.append(contentsOf: entry)
        }
        return bytes
    }

    /// Reads a bundle that holds exactly `width` entries and nothing after them.
    ///
    /// - Throws: `invalidEntry` for a bundle cut short, longer, or of another number of entries.
    package static func entries(from bytes: [UInt8], width: Int) throws(TransparencyError) -> [[UInt8]] {
        var entries: [[UInt8]] = []
        var position = 0
        while position < bytes.count, entries.count < width {
            guard position + 2 <= bytes.count else { break }
            let start = position + 2
            let end = start + (Int(bytes[position]) << 8 | Int(bytes[position + 1]))
            guard end <= bytes.count else { break }
            entries.append(Array(bytes[start..<end]))
            position = end
        }
        guard (1...TilePath.fullWidth).contains(width), entries.count == width, position == bytes.count else {
            throw TransparencyError(
                code: .invalidEntry,
                reason: "the bundle does not hold exactly \(width) entries: \(entries.count) end at byte \(position)"
            )
        }
        return entries
    }
}
