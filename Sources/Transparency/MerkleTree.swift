// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography

/// The Merkle tree hash of RFC 6962, section 2.1, over SHA-256.
package enum MerkleTree {
    /// The root of the tree that has no entry: the hash of nothing.
    package static let emptyRoot = TreeHash(SHA256Hash.of([]))

    /// The hash of an entry: SHA-256 of a zero byte and the entry.
    package static func leafHash(_ entry: [UInt8]) -> TreeHash { TreeHash(SHA256Hash.of(0, entry)) }

    /// The hash of two subtrees side by side: SHA-256 of a one byte and both hashes.
    package static func nodeHash(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
        TreeHash(SHA256Hash.of(1, left.value, right.value))
    }

    /// The root of the tree over leaf hashes in order.
    package static func root(of leaves: some Sequence<TreeHash>) -> TreeHash {
        var range = CompactRange()
        for leaf in leaves { range.append(leaf) }
        return range.root
    }
}
