// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
import OCI

/// An entry of a peer's log that is mirrored and not applied.
package struct InboxEntry: Sendable, Hashable {
    package let index: Int64
    package let leaf: [UInt8]
    /// How often it was tried.
    package let attempts: Int
    /// Why it waits; nil where it was never tried.
    package let reason: String?
}

/// What waits of a peer's log.
package struct InboxBacklog: Sendable, Hashable {
    /// Entries that are not applied; at most `CatalogLimits.countedRows` are counted.
    package let open: Int64
    /// Those of them whose time is too far ahead of this region's clock.
    package let parked: Int64
    /// The first of them.
    package let oldest: InboxEntry?
}

extension SQL {
    static let insertInbox = """
        INSERT INTO inbox(origin, idx, repo, state, leaf) VALUES (?, ?, ?, 'waiting', ?)
        """
    static let revisitInbox = """
        INSERT INTO inbox(origin, idx, repo, state, leaf) VALUES (?, ?, ?, 'waiting', ?)
        ON CONFLICT(origin, idx) DO UPDATE SET state = 'waiting', attempts = 0, next_try_st = 0
        """
    static let dueInbox = """
        SELECT idx, leaf, attempts, reason FROM inbox
        WHERE origin = ? AND state <> 'applied' AND next_try_st <= ? ORDER BY next_try_st, idx LIMIT ?
        """
    /// By the index over what is open: it holds little that is not due.
    static let newestDueInbox = """
        SELECT idx, leaf, attempts, reason FROM inbox INDEXED BY inbox_open
        WHERE origin = ? AND state <> 'applied' AND next_try_st <= ? ORDER BY idx DESC LIMIT ?
        """
    static let explainInbox = "UPDATE inbox SET reason = ? WHERE origin = ? AND idx = ? AND state <> 'applied'"
    static let inboxEntry = "SELECT state, attempts FROM inbox WHERE origin = ? AND idx = ?"
    static let setInbox = """
        UPDATE inbox SET state = ?, attempts = ?, next_try_st = ?, reason = ? WHERE origin = ? AND idx = ?
        """
    static let oldestOpen = """
        SELECT idx, leaf, attempts, reason FROM inbox WHERE origin = ? AND state <> 'applied' ORDER BY idx LIMIT 1
        """
    static let countOpen = """
        SELECT COUNT(*), COALESCE(SUM(CASE WHEN state = 'parked' THEN 1 ELSE 0 END), 0) FROM
            (SELECT state FROM inbox WHERE origin = ? AND state <> 'applied' LIMIT ?) AS bounded
        """
    static let dropApplied = """
        DELETE FROM inbox WHERE origin = ? AND idx IN
            (SELECT idx FROM inbox WHERE origin = ? AND idx < ? ORDER BY idx LIMIT ?)
        """
}

extension Catalog {
    /// Takes entries of a peer's log that the caller has verified against a signed root into the inbox, in one
    /// transaction: durable on return, together or not at all.
    ///
    /// - Parameters:
    ///   - leaves: At most `CatalogLimits.receivedEntries`.
    ///   - first: The index of the first one.
    ///   - size: How many entries the mirror has. For a peer that was never heard this is where the back-fill ends.
    ///   - origin: The peer's log.
    /// - Throws: `.inconsistent` where they do not go on from what is here; `.readOnly` for a peer that is frozen.
    package func receive(
        _ leaves: [[UInt8]],
        from first: Int64,
        mirrored size: Int64,
        of origin: String
    ) async throws(CatalogError) {
        precondition(leaves.count <= CatalogLimits.receivedEntries)
        try await writer.submit { transaction in
            let peer = try transaction.mergeablePeer(origin)
            let end = first + Int64(leaves.count)
            guard peer.size == first, end <= size else {
                throw CatalogError(
                    .inconsistent,
                    "\(peer.size) entries of '\(origin)' came, and these are those from \(first) of \(size)"
                )
            }
            for (offset, leaf) in leaves.enumerated() {
                let repository = try? LoggedChange(parsing: leaf).repository
                try transaction.database.run(
                    SQL.insertInbox,
                    origin,
                    first + Int64(offset),
                    repository?.description,
                    Data(leaf)
                )
            }
            try transaction.database.run(SQL.setPeerSize, end, peer.joined ?? size, origin)
        }
    }

