// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import Tracing
internal import Transparency

/// Holds what is on the volume and what the signer remembers against each other, before anything is signed.
///
/// | found | done |
/// | --- | --- |
/// | a tree that is intended and not signed, or signed and not yet in its row | the seal is ended |
/// | the checkpoint file is older than the rows | it is written anew by the next seal |
/// | the signer's memory is older than the rows, and its tree their beginning | it catches up |
/// | a checkpoint that is ahead of the rows, and entries that have its root | they were replayed: ``LogReplay`` |
/// | a checkpoint that is ahead of the rows | the log opens for reading only: the volume went back in time |
/// | two roots of one size | refused, with both notes |
/// | tiles, bundles or rows that are not what was signed | refused |
struct StartGuard {
    let catalog: Catalog
    let files: LogFiles
    let signer: LogSigner
    let threads: FileThreads
    let checkpointFile: [UInt8]?
    let rows: (sealed: CheckpointRow?, signed: CheckpointRow?)

    /// How many cosignatures a checkpoint needs before it is shown.
    let quorum: Int

    /// Why an older catalog could not be brought up to the log; nil where that was not tried.
    var replayRefusal: String?

    struct Found {
        var published: Journal.Published?
        var edge: TreeEdge
        var intended: Sealer.Intended?
        var readOnly: JournalError?
    }

    func check() async throws -> Found {
        let signed = try rows.signed.map(verified)
        let edge = try await edge(of: signed)
        try await checkRows(edge)
        var found = Found(edge: edge)
        if let signed { found.published = try await published(signed) }
        found.intended = try await intended(from: edge)
        let size = rows.sealed?.size ?? 0
        for known in try [signer.lastSigned, checkpointFile.map(parsed)].compactMap({ $0 }) {
            if known.checkpoint.size > size {
                found.readOnly = rolledBack(to: size, known)
            } else {
                try await compare(known, found)
            }
        }
        guard found.readOnly == nil else { return found }
        if let signed { try await catchUp(signed) }
        return found
    }

    /// What is shown: the checkpoint file where it is of the signed tree, since it may have cosignatures, or where a
    /// quorum has let nothing newer be shown; else the row's note.
    private func published(_ signed: LogSigner.Signed) async throws -> Journal.Published? {
        let file = try checkpointFile.map(parsed)
        var shown: LogSigner.Signed? = quorum > 0 ? nil : signed
        if let file, file.checkpoint == signed.checkpoint || quorum > 0 && file.checkpoint.size < signed.checkpoint.size
        {
            shown = file
        }
        guard let shown else { return nil }
        let last = try await lastEvent(before: shown.checkpoint.size)
        return Journal.Published(checkpoint: shown.checkpoint, note: shown.note, lastEvent: last)
    }

    private func parsed(_ note: [UInt8]) throws -> LogSigner.Signed {
        do {
            return try LogSigner.Signed(note: note, origin: signer.origin, signer.verifiers)
        } catch {
            let error = JournalError(error)
            throw JournalError(error.code, "\(files.layout.checkpoint): \(error.reason)")
        }
    }

    private func verified(_ row: CheckpointRow) throws -> LogSigner.Signed {
        let signed = try LogSigner.Signed(note: row.note ?? [], origin: signer.origin, signer.verifiers)
        guard signed.checkpoint.size == row.size, signed.checkpoint.root.bytes == row.root else {
            throw JournalError(.damaged, "the catalog's checkpoint of \(row.size) entries is not what its note says")
        }
        return signed
    }

    /// The right edge of the signed tree out of its tiles, whose root has to be the one that was signed.
    private func edge(of signed: LogSigner.Signed?) async throws -> TreeEdge {
        guard let checkpoint = signed?.checkpoint else { return TreeEdge() }
        let files = files
        let edge = try await threads.call {
            try TreeEdge(size: checkpoint.size, hashes: files.hashes, entries: files.entries)
        }
        guard edge.root == checkpoint.root else {
            throw JournalError(.damaged, "the tiles of the log do not have the root that was signed")
        }
        for (place, entry) in edge.entries.enumerated()
        where MerkleTree.leafHash(entry) != edge.levels.first?[place] {
            throw JournalError(.damaged, "an entry of the log's last bundle is not the one that was signed")
        }
        return edge
    }

