// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A complete subtree of a tree: 2^level leaves, the first of which is leaf `index * 2^level`.
package struct Subtree: Hashable, Sendable {
    /// The height over the leaves: 0 is a leaf.
    package let level: Int
    /// The place among the subtrees of its level, from the left.
    package let index: Int64

    /// The tile that holds the subtree's root or, where no tile does, the hashes that it is made of, and their places
    /// in the tile. Nil where a tree of `size` entries lacks part of it.
    func tile(size: Int64) -> (path: TilePath, places: Range<Int>)? {
        let tileLevel = level / 8
        let height = level % 8
        let start = index << height
        let tileIndex = start >> 8
        let width = min(size >> (8 * tileLevel) - tileIndex << 8, Int64(TilePath.fullWidth))
        let first = Int(start - tileIndex << 8)
        let end = first + 1 << height
        guard end <= width else { return nil }
        let path = TilePath(valid: .hashes(level: tileLevel), index: tileIndex, width: Int(width))
        return (path, first..<end)
    }
}

/// Which subtrees the proofs of RFC 6962, sections 2.1.1 and 2.1.2, consist of.
///
/// A range stands for one hash: that of the tree over its leaves. Every range here begins at a multiple of the largest
/// power of two that is not larger than its length, so that it is made of complete subtrees of the whole tree.
enum ProofPlan {
    /// The complete subtrees that a range is made of, the largest first.
    static func subtrees(of range: Range<Int64>) -> [Subtree] {
        var subtrees: [Subtree] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let level = 63 - (range.upperBound - start).leadingZeroBitCount
            subtrees.append(Subtree(level: level, index: start >> level))
            start += 1 << level
        }
        return subtrees
    }

    /// The siblings on the way from a leaf to the root.
    static func inclusion(of index: Int64, in size: Int64) -> [Range<Int64>] {
        var (start, end) = (Int64(0), size)
        var siblings: [Range<Int64>] = []
        while end - start > 1 {
            let middle = start + split(end - start)
            if index < middle {
                siblings.append(middle..<end)
                end = middle
            } else {
                siblings.append(start..<middle)
                start = middle
            }
        }
        return siblings.reversed()
    }

    /// What proves that the first `oldSize` leaves are the same, for `0 < oldSize <= size`.
    static func consistency(from oldSize: Int64, to size: Int64) -> [Range<Int64>] {
        var (start, end) = (Int64(0), size)
        var hashes: [Range<Int64>] = []
        while end != oldSize {
            let middle = start + split(end - start)
            if oldSize <= middle {
                hashes.append(middle..<end)
                end = middle
            } else {
                hashes.append(start..<middle)
                start = middle
            }
        }
        // The old tree itself is known to whoever asks, so only another subtree that ends with it is named.
        if start > 0 { hashes.append(start..<end) }
        return hashes.reversed()
    }

    /// The largest power of two smaller than a length of at least 2.
    private static func split(_ length: Int64) -> Int64 { 1 << (63 - (length - 1).leadingZeroBitCount) }
}
