// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The right edge of a growing tree: the roots of the complete subtrees that its size consists of, one for each bit
/// that is set, the largest first. It suffices to append entries and to know the root.
package struct CompactRange: Hashable, Sendable {
    /// The number of entries.
    package private(set) var size: Int64
    /// The roots of the complete subtrees from left to right: what to keep in order to go on later.
    package private(set) var hashes: [TreeHash]

    /// The empty tree.
    package init() {
        size = 0
        hashes = []
    }

    /// Goes on where `size` and `hashes` were kept. Nil unless the size has as many bits set as there are hashes.
    package init?(size: Int64, hashes: [TreeHash]) {
        guard size >= 0, size.nonzeroBitCount == hashes.count else { return nil }
        self.size = size
        self.hashes = hashes
    }

    /// Appends the hash of an entry.
    package mutating func append(_ leafHash: TreeHash) {
        precondition(size < .max, "a tree has at most 2^63 - 1 entries")
        var hash = leafHash
        // Each trailing one of the size is a complete subtree as large as the new one, which joins it from the left.
        for _ in 0..<(~size).trailingZeroBitCount { hash = MerkleTree.nodeHash(hashes.removeLast(), hash) }
        hashes.append(hash)
        size += 1
    }

    /// The root of the tree.
    package var root: TreeHash { MerkleTree.fold(hashes) }
}

extension MerkleTree {
    /// The root over complete subtrees, given from left to right and each larger than the next.
    static func fold(_ subtrees: [TreeHash]) -> TreeHash {
        guard var hash = subtrees.last else { return emptyRoot }
        for left in subtrees.dropLast().reversed() { hash = nodeHash(left, hash) }
        return hash
    }
}
