// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The size and root of a log at one moment (tlog-checkpoint): the text of the note that the log signs.
package struct Checkpoint: Hashable, Sendable, CustomStringConvertible {
    /// Which log it is.
    package let origin: NoteLine
    /// The number of entries.
    package let size: Int64
    package let root: TreeHash
    /// Lines after the root, which no witness examines.
    package let extensions: [NoteLine]

    /// - Throws: `outOfRange` for a negative size, or an empty tree with a root that is not the empty tree's.
    package init(
        origin: NoteLine,
        size: Int64,
        root: TreeHash,
        extensions: [NoteLine] = []
    ) throws(TransparencyError) {
        guard size > 0 || size == 0 && root == MerkleTree.emptyRoot else {
            throw TransparencyError(code: .outOfRange, reason: "no tree of \(size) entries has the root \(root)")
        }
        self.origin = origin
        self.size = size
        self.root = root
        self.extensions = extensions
    }

    /// Reads the text of a note. It proves nothing; see `init(_:signedBy:)`.
    ///
    /// - Throws: `invalidCheckpoint`.
    package init(_ note: SignedNote) throws(TransparencyError) { try self.init(parsing: note.textBytes) }

    /// Reads a text with its final line feed.
    ///
    /// - Throws: `invalidCheckpoint`.
    package init(parsing text: some StringProtocol) throws(TransparencyError) {
        try self.init(parsing: Array(text.utf8))
    }

    private init(parsing text: [UInt8]) throws(TransparencyError) {
        var reader = LineReader(text)
        guard text.count <= TransparencyLimits.noteBytesLimit, let origin = reader.line(),
            let size = reader.line().flatMap({ Decimal.read($0) }),
            let root = reader.line().flatMap({ TreeHash(base64: $0) })
        else { throw Checkpoint.malformed }
        do throws(TransparencyError) {
            var extensions: [NoteLine] = []
            while !reader.rest.isEmpty {
                guard let line = reader.line() else { throw Checkpoint.malformed }
                extensions.append(try NoteLine(parsing: line))
            }
            try self.init(origin: NoteLine(parsing: origin), size: size, root: root, extensions: extensions)
        } catch {
            throw TransparencyError(code: .invalidCheckpoint, reason: error.reason)
        }
    }

    private static let malformed = TransparencyError(
        code: .invalidCheckpoint,
        reason: "a checkpoint is the lines of an origin, a size in decimal and a root in base64, and perhaps others"
    )

    /// Reads the checkpoint of the log that a key belongs to: the note has that key's signature, and its origin is the
    /// key's name.
    ///
    /// - Throws: `invalidCheckpoint`, `badSignature`, or `untrusted` where the key did not sign or is another log's.
    package init(_ note: SignedNote, signedBy log: NoteVerifier) throws(TransparencyError) {
        try self.init(note)
        guard log.kind == .ed25519, origin == NoteLine(log.name) else {
            throw TransparencyError(code: .untrusted, reason: "the checkpoint is of \(origin), not of \(log.name)")
        }
        _ = try note.accepted(by: [log])
    }

    /// The text of the note, with its final line feed.
    package var description: String {
        "\(origin)\n\(size)\n\(root)\n\(extensions.map { "\($0)\n" }.joined())"
    }
}
