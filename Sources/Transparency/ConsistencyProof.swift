// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The proof that a tree is the beginning of a larger one (RFC 6962, section 2.1.2).
package struct ConsistencyProof: Hashable, Sendable {
    package let oldSize: Int64
    package let newSize: Int64
    package let hashes: [TreeHash]

    /// - Throws: `outOfRange` unless `0 <= oldSize <= newSize`, `invalidProof` for more than 64 hashes.
    package init(oldSize: Int64, newSize: Int64, hashes: [TreeHash]) throws(TransparencyError) {
        guard oldSize >= 0, oldSize <= newSize else {
            throw TransparencyError(
                code: .outOfRange,
                reason: "a log of \(oldSize) entries never shrinks to \(newSize)"
            )
        }
        guard hashes.count <= TransparencyLimits.consistencyHashesLimit else {
            throw TransparencyError(
                code: .invalidProof,
                reason: "a consistency proof has at most \(TransparencyLimits.consistencyHashesLimit) hashes"
            )
        }
        self.oldSize = oldSize
        self.newSize = newSize
        self.hashes = hashes
    }

    /// Whether the tree of `oldSize` entries with one root is the beginning of that of `newSize` entries with the other
    /// (RFC 9162, section 2.1.4.2).
    ///
    /// Between equal sizes the proof has no hash and the roots are equal. From the empty tree, which is the beginning
    /// of every other, the proof has no hash either, and the new root is not checked.
    package func isValid(oldRoot: TreeHash, newRoot: TreeHash) -> Bool {
        if oldSize == newSize { return hashes.isEmpty && oldRoot == newRoot }
        if oldSize == 0 { return hashes.isEmpty && oldRoot == MerkleTree.emptyRoot }
        // The old root is itself a node of the new tree where the old size is a power of two.
        var path = hashes[...]
        let first = oldSize.nonzeroBitCount == 1 ? oldRoot : path.popFirst()
        guard let first else { return false }
        var (node, last) = (oldSize - 1, newSize - 1)
        while node & 1 == 1 { (node, last) = (node >> 1, last >> 1) }
        var (old, new) = (first, first)
        for hash in path {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                old = MerkleTree.nodeHash(hash, old)
                new = MerkleTree.nodeHash(hash, new)
                while node & 1 == 0, node > 0 { (node, last) = (node >> 1, last >> 1) }
            } else {
                new = MerkleTree.nodeHash(new, hash)
            }
            (node, last) = (node >> 1, last >> 1)
        }
        return last == 0 && old == oldRoot && new == newRoot
    }
}
