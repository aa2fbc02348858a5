// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI
package import Transparency

/// Proves that a registry's log records what the registry serves, and that the log only ever grows.
///
/// A log that is seen for the first time is believed as far as its pinned key has signed it. From then on each new
/// checkpoint must continue the last one: the tiles of the new tree are fetched for that, and a consistency proof is
/// made of them and verified against both roots (RFC 9162, section 2.1.4).
package struct LogCheck: Sendable {
    /// What was proven.
    package struct Report: Hashable, Sendable {
        package let origin: String
        /// Of the entry that made the reference stand for the digest.
        package let index: Int64
        package let size: Int64
        /// The size of the tree that was seen before; nil at first use.
        package let formerSize: Int64?
        package let entry: LogEntry
        /// The names of the witnesses whose cosignatures were verified.
        package let witnesses: [String]
    }

    private let keys: [NoteVerifier]
    private let witnesses: TrustedLogs?
    private let statePath: String?
    private let environment: [String: String]

    /// - Parameters:
    ///   - keys: The pinned keys; each speaks for the log of its name.
    ///   - policy: Logs that are trusted as well, and the witnesses without whose cosignatures no checkpoint counts.
    ///   - statePath: The file of the last checkpoint, where not the default for each log.
    ///   - environment: The variables of the process.
    package init(
        keys: [NoteVerifier],
        policy: TrustedLogs? = nil,
        statePath: String?,
        environment: [String: String]
    ) {
        self.keys = keys + (policy?.logs.map(\.verifier) ?? [])
        witnesses = policy
        self.statePath = statePath
        self.environment = environment
    }

    /// Proves that a reference stands for a digest.
    ///
    /// The new checkpoint is durable in the state file before this returns.
    ///
    /// - Throws: `.integrity` where the proof, the log or its history is not right; then the error's `evidence` holds
    ///   the notes that contradict each other. `.policy` where the registry has no proof, or its log is not one of the
    ///   pinned ones.
    package func prove(
        _ reference: Reference,
        is digest: Digest,
        in repository: RemoteRepository
    ) async throws(ClientError) -> Report {
        let log = LogClient(repository: repository)
        let found = try await proven(reference, is: digest, by: log)
        let (proof, checkpoint) = (found.proof, found.proof.checkpoint)
        let state = LogState(path: try path(of: checkpoint.origin))
        let former = try await extend(state, to: checkpoint, proof.note, log)
        if let tag = reference.tag { try await requireLatest(proof, tag, repository, state) }
        return Report(
            origin: checkpoint.origin.description,
            index: proof.inclusion.index,
            size: checkpoint.size,
            formerSize: former,
            entry: found.entry,
            witnesses: found.cosigners
        )
    }

    /// What a proof shows by itself, whatever was seen of the log before.
    struct Proven: Sendable {
        let proof: TransparencyProof
        let entry: LogEntry
        let cosigners: [String]
    }

    /// Proves that a pinned key has signed a tree in which a reference stands for a digest.
    ///
    /// - Throws: As `prove`.
    func proven(
        _ reference: Reference,
        is digest: Digest,
        by log: LogClient,
        attempts: Int = ClientLimits.attempts
    ) async throws(ClientError) -> Proven {
        let repository = log.repository
        let proof = try await log.proof(of: reference, attempts: attempts)
        guard let leaf = proof.extra else {
            throw ClientError(.integrity, "the proof of \(repository.origin) comes without its entry")
        }
        let (checkpoint, key) = try verify(proof, leaf)
        let cosigners = try cosigners(of: proof.note, key)
        let entry = try LogEntry(parsing: leaf)
        guard entry.origin == checkpoint.origin.description else {
            let other = ParsingError.quotable(entry.origin)
            throw ClientError(.integrity, "the entry in the log \(checkpoint.origin) says that it is of \(other)")
        }
        try entry.require(repository.name, reference, digest)
        return Proven(proof: proof, entry: entry, cosigners: cosigners)
    }

    private func path(of origin: NoteLine) throws(ClientError) -> String {
        if let statePath { return statePath }
        return try LogState.defaultPath(for: origin, environment)
    }

    /// The proof's checkpoint, in whose tree the leaf is, and the pinned key that signed it.
    private func verify(
        _ proof: TransparencyProof,
        _ leaf: [UInt8]
    ) throws(ClientError) -> (Checkpoint, NoteVerifier) {
        let origin = proof.checkpoint.origin
        let candidates = keys.filter { NoteLine($0.name) == origin }
        guard !candidates.isEmpty else {
            throw ClientError(.policy, "the proof is of the log \(origin), and no key of that log was given")
        }
        var failure = ClientError(.integrity, "")
        for key in candidates {
            do {
                return (try proof.verify(leafHash: MerkleTree.leafHash(leaf), log: key), key)
            } catch {
                failure = ClientError(
                    .integrity,
                    "the proof of the log \(origin) does not hold: \(error.reason)",
                    evidence: [proof.note.description]
                )
            }
        }
        throw failure
    }

    /// The witnesses that cosigned, as many as the policy asks for.
    private func cosigners(of note: SignedNote, _ log: NoteVerifier) throws(ClientError) -> [String] {
        guard let witnesses else { return [] }
        do {
            return try witnesses.verdict(on: note, log: log).cosignatures.map(\.witness.name)
        } catch {
            let code: ClientError.Code = error.code == .untrusted ? .policy : .integrity
            throw ClientError(code, "the checkpoint of \(log.name) does not count: \(error.reason)")
        }
    }

    /// An older entry of a tag is in the log too. What tells that it is not the last is that a later one was seen.
    private func requireLatest(
        _ proof: TransparencyProof,
        _ tag: Tag,
        _ repository: RemoteRepository,
        _ state: LogState
    ) async throws(ClientError) {
        let index = proof.inclusion.index
        let last = try await state.lastIndex(of: repository.name, tag)
        if let last, index < last {
            throw ClientError(
                .integrity,
                "\(repository.origin) proves \(repository.name):\(tag) by entry \(index); entry \(last) set it later"
            )
        }
        if last != index { try await state.remember(index, of: repository.name, tag) }
    }

    // MARK: History

    /// Checks that a checkpoint continues the one in the state file, and puts it there.
    ///
    /// - Returns: The size of the one that was there.
    private func extend(
        _ state: LogState,
        to checkpoint: Checkpoint,
        _ note: SignedNote,
        _ log: LogClient
    ) async throws(ClientError) -> Int64? {
        while true {
            let kept = try await state.read()
            let former = try kept.map { kept throws(ClientError) in try self.former(kept, checkpoint, state) }
            if let kept, let former {
                try await requireContinuation(of: former, kept.note, by: checkpoint, note, log)
                if former.size == checkpoint.size { return former.size }
            }
            // Another process may have got further meanwhile: then its checkpoint is the one to continue.
            let isReplaced = try await state.replace(kept, with: note, pause: log.repository.transport.options.pause)
            if isReplaced { return former?.size }
        }
    }

    /// The checkpoint that was kept, which a pinned key has signed as well.
    private func former(
        _ kept: LogState.Kept,
        _ checkpoint: Checkpoint,
        _ state: LogState
    ) throws(ClientError) -> Checkpoint {
        var reason = "it is of another log than \(checkpoint.origin)"
        for key in keys where NoteLine(key.name) == checkpoint.origin {
            do { return try Checkpoint(kept.note, signedBy: key) } catch { reason = error.reason }
        }
        throw ClientError(.storage, "\(state.path) does not hold a checkpoint that goes before this: \(reason)")
    }

    private func requireContinuation(
        of former: Checkpoint,
        _ formerNote: SignedNote,
        by checkpoint: Checkpoint,
        _ note: SignedNote,
        _ log: LogClient
    ) async throws(ClientError) {
        let evidence = [formerNote.description, note.description]
        func refused(_ reason: String) -> ClientError {
            ClientError(.integrity, "the log \(checkpoint.origin) \(reason)", evidence: evidence)
        }
        guard checkpoint.size >= former.size else {
            throw refused("shrank: it had \(former.size) entries and now shows \(checkpoint.size)")
        }
        guard checkpoint.size > former.size else {
            guard checkpoint.root == former.root else {
                throw refused("forked: it shows two roots for \(former.size) entries")
            }
            return
        }
        let needed = TileReader.tiles(for: .consistency(from: former.size), size: checkpoint.size)
        let tiles = try await log.tiles(needed)
        let reader = TileReader(size: checkpoint.size) { path in tiles[path] ?? [] }
        let proof: ConsistencyProof
        do { proof = try reader.consistencyProof(from: former.size) } catch {
            throw refused("does not prove that its \(checkpoint.size) entries continue \(former.size): \(error)")
        }
        guard proof.isValid(oldRoot: former.root, newRoot: checkpoint.root) else {
            throw refused("forked: its \(checkpoint.size) entries do not continue the \(former.size) that it had")
        }
    }
}
