// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Proofs and roots out of the tiles of a tree of one size.
///
/// Pure: tiles come from a closure, which may read files or look into what was fetched before. `tiles(for:)` names
/// beforehand every tile that an answer reads. Nothing here is trusted: who fetches tiles from elsewhere compares
/// `root()` with a signed one, or verifies the proof that was made.
package struct TileReader {
    /// What can be asked.
    package enum Question: Hashable, Sendable {
        /// The root of the tree, or its compact range.
        case root
        /// The hash of one leaf.
        case leaf(Int64)
        /// The proof that a leaf is in the tree.
        case inclusion(Int64)
        /// The proof that a smaller tree is the beginning of this one.
        case consistency(from: Int64)
    }

    /// The number of entries of the tree.
    package let size: Int64
    private let read: (TilePath) throws -> [TreeHash]

    /// - Parameters:
    ///   - size: The number of entries of the tree.
    ///   - read: Gives the hashes of a tile, exactly as many as the path's width. It is asked for the widest tile that
    ///     a tree of this size has; who keeps only the full one of a tile that has grown since cuts it to the width.
    package init(size: Int64, read: @escaping (TilePath) throws -> [TreeHash]) {
        self.size = Swift.max(0, size)
        self.read = read
    }

    /// The tiles that an answer reads, each once. Empty for a question about what the tree does not have.
    package func tiles(for question: Question) -> [TilePath] { TileReader.tiles(for: question, size: size) }

    /// The tiles that an answer about a tree of `size` entries reads, each once.
    package static func tiles(for question: Question, size: Int64) -> [TilePath] {
        var seen: Set<TilePath> = []
        return ranges(for: question, size: size).flatMap(ProofPlan.subtrees).compactMap { subtree in
            subtree.tile(size: size).map(\.path)
        }.filter { seen.insert($0).inserted }
    }

    private static func ranges(for question: Question, size: Int64) -> [Range<Int64>] {
        switch question {
        case .root: size > 0 ? [0..<size] : []
        case .leaf(let index): (0..<size).contains(index) ? [index..<(index + 1)] : []
        case .inclusion(let index): (0..<size).contains(index) ? ProofPlan.inclusion(of: index, in: size) : []
        case .consistency(let old): 0 < old && old <= size ? ProofPlan.consistency(from: old, to: size) : []
        }
    }

    /// The root of the tree.
    package func root() throws -> TreeHash { try compactRange().root }

    /// The right edge of the tree, in order to append to it.
    package func compactRange() throws -> CompactRange {
        var tiles: [TilePath: [TreeHash]] = [:]
        let hashes = try ProofPlan.subtrees(of: 0..<size).map { try hash(of: $0, &tiles) }
        guard let range = CompactRange(size: size, hashes: hashes) else {
            throw TransparencyError(code: .outOfRange, reason: "a tree of \(size) entries has no compact range")
        }
        return range
    }

    /// The hash of a leaf.
    package func leafHash(_ index: Int64) throws -> TreeHash { try hash(of: Subtree(level: 0, index: index)) }

    /// The root of a complete subtree.
    package func hash(of subtree: Subtree) throws -> TreeHash {
        var tiles: [TilePath: [TreeHash]] = [:]
        return try hash(of: subtree, &tiles)
    }

    /// The proof that the leaf at `index` is in the tree.
    ///
    /// - Throws: `outOfRange` for an index that the tree does not have; what `read` throws.
    package func inclusionProof(of index: Int64) throws -> InclusionProof {
        guard (0..<size).contains(index) else {
            throw TransparencyError(code: .outOfRange, reason: "a tree of \(size) entries has no entry \(index)")
        }
        return try InclusionProof(index: index, size: size, hashes: hashes(for: .inclusion(index)))
    }

    /// The proof that the tree of `oldSize` entries is the beginning of this one. From the empty tree it is empty.
    ///
    /// - Throws: `outOfRange` for an old size larger than the tree's; what `read` throws.
    package func consistencyProof(from oldSize: Int64) throws -> ConsistencyProof {
        guard (0...size).contains(oldSize) else {
            throw TransparencyError(code: .outOfRange, reason: "a tree of \(size) entries never had \(oldSize)")
        }
        return try ConsistencyProof(oldSize: oldSize, newSize: size, hashes: hashes(for: .consistency(from: oldSize)))
    }

    private func hashes(for question: Question) throws -> [TreeHash] {
        var tiles: [TilePath: [TreeHash]] = [:]
        return try TileReader.ranges(for: question, size: size).map { range in
            MerkleTree.fold(try ProofPlan.subtrees(of: range).map { try hash(of: $0, &tiles) })
        }
    }

    /// Reads each tile once in an answer.
    private func hash(of subtree: Subtree, _ tiles: inout [TilePath: [TreeHash]]) throws -> TreeHash {
        guard (0..<63).contains(subtree.level), (0...(size >> subtree.level)).contains(subtree.index),
            let (path, places) = subtree.tile(size: size)
        else {
            throw TransparencyError(code: .outOfRange, reason: "a tree of \(size) entries has no such subtree")
        }
        let hashes = try tiles[path] ?? read(path)
        guard hashes.count == path.width else {
            throw TransparencyError(code: .invalidTile, reason: "\(path) holds \(hashes.count) hashes")
        }
        tiles[path] = hashes
        return Tile.root(of: hashes[places])
    }
}
