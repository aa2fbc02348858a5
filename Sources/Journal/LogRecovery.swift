// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
internal import Content
internal import Cryptography
internal import Transparency

/// What only an operator can decide about a log, while no server runs.
package enum LogRecovery {
    /// Lets a signer that has lost its memory begin with the newest checkpoint that the catalog has.
    ///
    /// Whoever does this answers for it that no newer checkpoint was ever shown.
    /// - Returns: The note.
    /// - Throws: `.forked` where the signer remembers something, `.notFound` where the catalog has no checkpoint,
    ///   `.keyMissing`, `.damaged`.
    package static func adopt(_ options: Journal.Options, catalog: Catalog) async throws -> [UInt8] {
        guard let row = try await catalog.lastCheckpoints().signed, let note = row.note else {
            throw JournalError(.notFound, "the catalog has no checkpoint")
        }
        let files = DurableFiles(options.filesystem)
        let keys = SignerKeys(directory: options.signer, files: files)
        guard try keys.origin() == nil else {
            throw JournalError(.forked, "the signer in \(options.signer) remembers what it signed")
        }
        let signed = try SignedNote(parsing: note)
        let origin = try Checkpoint(signed).origin.description
        let name = try KeyName(parsing: origin)
        var verifiers = try keys.read(passphrase: options.passphrase)
            .map { try NoteVerifier(name: name, key: $0.verificationKey) }
        verifiers += try keys.retired()
        guard !verifiers.isEmpty else { throw JournalError(.keyMissing, "\(keys.path) is not there") }
        _ = try signed.accepted(by: verifiers)
        try files.replace(options.signer + "/checkpoint", with: note, mode: 0o600)
        return note
    }

    /// Goes on under a new name, where the log that was signed is lost: the first entry of the new log names the old
    /// one, and where it ended as far as the signer knows. The files of the old log are kept beside the new one's.
    ///
    /// May be called again with the same name after it was interrupted.
    /// - Throws: `.wrongOrigin` for the name that the log has, `.notFound` where nothing is known to be signed.
    package static func goOn(
        _ options: Journal.Options,
        reason: String,
        catalog: Catalog
    ) async throws {
        let files = DurableFiles(options.filesystem)
        let keys = SignerKeys(directory: options.signer, files: files)
        // Where the signer is lost too, what the catalog has is all that is known.
        let row = try await catalog.lastCheckpoints().signed
        let shown = try row?.note.map { try Checkpoint(SignedNote(parsing: $0)) }
        guard let former = try keys.lastCheckpoint() ?? shown else {
            throw JournalError(.notFound, "neither the signer in \(options.signer) nor the catalog has a checkpoint")
        }
        if try files.makeDirectory(options.signer, mode: 0o700) {
            try files.syncDirectory(DurableFiles.parent(of: options.signer))
        }
        guard former.origin.description != options.origin else {
            throw JournalError(.wrongOrigin, "the log is called \(options.origin) already: a new one has another name")
        }
        try files.replace(options.signer + "/origin", with: Array("\(options.origin)\n".utf8), mode: 0o600)
        try await catalog.beginNewLog(
            origin: options.origin,
            after: FormerLog(origin: former.origin.description, size: former.size, root: former.root.base64),
            reason: reason,
            context: Catalog.Context(actor: "operator", requestID: "")
        )
        let layout = JournalLayout(root: options.root)
        let kept = JournalLayout(former: former.size, of: layout).directory
        _ = try files.makeDirectory(kept)
        for name in ["tile", "checkpoint"] {
            try files.renameIfPresent("\(layout.directory)/\(name)", to: "\(kept)/\(name)")
        }
        try files.syncDirectory(kept)
        try files.syncDirectory(layout.directory)
        // Last: without it, this can no longer be done again.
        try files.renameIfPresent(
            options.signer + "/checkpoint",
            to: "\(options.signer)/checkpoint.former-\(former.size)"
        )
        try files.syncDirectory(options.signer)
    }
}
