// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// Two values that regions gave a tag, the later one without knowing the earlier.
package struct ConflictRecord: Sendable, Hashable {
    package let id: Int64
    package let repository: RepositoryName
    package let tag: Tag
    /// What counted; nil for a deletion.
    package let winner: Digest?
    package let won: Stamp
    package let loser: Digest
    package let lost: Stamp
    /// Seconds since 1970, by this region's clock.
    package let opened: Int64
    package let resolved: Int64?
}

package struct ConflictCounts: Sendable, Hashable {
    /// Those that nobody has resolved; at most `CatalogLimits.countedRows` are counted.
    package let open: Int64
    /// A number that rises with each conflict that is found.
    package let found: Int64
}

/// What is to become of a conflict.
package enum ConflictDecision: Sendable, Hashable {
    /// What the tag has now is right.
    case keep
    /// The tag gets the value that lost.
    case takeLoser
}

package enum ConflictResolution: Sendable, Hashable {
    /// The last event of it: a log that has it has all of them.
    case resolved(event: EventID)
    case notFound
    case alreadyResolved
    /// The manifest of the value that lost is not live any more.
    case manifestGone
    /// Refused: a hold or a lock is on the tag.
    case bound(PinRecord)
}

extension SQL {
    private static let conflictColumns = """
        SELECT c.id, r.name, c.tag, c.winner, c.winner_hlc, c.winner_region, c.loser, c.loser_hlc, c.loser_region,
            c.opened, c.resolved
        FROM conflict c JOIN repo r ON r.id = c.repo_id
        """
    static let conflict = conflictColumns + " WHERE c.id = ?"
    static let conflicts = conflictColumns + " WHERE c.id > ? ORDER BY c.id LIMIT ?"
    static let openConflicts = conflictColumns + " WHERE c.resolved IS NULL AND c.id > ? ORDER BY c.id LIMIT ?"
    static let openConflictsOf = """
        SELECT id, loser_hlc, loser_region, winner_hlc, winner_region FROM conflict
        WHERE repo_id = ? AND tag = ? AND (loser_hlc, loser_region) >= (?, ?)
            AND (winner_hlc, winner_region) >= (?, ?) AND resolved IS NULL
        """
    static let openConflict = """
        INSERT INTO conflict(repo_id, tag, winner, winner_hlc, winner_region, loser, loser_hlc, loser_region, opened)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """
    static let withdrawConflict = "DELETE FROM conflict WHERE id = ? AND resolved IS NULL"
    static let closeConflict = """
        INSERT INTO conflict(repo_id, tag, winner, winner_hlc, winner_region, loser, loser_hlc, loser_region, opened,
            resolved)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, tag, loser_hlc, loser_region, winner_hlc, winner_region)
            DO UPDATE SET resolved = COALESCE(conflict.resolved, excluded.resolved)
        """
    static let countConflicts = """
        SELECT COUNT(*) FROM (SELECT 1 FROM conflict WHERE resolved IS NULL AND id > 0 LIMIT ?) AS bounded
        """
    static let lastConflict = "SELECT id FROM conflict ORDER BY id DESC LIMIT 1"
}

extension Merge {
    /// Makes the open conflicts of a tag those that its writes come to. A resolved one stays as it is.
    mutating func keep(
        _ conflicts: [(loser: TagWrite, winner: TagWrite)],
        of tag: Tag,
        since first: Stamp,
        in repository: Repository
    ) throws {
        var known: [[Stamp]: Int64] = [:]
        let (time, region) = (first.time.rawValue, first.origin)
        let rows = try database.rows(
            SQL.openConflictsOf,
            repository.id,
            tag.description,
            time,
            region,
            time,
            region
        )
        for row in rows {
            let stamps = [try row.stamp(1, 2), try row.stamp(3, 4)]
            known[stamps] = try row.int(0)
        }
        for (loser, winner) in conflicts {
            guard known.removeValue(forKey: [loser.stamp, winner.stamp]) == nil, let lost = loser.digest else {
                continue
            }
            let opened = try database.run(
                SQL.openConflict,
                repository.id,
                tag.description,
                winner.digest?.key,
                winner.stamp.time.rawValue,
                winner.stamp.origin,
                lost.key,
                loser.stamp.time.rawValue,
                loser.stamp.origin,
                transaction.wallSeconds
            )
            report.conflictsOpened += opened
            guard opened > 0 else { continue }
            try transaction.notice(
                "conflict.open",
                repository,
                subject: tag.description,
                [
                    "tag": .string(tag.description), "winner": CanonicalJSON(winner.digest?.description),
                    "winner_region": .string(winner.stamp.origin), "loser": .string(lost.description),
                    "loser_region": .string(loser.stamp.origin),
                ]
            )
        }
        for id in known.values { report.conflictsWithdrawn += try database.run(SQL.withdrawConflict, id) }
    }
}

extension Transaction {
    /// A conflict that an entry resolves, which need not have been found here yet.
    func applyResolution(_ change: LoggedChange, in repository: Repository) throws {
        guard let tag = change.tag, let loser = change.digest("loser"),
            let won = change.stamp("winnerTime", "winnerRegion"), let lost = change.stamp("loserTime", "loserRegion")
        else { return }
        try close(tag, winner: change.digest("winner"), won, loser: loser, lost, in: repository)
    }

