// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Transparency

/// The right edge of the tree: what no full tile holds. With it the tree grows, and its root is known.
package struct TreeEdge: Sendable {
    /// A file of the log to be written.
    package struct File: Sendable, Hashable {
        package let path: TilePath
        package let bytes: [UInt8]
    }

    package private(set) var size: Int64 = 0
    /// At level L, the hashes of complete subtrees of 256^L leaves since the last full tile: fewer than 256 each.
    private(set) var levels: [[TreeHash]] = []
    /// The entries since the last full bundle: fewer than 256.
    package private(set) var entries: [[UInt8]] = []

    package init() {}

    /// Reads the edge of a tree of this size out of its partial tiles.
    package init(
        size: Int64,
        hashes: (TilePath) throws -> [TreeHash],
        entries readEntries: (TilePath) throws -> [[UInt8]]
    ) throws {
        self.size = size
        var count = size
        while count > 0 {
            let level = levels.count
            let width = Int(count & 255)
            guard width > 0 else {
                levels.append([])
                count >>= 8
                continue
            }
            guard let path = TilePath(.hashes(level: level), index: count >> 8, width: width) else {
                throw JournalError(.damaged, "a tree of \(size) entries is too large")
            }
            levels.append(try hashes(path))
            count >>= 8
        }
        let width = Int(size & 255)
        if width > 0, let path = TilePath(.entries, index: size >> 8, width: width) { entries = try readEntries(path) }
    }

    /// The root of the tree: its complete subtrees from the largest to the smallest.
    package var root: TreeHash {
        var subtrees: [TreeHash] = []
        for hashes in levels.reversed() {
            var range = CompactRange()
            for hash in hashes { range.append(hash) }
            subtrees += range.hashes
        }
        return CompactRange(size: size, hashes: subtrees)?.root ?? MerkleTree.emptyRoot
    }

    /// Appends entries and returns the files that the tree then has and had not before.
    package mutating func append(_ leaves: [[UInt8]]) throws -> [File] {
        var files: [File] = []
        let before = levels.map(\.count)
        let sizeBefore = size
        for leaf in leaves {
            entries.append(leaf)
            try push(MerkleTree.leafHash(leaf), at: 0, &files)
            size += 1
            guard entries.count == TilePath.fullWidth else { continue }
            try add(.entries, index: (size >> 8) - 1, try EntryBundle.bytes(of: entries), &files)
            entries = []
        }
        for (level, hashes) in levels.enumerated() where !hashes.isEmpty {
            let index = size >> (8 * (level + 1))
            let hasGrown =
                level >= before.count || before[level] != hashes.count || index != sizeBefore >> (8 * (level + 1))
            guard hasGrown else { continue }
            try add(.hashes(level: level), index: index, width: hashes.count, Tile.bytes(of: hashes), &files)
        }
        if !entries.isEmpty {
            let bundle = try EntryBundle.bytes(of: entries)
            try add(.entries, index: size >> 8, width: entries.count, bundle, &files)
        }
        return files
    }

    /// The partial tiles that the tree has, upward.
    var partials: [File] {
        levels.enumerated().compactMap { level, hashes in
            let index = size >> (8 * (level + 1))
            return TilePath(.hashes(level: level), index: index, width: hashes.count).map {
                File(path: $0, bytes: Tile.bytes(of: hashes))
            }
        }
    }

    /// Adds a hash at a level; a tile that it fills is written, and its root goes to the level above.
    private mutating func push(_ hash: TreeHash, at level: Int, _ files: inout [File]) throws {
        if level == levels.count { levels.append([]) }
        levels[level].append(hash)
        guard levels[level].count == TilePath.fullWidth else { return }
        let full = levels[level]
        levels[level] = []
        let index = (size + 1) >> (8 * (level + 1)) - 1
        try add(.hashes(level: level), index: index, Tile.bytes(of: full), &files)
        try push(Tile.root(of: full), at: level + 1, &files)
    }

    private func add(
        _ content: TilePath.Content,
        index: Int64,
        width: Int = TilePath.fullWidth,
        _ bytes: [UInt8],
        _ files: inout [File]
    ) throws {
        guard let path = TilePath(content, index: index, width: width) else {
            throw JournalError(.damaged, "no tree has the tile \(index) of \(width)")
        }
        files.append(File(path: path, bytes: bytes))
    }
}
