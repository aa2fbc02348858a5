// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The proof that a leaf is at an index of a tree (RFC 6962, section 2.1.1): siblings from the leaf to the root.
package struct InclusionProof: Hashable, Sendable {
    package let index: Int64
    /// The number of entries of the tree.
    package let size: Int64
    package let hashes: [TreeHash]

    /// - Throws: `outOfRange` for an index that the tree does not have, `invalidProof` for more than 63 hashes.
    package init(index: Int64, size: Int64, hashes: [TreeHash]) throws(TransparencyError) {
        guard index >= 0, index < size else {
            throw TransparencyError(code: .outOfRange, reason: "a tree of \(size) entries has no entry \(index)")
        }
        guard hashes.count <= TransparencyLimits.inclusionHashesLimit else {
            throw TransparencyError(
                code: .invalidProof,
                reason: "an inclusion proof has at most \(TransparencyLimits.inclusionHashesLimit) hashes"
            )
        }
        self.index = index
        self.size = size
        self.hashes = hashes
    }

    /// The root of the tree that has this leaf at this index (RFC 9162, section 2.1.3.2). Nil where the number of
    /// hashes is wrong.
    package func root(leafHash: TreeHash) -> TreeHash? {
        var (node, last) = (index, size - 1)
        var hash = leafHash
        for sibling in hashes {
            guard last > 0 else { return nil }
            if node & 1 == 1 || node == last {
                hash = MerkleTree.nodeHash(sibling, hash)
                // The last node of a level without a sibling goes up as it is.
                while node & 1 == 0, node > 0 { (node, last) = (node >> 1, last >> 1) }
            } else {
                hash = MerkleTree.nodeHash(hash, sibling)
            }
            (node, last) = (node >> 1, last >> 1)
        }
        return last == 0 ? hash : nil
    }

    /// Whether the leaf is in the tree with this root.
    package func isValid(leafHash: TreeHash, root: TreeHash) -> Bool { self.root(leafHash: leafHash) == root }
}