    /// The rows of the last bundle's entries have to be those entries, and no row may lie beyond the sealed tree.
    private func checkRows(_ edge: TreeEdge) async throws {
        let sealed = rows.sealed?.size ?? 0
        let last = try await catalog.lastSealedIndex()
        guard (last ?? -1) == sealed - 1 else {
            throw JournalError(
                .damaged,
                "the last sealed event has the index \(last ?? -1), and the sealed tree \(sealed) entries"
            )
        }
        let first = edge.size - Int64(edge.entries.count)
        let entries = try await leaves(first..<edge.size)
        guard entries.map(\.leaf) == edge.entries else {
            throw JournalError(.damaged, "the events from index \(first) on are not those that were signed")
        }
    }

    private func leaves(_ range: Range<Int64>) async throws -> [LogEntry] {
        var entries: [LogEntry] = []
        while entries.count < range.count {
            let page = try await catalog.entries(
                from: range.lowerBound + Int64(entries.count),
                limit: range.count - entries.count,
                bytesLimit: JournalLimits.bytesPerSeal
            )
            guard !page.isEmpty else { break }
            entries += page
        }
        for (entry, index) in zip(entries, range) where entry.index != index {
            throw JournalError(.damaged, "no event has the index \(index) of the log")
        }
        return entries
    }

    private func lastEvent(before size: Int64) async throws -> EventID {
        guard let id = try await leaves(size - 1..<size).first?.id else {
            throw JournalError(.damaged, "no event has the index \(size - 1) of the log")
        }
        return id
    }

    /// The tree that stands in the catalog and was not signed, as far as its row says.
    private func intended(from edge: TreeEdge) async throws -> Sealer.Intended? {
        guard let row = rows.sealed, row.size > edge.size else { return nil }
        var next = edge
        let entries = try await leaves(edge.size..<row.size)
        guard entries.count == row.size - edge.size, let last = entries.last?.id else {
            throw JournalError(.damaged, "events of the sealed tree of \(row.size) entries are missing")
        }
        let new = try next.append(entries.map(\.leaf))
        guard next.root.bytes == row.root else {
            throw JournalError(.damaged, "the events do not have the root of the tree that was to be signed")
        }
        return Sealer.Intended(
            edge: next,
            files: new,
            lastEvent: last,
            events: entries.map(\.id),
            began: DefaultTracerClock.now
        )
    }

    private func rolledBack(to size: Int64, _ known: LogSigner.Signed) -> JournalError {
        JournalError(
            .rolledBack,
            "a tree of \(known.checkpoint.size) entries was signed, and the catalog has \(size): it is older"
                + (replayRefusal.map { ", and cannot be brought up to the log: \($0). " } ?? ". ")
                + "Nothing is accepted until the newer state is back, or an operator goes on under a new origin "
                + "(cairn log continue). The signed checkpoint is:\n" + String(decoding: known.note, as: UTF8.self)
        )
    }

    /// A tree that was signed has to be the beginning of the one that is here.
    private func compare(_ known: LogSigner.Signed, _ found: Found) async throws {
        let size = known.checkpoint.size
        let root: TreeHash
        if size == found.intended?.edge.size {
            root = found.intended?.edge.root ?? found.edge.root
        } else if size == found.edge.size {
            root = found.edge.root
        } else if size > found.edge.size {
            // Between the signed tree and the intended one nothing was ever sealed.
            throw forked(known, found)
        } else {
            root = try await rootOfBeginning(size, of: found.edge.size)
        }
        guard root == known.checkpoint.root else { throw forked(known, found) }
    }

    private func rootOfBeginning(_ size: Int64, of whole: Int64) async throws -> TreeHash {
        let files = files
        return try await threads.call {
            try TileReader(size: size) { path in try files.hashes(path, whole: whole) }.root()
        }
    }

    private func forked(_ known: LogSigner.Signed, _ found: Found) -> JournalError {
        let here =
            found.published.map { String(decoding: $0.note, as: UTF8.self) } ?? "a tree of \(found.edge.size) entries"
        return JournalError(
            .forked,
            "the log here is not the continuation of what was signed. Signed was:\n"
                + String(decoding: known.note, as: UTF8.self) + "\nHere is:\n\(here)"
        )
    }

    /// Brings the signer's memory up to the rows: its own volume may be the one that went back in time.
    private func catchUp(_ signed: LogSigner.Signed) async throws {
        guard let remembered = signer.lastSigned else {
            throw JournalError(
                .keyMissing,
                "the signer has lost its memory of what it signed: bring the file \(signer.statePath) back, or let it "
                    + "begin with the newest checkpoint of this log (cairn log adopt) if no newer one was ever shown"
            )
        }
        guard remembered.checkpoint.size < signed.checkpoint.size else { return }
        let signer = signer
        try await threads.call { _ = try signer.sign(signed.checkpoint) }
    }
}
