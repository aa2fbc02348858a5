// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// An entry of another region's log, verified as one, with what is here of the bytes that it speaks of.
package struct MergedEntry: Sendable {
    package let index: Int64
    package let change: LoggedChange
    /// Manifests out of verified bytes, by digest: the one that the entry is about and, where they are not in the
    /// repository, those that it holds. The file of each is durable under its digest, as for a put.
    package let manifests: [Digest: Manifest]

    package init(index: Int64, change: LoggedChange, manifests: [Digest: Manifest] = [:]) {
        self.index = index
        self.change = change
        self.manifests = manifests
    }
}

/// What became of an entry.
package enum MergeOutcome: Sendable, Hashable {
    /// It is in the state, whether or not it has changed what clients see.
    case applied
    /// It is an entry of this region's own: nothing was done.
    case own
    /// It was applied before.
    case known
    /// These manifests have to be fetched first. Nothing was done; entries after it need not wait.
    case waits(for: [Digest])
    /// Its time is too far ahead of this region's clock: nothing was done, and its time was not learned. To be tried
    /// again after so many milliseconds.
    case parked(milliseconds: Int64)
    /// It cannot be applied. Nothing was done; entries after it are not affected.
    case failed(reason: String)

    var reason: String? {
        switch self {
        case .applied, .own, .known: nil
        case .waits(let digests): "waits for \(digests.map(\.description).joined(separator: ", "))"
        case .parked(let milliseconds): "its time is \(milliseconds) ms further ahead than clocks may differ"
        case .failed(let reason): reason
        }
    }
}

package struct MergeReport: Sendable, Hashable {
    /// What became of the first entries, in their order: fewer than were handed in where the transaction had enough.
    package var outcomes: [MergeOutcome] = []
    /// Conflicts that were found, and those that a write between the two has shown to be none.
    package var conflictsOpened = 0
    package var conflictsWithdrawn = 0
}

extension Catalog {
    /// Applies entries of one other region's log, at most `CatalogLimits.mergedEntries`, in one transaction. Durable on
    /// return, with what the inbox and the peer's row say of them.
    ///
    /// The state is a function of the *set* of entries that were applied, here and there: it is the same in whatever
    /// order they come, however late and however often. So entries of several logs, and of different repositories of
    /// one log, may be handed in in any order. Nothing of it becomes an event of this region; each change has its audit
    /// row, by the pseudonym that its actor has there.
    ///
    /// Of tags, the latest write counts (``TagOutcome``). A manifest is live if it was put, tagged or restored
    /// at or after its last deletion, and while a live tag or index holds it. What is deleted in
    /// another region comes into the trash here; when that is emptied is each region's own business. The latest change
    /// of a quarantine or hold counts (``Register``). Which media type a manifest has that was put under several, is
    /// that of the latest change of it.
    ///
    /// No further entry is begun after `CatalogLimits.mergedEdges` edges.
    ///
    /// - Throws: `.inconsistent` without such a peer; `.readOnly` for one that is frozen.
    package func merge(
        _ entries: [MergedEntry],
        of origin: String
    ) async throws(CatalogError) -> MergeReport {
        precondition(entries.count <= CatalogLimits.mergedEntries)
        return try await writer.submit { transaction in
            let peer = try transaction.mergeablePeer(origin)
            var merge = Merge(transaction: transaction, peer: peer)
            for entry in entries {
                guard merge.edges < CatalogLimits.mergedEdges else { break }
                let outcome = try merge.attempt(entry)
                try transaction.settleInbox(entry.index, of: origin, outcome)
                merge.report.outcomes.append(outcome)
            }
            try transaction.persistObserved(merge.observed)
            try transaction.advanceApplied(of: origin)
            return merge.report
        }
    }
}

/// One transaction's work on the entries of one peer.
struct Merge {
    let transaction: Transaction
    let peer: PeerRecord
    var report = MergeReport()
    /// Edges that were written.
    var edges = 0
    private(set) var observed = HybridTimestamp(rawValue: 0)

    init(transaction: Transaction, peer: PeerRecord) {
        self.transaction = transaction
        self.peer = peer
    }

    var database: Database { transaction.database }

