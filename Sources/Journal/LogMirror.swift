// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Content
package import Transparency

/// A copy of another registry's log: its tiles, bundles and checkpoint, byte for byte, and nothing that its key has not
/// signed.
///
/// What comes over the network is a checkpoint and entries. The tree is computed here out of the entries, so one
/// comparison of the root says that the log has only grown and that these are its entries: a mirror needs no proof of
/// consistency from anybody (RFC 6962 section 2.1). It can be served on, and forges nothing.
///
/// One task extends a mirror. Crash story: the checkpoint file names what is here; tiles and bundles are on the disk
/// before it, and what lies beyond it is written again with the same bytes.
package struct LogMirror: Sendable {
    /// What a peer's log was found to be instead of the continuation of what it had signed before.
    package struct Equivocation: Error, Sendable, Hashable, CustomStringConvertible {
        /// Both notes, the former first, empty where there is none: each signed by the peer's key, and not both of one
        /// log.
        package let known: [UInt8]
        package let shown: [UInt8]
        package let reason: String
        /// Whether the notes alone prove it to anybody. Where they do not, the entries that were served have not the
        /// signed root: the peer shows another log, or somebody on the way other bytes.
        package let isProven: Bool

        package var description: String { reason }
    }

    /// A checkpoint that the peer has signed.
    package struct Signed: Sendable, Hashable {
        package let checkpoint: Checkpoint
        package let note: [UInt8]

        /// Takes a note of a log that one of the keys has signed.
        ///
        /// - Throws: `.damaged` or `.wrongOrigin` for any other.
        package init(note: [UInt8], origin: String, keys: [NoteVerifier]) throws(JournalError) {
            do {
                let signed = try LogSigner.Signed(note: note, origin: origin, keys)
                (checkpoint, self.note) = (signed.checkpoint, signed.note)
            } catch {
                throw JournalError(error)
            }
        }
    }

    package let origin: String
    let files: LogFiles
    let threads: FileThreads
    private let keys: [NoteVerifier]
    private(set) var edge: TreeEdge
    /// What is here; nil before the first entries.
    package private(set) var signed: Signed?

    /// Opens a copy, and makes its directory where there is none.
    ///
    /// - Throws: `.damaged` where the files have not the tree of their checkpoint, `.storage`.
    package init(
        of origin: String,
        in directory: String,
        keys: [NoteVerifier],
        filesystem: Filesystem,
        threads: FileThreads
    ) async throws(JournalError) {
        let files = LogFiles(layout: JournalLayout(mirror: directory), files: DurableFiles(filesystem))
        do {
            (edge, signed) = try await threads.call {
                let parent = DurableFiles.parent(of: directory)
                if try files.files.makeDirectory(parent) {
                    try files.files.syncDirectory(DurableFiles.parent(of: parent))
                }
                try files.prepare()
                try files.removeStaged()
                let signed = try files.checkpoint().map { try Signed(note: $0, origin: origin, keys: keys) }
                guard let checkpoint = signed?.checkpoint else { return (TreeEdge(), nil) }
                let edge = try TreeEdge(size: checkpoint.size, hashes: files.hashes, entries: files.entries)
                guard edge.root == checkpoint.root else {
                    throw JournalError(.damaged, "the copy of \(origin) in \(directory) has not the signed tree")
                }
                return (edge, signed)
            }
        } catch {
            throw JournalError(error)
        }
        self.origin = origin
        self.files = files
        self.threads = threads
        self.keys = keys
    }

    /// Entries that are here.
    package var size: Int64 { edge.size }

    /// Looks at a checkpoint that the peer shows now.
    ///
    /// - Returns: The checkpoint to extend the copy to; nil where nothing is new.
    /// - Throws: `Equivocation` where it is signed, and smaller than what was signed before or another tree of the same
    ///   size; `JournalError` for what is no checkpoint of the peer.
    package func examine(_ note: [UInt8]) throws -> Signed? {
        let shown = try Signed(note: note, origin: origin, keys: keys)
        let size = shown.checkpoint.size
        guard let signed else { return size > 0 ? shown : nil }
        let known = signed.checkpoint
        guard size >= known.size else {
            throw equivocation(shown, "it has shrunk from \(known.size) to \(size) entries")
        }
        guard size > known.size else {
            guard shown.checkpoint.root == known.root else {
                throw equivocation(shown, "it has two roots of \(size) entries")
            }
            return nil
        }
        return shown
    }

    func equivocation(_ shown: Signed, _ reason: String, isProven: Bool = true) -> Equivocation {
        Equivocation(
            known: signed?.note ?? [],
            shown: shown.note,
            reason: "\(origin): \(reason)",
            isProven: isProven
        )
    }

    /// Takes over what an extension has brought here.
    mutating func replace(edge: TreeEdge, signed: Signed) {
        (self.edge, self.signed) = (edge, signed)
    }
}

extension LogMirror {
    /// Entries that are here, from an index on: at most those of one bundle, and held against the tree.
    ///
    /// - Throws: `.damaged` where the disk has other bytes than came, `.storage`.
    package func leaves(from index: Int64, limit: Int) async throws(JournalError) -> [[UInt8]] {
        let (number, size) = (index >> 8, size)
        let width = Int(min(size - number << 8, Int64(TilePath.fullWidth)))
        guard index >= 0, index < size, let path = TilePath(.entries, index: number, width: width),
            let tile = TilePath(.hashes(level: 0), index: number, width: width)
        else { throw JournalError(.notFound, "\(origin) has no entry \(index) here") }
        do {
            return try await threads.call { [files, origin] in
                let (entries, hashes) = (try files.entries(path), try files.hashes(tile))
                guard entries.map({ MerkleTree.leafHash($0) }) == hashes else {
                    throw JournalError(.damaged, "the copy of \(origin) has other entries than its tree: \(path)")
                }
                return Array(entries.dropFirst(Int(index & 255)).prefix(limit))
            }
        } catch {
            throw JournalError(error)
        }
    }
}

extension LogMirror {
    /// The bytes of a tile or bundle, as the tree has it now: of a partial one in whose favour a wider one is here, the
    /// beginning of that.
    ///
    /// - Throws: `.notFound`, `.storage`.
    package func tile(_ path: TilePath) async throws(JournalError) -> [UInt8] {
        do {
            let found = try await threads.call { [files] in try files.read(path) }
            if let found { return found }
        } catch {
            throw JournalError(error)
        }
        throw JournalError(.notFound, "the copy of \(origin) has no \(path)")
    }
}
