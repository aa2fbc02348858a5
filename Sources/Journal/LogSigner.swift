// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Content
internal import Cryptography
internal import Synchronization
package import Transparency

/// What signs the checkpoints of one log: a key, and the memory of the largest tree that it ever signed.
///
/// The memory lies in a directory of its own, off the volume of the data, so that a volume that is put back to an older
/// state meets a signer that was not. A tree is written down there, durably, before its signature leaves; a smaller
/// tree, or another one of the same size, is never signed.
package final class LogSigner: Sendable {
    /// A tree that was signed, and the note.
    struct Signed: Sendable, Hashable {
        let checkpoint: Checkpoint
        let note: [UInt8]
    }

    package let origin: String
    private let directory: String
    private let files: DurableFiles
    /// The current key, then the one that follows it.
    private let signers: [NoteSigner]
    private let retired: [NoteVerifier]
    /// How many of the keys sign: the next one does once the log says that it follows.
    private let active = Atomic<Int>(1)
    private let last: Mutex<Signed?>
    /// Held until the signer is closed: one process signs.
    private let lock: Mutex<OwnedDescriptor?>

    /// Opens the signer in a directory. Blocks.
    ///
    /// - Parameters:
    ///   - directory: That of the signer.
    ///   - origin: The name of the log.
    ///   - mayCreate: Makes the key where there is none: for a log that has no checkpoint yet.
    ///   - passphrase: Of the key file.
    ///   - files: How files are written.
    /// - Returns: The signer, which holds the directory's lock.
    /// - Throws: `.keyMissing`, `.invalidKey`, `.wrongOrigin`, `.locked`, `.storage`.
    package static func open(
        directory: String,
        origin: String,
        mayCreate: Bool,
        passphrase: [UInt8]?,
        files: DurableFiles
    ) throws -> LogSigner {
        if try files.makeDirectory(directory, mode: 0o700) {
            try files.syncDirectory(DurableFiles.parent(of: directory))
        }
        let lock = try takeLock(directory + "/LOCK", files)
        let keys = SignerKeys(directory: directory, files: files)
        if let continued = try keys.continuedAs(), continued != origin {
            throw JournalError(
                .wrongOrigin,
                "the log goes on as '\(continued)', and is to be opened as '\(origin)': set log-origin"
            )
        }
        if !keys.exists {
            guard mayCreate else {
                throw JournalError(
                    .keyMissing,
                    "the log has checkpoints, and \(keys.path) is not there: bring the key back, or go on under a "
                        + "new origin (cairn log continue)"
                )
            }
            try keys.generate(passphrase: passphrase)
        }
        let name = try KeyName(parsing: origin)
        let signers = try keys.read(passphrase: passphrase).map { try NoteSigner(name: name, key: $0) }
        let retired = try keys.retired()
        let last = try state(directory, origin, signers.map(\.verifier) + retired, files)
        return LogSigner(directory, origin, files, signers, retired, last, lock)
    }

    private init(
        _ directory: String,
        _ origin: String,
        _ files: DurableFiles,
        _ signers: [NoteSigner],
        _ retired: [NoteVerifier],
        _ last: Signed?,
        _ lock: OwnedDescriptor
    ) {
        self.directory = directory
        self.origin = origin
        self.files = files
        self.signers = signers
        self.retired = retired
        self.last = Mutex(last)
        self.lock = Mutex(lock)
    }

    private static func takeLock(_ path: String, _ files: DurableFiles) throws -> OwnedDescriptor {
        do throws(ContentError) {
            return try files.lock(path)
        } catch {
            guard error.code == .locked else { throw JournalError(error) }
            throw JournalError(.locked, "another process signs with the state in \(path)")
        }
    }

    static func state(
        _ directory: String,
        _ origin: String,
        _ verifiers: [NoteVerifier],
        _ files: DurableFiles
    ) throws -> Signed? {
        let path = statePath(directory)
        guard let bytes = try files.readIfPresent(path, limit: JournalLimits.keyFileBytes) else { return nil }
        do {
            return try Signed(note: bytes, origin: origin, verifiers)
        } catch {
            let error = JournalError(error)
            throw JournalError(error.code, "\(path): \(error.reason)")
        }
    }

    /// The key files, those of the witness among them.
    var keyFiles: SignerKeys { SignerKeys(directory: directory, files: files) }

    /// Lets another process sign. This one does not any more.
    package func close() { lock.withLock { $0 = nil } }

    /// The keys that sign, as verifiers take them, the current one first.
    package var keys: [String] { signing.map(\.verifier.description) }

    /// Every key that has signed this log.
    var verifiers: [NoteVerifier] { signers.map(\.verifier) + retired }

    /// The key that is to follow, and the current one, while it does not sign yet.
    var rotation: (from: String, to: String)? {
        guard signers.count > 1, active.load(ordering: .acquiring) == 1 else { return nil }
        return (signers[0].verifier.description, signers[1].verifier.description)
    }

    /// Lets the next key sign beside the current one. To be called once the log says so under the current one.
    func activateNext() { active.store(signers.count, ordering: .releasing) }

    private var signing: ArraySlice<NoteSigner> { signers.prefix(active.load(ordering: .acquiring)) }

    private static func statePath(_ directory: String) -> String { directory + "/checkpoint" }

    var statePath: String { Self.statePath(directory) }

    /// The largest tree that was ever signed.
    var lastSigned: Signed? { last.withLock { $0 } }

    /// The checkpoint of a tree of this log.
    package func checkpoint(size: Int64, root: TreeHash) throws -> Checkpoint {
        try Checkpoint(origin: NoteLine(parsing: origin), size: size, root: root)
    }

    /// Signs a tree, unless that would contradict what was signed before. Blocks: the tree is written down first.
    ///
    /// - Throws: `.rolledBack` for a smaller tree than the last, `.forked` for another one of its size, `.storage`.
    package func sign(_ checkpoint: Checkpoint) throws(JournalError) -> [UInt8] {
        let result = last.withLock { last in
            Result { try sign(checkpoint, after: &last) }
        }
        return try result.mapError { JournalError($0) }.get()
    }

    private func sign(_ checkpoint: Checkpoint, after last: inout Signed?) throws -> [UInt8] {
        if let last { try Self.compare(checkpoint, with: last) }
        let text = checkpoint.description
        let note = try SignedNote(text: text, signatures: signing.map { try $0.signature(of: text) }).bytes
        if last?.note != note {
            try files.replace(statePath, with: note, mode: 0o600)
            last = Signed(checkpoint: checkpoint, note: note)
        }
        return note
    }

    private static func compare(_ checkpoint: Checkpoint, with last: Signed) throws(JournalError) {
        guard checkpoint.size >= last.checkpoint.size else {
            throw JournalError(
                .rolledBack,
                "a tree of \(last.checkpoint.size) entries was signed, and one of \(checkpoint.size) will not be:\n"
                    + String(decoding: last.note, as: UTF8.self)
            )
        }
        guard checkpoint.size > last.checkpoint.size || checkpoint.root == last.checkpoint.root else {
            throw JournalError(
                .forked,
                "a tree of \(checkpoint.size) entries was signed, and this is another one of that size:\n"
                    + "\(String(decoding: last.note, as: UTF8.self))and\n\(checkpoint)"
            )
        }
    }
}

extension LogSigner.Signed {
    /// Reads a checkpoint that one of the keys signed.
    init(note bytes: [UInt8], origin: String, _ verifiers: [NoteVerifier]) throws {
        let note = try SignedNote(parsing: bytes)
        let checkpoint = try Checkpoint(note)
        guard checkpoint.origin.description == origin else {
            throw JournalError(
                .wrongOrigin,
                "the checkpoint is of the log '\(checkpoint.origin)', and this one is '\(origin)'"
            )
        }
        _ = try note.accepted(by: verifiers)
        self.init(checkpoint: checkpoint, note: bytes)
    }
}