    /// Applies an entry in a savepoint of its own, which only an applied one leaves anything of.
    mutating func attempt(_ entry: MergedEntry) throws -> MergeOutcome {
        let change = entry.change
        if change.origin == transaction.settings.origin { return .own }
        guard change.origin == peer.origin else {
            return .failed(reason: "an entry of the log '\(change.origin)'")
        }
        if try isApplied(entry.index) { return .known }
        let excess = change.timestamp.milliseconds - transaction.wallMilliseconds - CatalogLimits.skewMilliseconds
        guard excess <= 0 else { return .parked(milliseconds: excess) }
        transaction.observe(change.timestamp)
        observed = max(observed, change.timestamp)

        let (ledger, loosened, before) = (transaction.ledger, transaction.loosened, report)
        try database.run("SAVEPOINT entry")
        let outcome: MergeOutcome
        do {
            outcome = try transaction.stamped(Stamp(time: change.timestamp, origin: peer.origin)) {
                let outcome = try apply(entry)
                if outcome == .applied { try transaction.judgeLoosened() }
                return outcome
            }
        } catch {
            guard case .operation(let reason) = Failure(error), database.isInsideTransaction else { throw error }
            outcome = .failed(reason: reason.reason)
        }
        if outcome != .applied {
            try database.run("ROLLBACK TO SAVEPOINT entry")
            (transaction.ledger, transaction.loosened, report) = (ledger, loosened, before)
        }
        try database.run("RELEASE SAVEPOINT entry")
        return outcome
    }

    private func isApplied(_ index: Int64) throws -> Bool {
        if index < peer.applied { return true }
        return try database.row(SQL.inboxEntry, peer.origin, index)?.text(0) == "applied"
    }

    private mutating func apply(_ entry: MergedEntry) throws -> MergeOutcome {
        let change = entry.change
        let context = Catalog.Context(actor: change.actor, requestID: change.requestID, method: "region")
        var repository: Repository?
        switch EventKind(rawValue: change.kind) {
        case .repositoryCreated, .homeSet:
            guard let place = try named(change), let move = HomeMove(change, transaction.stamp, at: entry.index) else {
                return .applied
            }
            try transaction.note(move, of: place)
            if EventKind(rawValue: change.kind) == .repositoryCreated { return .applied }
            repository = place
        case .deploymentReported:
            repository = try named(change)
            guard let repository else { break }
            let oldest = try database.row(SQL.oldestOpen, peer.origin)?.int(0) ?? entry.index
            let isOrdered = entry.index < peer.size && oldest >= entry.index
            try transaction.applyDeployment(change, isOrdered: isOrdered, in: repository)
            if let release = LoggedRelease(change) { try transaction.apply(release, change, in: repository) }
        case .buildReported, .imagePromoted, .deploymentStepped:
            repository = try named(change)
            guard let repository, let release = LoggedRelease(change) else { return .applied }
            try transaction.apply(release, change, in: repository)
        case .quarantineSet, .quarantineCleared:
            try transaction.applyRegister(change, in: nil, context)
        case .maintenanceSet, .maintenanceEnded: try transaction.applyMaintenance(change, by: change.actor)
        case .holdSet, .holdCleared:
            repository = try named(change)
            try transaction.applyRegister(change, in: repository, context)
        case .conflictResolved:
            repository = try named(change)
            if let repository { try transaction.applyResolution(change, in: repository) }
        case .manifestPut, .manifestRestored, .manifestTrashed:
            repository = try named(change)
            guard let repository, let digest = change.digest("digest") else { break }
            if let missing = try applyManifest(digest, entry, in: repository) { return .waits(for: missing) }
        case .tagSet, .tagDeleted:
            repository = try named(change)
            guard let repository, let tag = change.tag,
                let write = TagWrite(change, transaction.stamp)
            else { break }
            if let missing = try applyTag(tag, write, entry, in: repository, context) { return .waits(for: missing) }
        default:
            // A purge is each region's own business; the rest is told by the entry alone, or is not of the catalog.
            return .applied
        }
        if let repository { try transaction.changed(repository) }
        try transaction.audit(
            change.kind,
            repository,
            context,
            subject: change.subject,
            digest: change.auditedDigest,
            event: nil
        )
        return .applied
    }

    private func named(_ change: LoggedChange) throws -> Repository? {
        try change.repository.map { try transaction.repositoryRow($0) }
    }
}
