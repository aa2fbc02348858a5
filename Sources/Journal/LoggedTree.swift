// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import Cryptography
internal import Transparency

/// The files of one log on the disk, with the tree that was signed over them.
struct LoggedTree: Sendable {
    let origin: String
    let files: LogFiles
    let size: Int64
    let root: TreeHash
    /// The size that the log had, where that may be more than what is here.
    let wholeSize: Int64

    /// The entries of the bundle that an index lies in. Blocks.
    func bundle(of index: Int64) throws -> [[UInt8]] {
        let first = (index >> 8) << 8
        let width = Int(min(size - first, Int64(TilePath.fullWidth)))
        guard let path = TilePath(.entries, index: index >> 8, width: width) else {
            throw JournalError(.damaged, "a tree of \(size) entries has no entry \(index)")
        }
        return try files.entries(path)
    }

    /// The right edge of the tree when it had so many entries, out of its tiles of today. Blocks.
    func edge(at size: Int64) throws -> TreeEdge {
        try TreeEdge(size: size, hashes: { try files.hashes($0, whole: self.size) }) { path in
            Array(try bundle(of: path.index << 8).prefix(path.width))
        }
    }

    /// The root of the tree when it had so many entries. Blocks.
    func root(at size: Int64) throws -> TreeHash {
        try TileReader(size: size) { path in try files.hashes(path, whole: self.size) }.root()
    }

    /// The log that this one goes on from, by its first entry. Blocks.
    func formerLog() throws -> FormerLog? {
        guard size > 0, let leaf = try bundle(of: 0).first else { return nil }
        return try LoggedChange(parsing: leaf).formerLog
    }

    /// The files of a former log as far as they were kept. Blocks.
    ///
    /// They count where the new log's first entry has their root, or a key of this log has signed them.
    static func former(_ log: FormerLog, of files: LogFiles, verifiers: [NoteVerifier]) throws -> LoggedTree {
        let kept = LogFiles(layout: JournalLayout(former: log.size, of: files.layout), files: files.files)
        let none = LoggedTree(
            origin: log.origin,
            files: kept,
            size: 0,
            root: MerkleTree.emptyRoot,
            wholeSize: log.size
        )
        guard let note = try kept.checkpoint() else { return none }
        let name = try KeyName(parsing: log.origin)
        let keys = try verifiers.map { try NoteVerifier(name: name, key: $0.key) }
        let checkpoint: Checkpoint
        do {
            checkpoint = try LogSigner.Signed(note: note, origin: log.origin, keys).checkpoint
        } catch {
            // The key may have gone with the log; then the signed entry that names its root speaks for it.
            checkpoint = try Checkpoint(SignedNote(parsing: note))
            guard checkpoint.size == log.size else { return none }
        }
        guard checkpoint.size < log.size || checkpoint.size == log.size && checkpoint.root.base64 == log.root else {
            throw JournalError(.damaged, "\(kept.layout.checkpoint) is not the former log that the first entry names")
        }
        return LoggedTree(
            origin: log.origin,
            files: kept,
            size: checkpoint.size,
            root: checkpoint.root,
            wholeSize: log.size
        )
    }
}

/// A tree whose entries from an index on were read and have its root, with what tells each bundle from another one.
struct VerifiedTree: Sendable {
    let tree: LoggedTree
    let first: Int64
    private let bundles: [SHA256Hash]

    /// Reads the entries from an index on. Blocks for as long as that takes.
    ///
    /// The edge at the index and the entries after it have the signed root together, so both are those that were
    /// signed. Of each bundle a hash is kept, 32 bytes for 256 entries, so that what is read later is the same.
    ///
    /// - Throws: `.damaged` where they have not that root, or something is missing.
    init(_ tree: LoggedTree, from first: Int64) throws {
        var edge = try tree.edge(at: first)
        var bundles: [SHA256Hash] = []
        while edge.size < tree.size {
            let leaves = try tree.bundle(of: edge.size)
            bundles.append(Self.hash(leaves))
            _ = try edge.append(Array(leaves.dropFirst(Int(edge.size & 255))))
        }
        guard edge.root == tree.root else {
            throw JournalError(.damaged, "the entries in \(tree.files.layout.directory) do not have the signed root")
        }
        self.tree = tree
        self.first = first
        self.bundles = bundles
    }

    /// The entries of the bundle that an index lies in, from that index on. Blocks.
    ///
    /// - Throws: `.damaged` where they are not those that were verified.
    func leaves(from index: Int64) throws -> [[UInt8]] {
        let leaves = try tree.bundle(of: index)
        guard Self.hash(leaves) == bundles[Int(index >> 8 - first >> 8)] else {
            throw JournalError(.damaged, "the entries in \(tree.files.layout.directory) change while they are read")
        }
        return Array(leaves.dropFirst(Int(index & 255)))
    }

    private static func hash(_ leaves: [[UInt8]]) -> SHA256Hash {
        SHA256Hash.of(leaves.flatMap { MerkleTree.leafHash($0).bytes })
    }
}
