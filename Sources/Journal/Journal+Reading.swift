// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
package import Transparency

extension Journal {
    /// The bytes of a tile or a bundle, which never change.
    ///
    /// - Throws: `.notFound` for one that the published tree does not have, or that a wider one has replaced.
    package func tile(_ path: TilePath) async throws(JournalError) -> [UInt8] {
        let count = (published?.checkpoint.size ?? 0) >> (8 * path.content.level)
        guard path.index << 8 + Int64(path.width) <= count else {
            throw JournalError(.notFound, "the published tree has no \(path)")
        }
        guard let bytes = try await onThread({ [files] in try files.read(path) }) else {
            throw JournalError(.notFound, "\(path) is not kept any more: ask for the full tile")
        }
        return bytes
    }

    /// The proof file of an entry, with the entry in it (C2SP tlog-proof).
    ///
    /// - Throws: `.notSealed` where no published checkpoint covers the index yet, `.damaged` where the entry is not the
    ///   one that was signed.
    package func proof(of leaf: [UInt8], at index: Int64) async throws(JournalError) -> [UInt8] {
        guard let published, index < published.checkpoint.size else {
            throw JournalError(.notSealed, "the entry \(index) is not in a published checkpoint yet")
        }
        return try await onThread { [files] in
            let proof = try TileReader(size: published.checkpoint.size, read: files.hashes).inclusionProof(of: index)
            guard proof.isValid(leafHash: MerkleTree.leafHash(leaf), root: published.checkpoint.root) else {
                throw JournalError(.damaged, "the entry \(index) of the log is not the one that was signed")
            }
            let note = try SignedNote(parsing: published.note)
            let file = try TransparencyProof(extra: leaf, index: index, hashes: proof.hashes, note: note)
            return Array(file.description.utf8)
        }
    }
}