    private func close(
        _ tag: Tag,
        winner: Digest?,
        _ won: Stamp,
        loser: Digest,
        _ lost: Stamp,
        in repository: Repository
    ) throws {
        try database.run(
            SQL.closeConflict,
            repository.id,
            tag.description,
            winner?.key,
            won.time.rawValue,
            won.origin,
            loser.key,
            lost.time.rawValue,
            lost.origin,
            wallSeconds,
            wallSeconds
        )
    }

    fileprivate func resolve(_ conflict: ConflictRecord, _ context: Catalog.Context) throws -> EventID? {
        guard let repository = try repository(conflict.repository) else { return nil }
        let (won, lost) = (conflict.won, conflict.lost)
        try close(conflict.tag, winner: conflict.winner, won, loser: conflict.loser, lost, in: repository)
        try changed(repository)
        return try record(
            .conflictResolved,
            repository,
            context,
            subject: conflict.tag.description,
            digest: conflict.loser,
            [
                "tag": .string(conflict.tag.description),
                "winner": CanonicalJSON(conflict.winner?.description),
                "winnerTime": .string(won.time.description), "winnerRegion": .string(won.origin),
                "loser": .string(conflict.loser.description),
                "loserTime": .string(lost.time.description), "loserRegion": .string(lost.origin),
            ]
        )
    }

    /// Gives a tag the value that lost, as any other change of it.
    fileprivate func takeLoser(
        of conflict: ConflictRecord,
        exempted: Bool,
        _ context: Catalog.Context
    ) throws -> ConflictResolution? {
        guard let repository = try repository(conflict.repository),
            try database.row(SQL.manifestRow, repository.id, conflict.loser.key)?.flag(1) == true
        else { return .manifestGone }
        let former = try currentDigest(of: conflict.tag, in: repository)
        guard former != conflict.loser else { return nil }
        if let bond = try bond(on: .tag(conflict.tag), in: repository) { return .bound(bond) }
        let change = TagChange(tag: conflict.tag, former: former)
        _ = try setTag(
            change,
            to: conflict.loser,
            exempted: exempted,
            homeEpoch: lastHomeEpoch(of: conflict.tag, in: repository),
            in: repository,
            context
        )
        try raiseTrust(subject: nil, children: [], tags: [conflict.tag], in: repository)
        let added = former == nil ? 1 : 0
        try account(repository, tags: added)
        try changed(repository, tags: added)
        return nil
    }
}

extension Catalog {
    /// Conflicts after an id; those that were resolved are among them unless only open ones are asked for.
    package func conflicts(
        open: Bool,
        after id: Int64 = 0,
        limit: Int
    ) async throws(CatalogError) -> [ConflictRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(open ? SQL.openConflicts : SQL.conflicts, id, limit).map(ConflictRecord.init)
        }
    }

    package func conflictCounts() async throws(CatalogError) -> ConflictCounts {
        try await readers.read { database in
            ConflictCounts(
                open: try database.row(SQL.countConflicts, CatalogLimits.countedRows)?.int(0) ?? 0,
                found: try database.row(SQL.lastConflict)?.int(0) ?? 0
            )
        }
    }

    /// Ends a conflict, in all regions: by an event of its own, and where the value that lost is taken, by a change of
    /// the tag before it. Durable on return.
    ///
    /// `exempted` says that an immutable tag may be overwritten by a right to do so.
    package func resolveConflict(
        _ id: Int64,
        _ decision: ConflictDecision,
        exempted: Bool = false,
        context: Context
    ) async throws(CatalogError) -> ConflictResolution {
        try await writer.submit { transaction in
            guard let conflict = try transaction.database.row(SQL.conflict, id).map(ConflictRecord.init) else {
                return .notFound
            }
            guard conflict.resolved == nil else { return .alreadyResolved }
            if decision == .takeLoser,
                let refusal = try transaction.takeLoser(of: conflict, exempted: exempted, context)
            {
                return refusal
            }
            guard let event = try transaction.resolve(conflict, context) else { return .notFound }
            return .resolved(event: event)
        }
    }
}

extension LoggedChange {
    fileprivate func stamp(_ time: String, _ region: String) -> Stamp? {
        guard let time = body?[time]?.text.flatMap({ Int64($0) }), let region = body?[region]?.text else { return nil }
        return Stamp(time: HybridTimestamp(rawValue: time), origin: region)
    }
}

extension Row {
    fileprivate func stamp(_ time: Int, _ region: Int) throws -> Stamp {
        Stamp(time: HybridTimestamp(rawValue: try int(time)), origin: try text(region))
    }
}

extension ConflictRecord {
    fileprivate init(_ row: Row) throws {
        self.init(
            id: try row.int(0),
            repository: try row.repositoryName(1),
            tag: try row.tag(2),
            winner: try row.optionalDigest(3),
            won: try row.stamp(4, 5),
            loser: try row.digest(6),
            lost: try row.stamp(7, 8),
            opened: try row.int(9),
            resolved: try row.optionalInt(10)
        )
    }
}