    /// Entries that are to be tried now: those that were never tried first, in the order of their log, or the newest of
    /// the log first.
    package func dueEntries(
        of origin: String,
        limit: Int,
        newestFirst: Bool = false
    ) async throws(CatalogError) -> [InboxEntry] {
        let (limit, now) = (min(max(limit, 1), CatalogLimits.dueEntries), serviceTime.seconds)
        return try await readers.readOne { database in
            try database.rows(newestFirst ? SQL.newestDueInbox : SQL.dueInbox, origin, now, limit)
                .map(InboxEntry.init)
        }
    }

    /// Notes why entries wait. When they are tried again stays as it is.
    package func explain(
        _ indexes: [Int64],
        of origin: String,
        reason: String
    ) async throws(CatalogError) {
        try await writer.submit { transaction in
            let reason = Context.cut(reason, to: CatalogLimits.reasonBytes)
            for index in indexes { _ = try transaction.database.run(SQL.explainInbox, reason, origin, index) }
        }
    }

    /// Lets entries count as applied of which nothing is to come.
    package func skip(_ indexes: [Int64], of origin: String) async throws(CatalogError) {
        guard !indexes.isEmpty else { return }
        try await writer.submit { transaction in
            for index in indexes { try transaction.settleInbox(index, of: origin, .known) }
            try transaction.advanceApplied(of: origin)
        }
    }

    package func inboxBacklog(of origin: String) async throws(CatalogError) -> InboxBacklog {
        try await readers.read { database in
            let counts = try database.row(SQL.countOpen, origin, CatalogLimits.countedRows)
            return InboxBacklog(
                open: try counts?.int(0) ?? 0,
                parked: try counts?.int(1) ?? 0,
                oldest: try database.row(SQL.oldestOpen, origin).map(InboxEntry.init)
            )
        }
    }
}

extension Transaction {
    func mergeablePeer(_ origin: String) throws -> PeerRecord {
        guard let peer = try peer(origin) else { throw CatalogError(.inconsistent, "there is no peer '\(origin)'") }
        guard peer.state != .frozen else {
            throw CatalogError(.readOnly, "the peer '\(origin)' is frozen: \(peer.reason)")
        }
        return peer
    }

    /// Notes in the inbox what became of an entry. What waits comes up again later, after longer and longer times.
    func settleInbox(_ index: Int64, of origin: String, _ outcome: MergeOutcome) throws {
        guard let row = try database.row(SQL.inboxEntry, origin, index) else { return }
        let attempts = try row.int(1) + 1
        let state: String
        var seconds: Int64 = 0
        switch outcome {
        case .applied, .own, .known: state = "applied"
        case .waits, .failed:
            state = "waiting"
            seconds = min(1 << min(attempts, 16), CatalogLimits.inboxRetrySeconds)
        case .parked(let milliseconds):
            state = "parked"
            seconds = min(milliseconds / 1_000 + 1, CatalogLimits.inboxRetrySeconds)
        }
        try database.run(
            SQL.setInbox,
            state,
            attempts,
            seconds == 0 ? 0 : now.advanced(by: seconds).seconds,
            outcome.reason.map { Catalog.Context.cut($0, to: CatalogLimits.reasonBytes) },
            origin,
            index
        )
    }

    /// Moves the mark up to which a log is applied, and drops a bounded number of entries below it.
    func advanceApplied(of origin: String) throws {
        guard let peer = try peer(origin) else { return }
        let applied = try database.row(SQL.oldestOpen, origin)?.int(0) ?? peer.size
        if applied > peer.applied { try database.run(SQL.setPeerApplied, applied, origin) }
        try database.run(SQL.dropApplied, origin, origin, applied, CatalogLimits.receivedEntries)
    }
}

extension InboxEntry {
    fileprivate init(_ row: Row) throws {
        self.init(
            index: try row.int(0),
            leaf: try row.bytes(1),
            attempts: Int(try row.int(2)),
            reason: try row.optionalText(3)
        )
    }
}
