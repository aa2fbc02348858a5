// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// How far a run of retention has come.
package enum RetentionRunState: String, Sendable {
    /// Its decisions are being written.
    case planning
    /// Every decision stands; nothing has been done.
    case planned
    case applying
    case applied
    case restoring
    case restored
    /// It was given up, or is too old to be kept with its decisions.
    case discarded
}

/// A run of retention. Times are seconds since 1970.
package struct RetentionRun: Sendable, Hashable {
    package let id: Int64
    package let state: RetentionRunState
    /// The pattern of the repositories that it is about.
    package let scope: String
    /// What tells the rules from others.
    package let policy: String
    /// What tells its decisions from others; nil while it is planned.
    package let planHash: String?
    package let actor: String
    package let plannedAt: Int64
    package let appliedAt: Int64?
    /// Until when what it deleted can be brought back.
    package let undoUntil: ServiceTime?
    package let restoredAt: Int64?
    /// Decisions to keep, and to delete tags and manifests.
    package let kept: Int64
    package let tags: Int64
    package let manifests: Int64
    /// Bytes of blobs that nothing would refer to any more.
    package let bytes: Int64
    /// The same by rules, in the order in which they were first met.
    package let shares: [RetentionShare]
    /// Why it has to be confirmed.
    package let warnings: [String]
}

/// What is to become of a tag, or of a manifest.
package struct RetentionItem: Sendable, Hashable {
    package enum State: String, Sendable {
        case kept, planned, done, skipped, restored, conflict
    }

    /// Dense from 1, in the order of work.
    package let item: Int64
    /// The first item of those that are done in one transaction with it.
    package let root: Int64
    package let repository: RepositoryName
    /// nil where it is about the manifest itself.
    package let tag: Tag?
    package let digest: Digest
    package let isKept: Bool
    package let rule: String?
    package let reason: String
    package let stamp: HybridTimestamp
    /// When the tag was set, in seconds since 1970.
    package let setAt: Int64?
    package let state: State
    package let outcome: String?

    package init(
        item: Int64,
        root: Int64,
        repository: RepositoryName,
        tag: Tag?,
        digest: Digest,
        isKept: Bool,
        rule: String?,
        reason: String,
        stamp: HybridTimestamp,
        setAt: Int64?,
        state: State,
        outcome: String? = nil
    ) {
        self.item = item
        self.root = root
        self.repository = repository
        self.tag = tag
        self.digest = digest
        self.isKept = isKept
        self.rule = rule
        self.reason = reason
        self.stamp = stamp
        self.setAt = setAt
        self.state = state
        self.outcome = outcome
    }
}

extension SQL {
    static let insertRun = """
        INSERT INTO retention_run(state, scope, policy, actor, planned_at) VALUES ('planning', ?, ?, ?, ?) RETURNING id
        """
    static let insertDecision = """
        INSERT INTO retention_decision(run_id, item, root, repo_id, tag, digest, verdict, rule, because, stamp, set_at,
            state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let finishPlan = """
        UPDATE retention_run SET state = 'planned', plan_hash = ?, kept = ?, tags = ?, manifests = ?, bytes = ?,
            shares = ?, warnings = ? WHERE id = ? AND state = 'planning'
        """
    private static let runColumns = """
        id, state, scope, policy, plan_hash, actor, planned_at, applied_at, undo_until_st, restored_at, kept, tags,
        manifests, bytes, warnings, shares
        """
    static let run = "SELECT \(runColumns) FROM retention_run WHERE id = ?"
    static let runs = "SELECT \(runColumns) FROM retention_run WHERE id < ? ORDER BY id DESC LIMIT ?"
    static let decisionColumns = """
        d.item, d.root, r.name, d.tag, d.digest, d.verdict, d.rule, d.because, d.stamp, d.set_at, d.state, d.outcome
        """
    static let decisions = """
        SELECT \(decisionColumns) FROM retention_decision d JOIN repo r ON r.id = d.repo_id
        WHERE d.run_id = ? AND d.item > ? ORDER BY d.item LIMIT ?
        """
    static let decisionsInState = """
        SELECT \(decisionColumns) FROM retention_decision d JOIN repo r ON r.id = d.repo_id
        WHERE d.run_id = ? AND d.state = ? AND d.root > ? ORDER BY d.root, d.item LIMIT ?
        """
    static let decisionsInStateBackwards = """
        SELECT \(decisionColumns) FROM retention_decision d JOIN repo r ON r.id = d.repo_id
        WHERE d.run_id = ? AND d.state = ? AND d.root < ? ORDER BY d.root DESC, d.item DESC LIMIT ?
        """
    static let decisionsOfRoot = """
        SELECT \(decisionColumns) FROM retention_decision d JOIN repo r ON r.id = d.repo_id
        WHERE d.run_id = ? AND d.state = ? AND d.root = ? ORDER BY d.item
        """
    static let dropDecisions = """
        DELETE FROM retention_decision WHERE run_id = ? AND item IN
            (SELECT item FROM retention_decision WHERE run_id = ? ORDER BY item LIMIT ?)
        """
    static let discardRun = "UPDATE retention_run SET state = 'discarded' WHERE id = ?"
    static let pastDecisions = """
        SELECT d.item, d.root, r.name, d.tag, d.digest, d.verdict, d.rule, d.because, d.stamp, d.set_at, d.state,
            d.outcome, d.run_id
        FROM repo r JOIN retention_decision d ON d.repo_id = r.id AND d.digest = ?
        WHERE r.name = ? ORDER BY d.run_id DESC, d.item LIMIT ?
        """
    static let repositoriesOfRun = """
        SELECT r.name FROM repo r WHERE r.id IN
            (SELECT DISTINCT repo_id FROM retention_decision WHERE run_id = ? AND verdict = 'delete') ORDER BY r.name
        """
    static let countOutcomes = "SELECT state, COUNT(*) FROM retention_decision WHERE run_id = ? GROUP BY state"
}

extension Catalog {
    /// Begins a plan.
    ///
    /// - Returns: The id of its run.
    package func beginRun(
        scope: String,
        policy: String,
        now: Int64,
        context: Context
    ) async throws(CatalogError) -> Int64 {
        try await writer.submit { transaction in
            guard let row = try transaction.database.row(SQL.insertRun, scope, policy, context.actor, now) else {
                throw CatalogError(.inconsistent, "a run without an id")
            }
            return try row.int(0)
        }
    }

    /// Writes decisions of a plan, all of one repository: a bounded page of them.
    package func addDecisions(_ items: [RetentionItem], to run: Int64) async throws(CatalogError) {
        precondition(items.count <= CatalogLimits.pageRows)
        try await writer.submit { transaction in
            guard let name = items.first?.repository else { return }
            guard let repository = try transaction.repository(name) else {
                throw CatalogError(.inconsistent, "decisions about \(name), which is not here")
            }
            for item in items {
                try transaction.database.run(
                    SQL.insertDecision,
                    run,
                    item.item,
                    item.root,
                    repository.id,
                    item.tag?.description,
                    item.digest.key,
                    item.isKept ? "keep" : "delete",
                    item.rule,
                    item.reason,
                    item.stamp.rawValue,
                    item.setAt,
                    item.state.rawValue
                )
            }
        }
    }

    /// Ends a plan: from now on it can be applied.
    package func finishPlan(
        _ run: Int64,
        hash: String,
        kept: Int64,
        tags: Int64,
        manifests: Int64,
        bytes: Int64,
        shares: [RetentionShare],
        warnings: [String]
    ) async throws(CatalogError) {
        var json = JSONWriter()
        json.array { json in for warning in warnings { json.string(warning) } }
        let text = json.text
        try await writer.submit { transaction in
            _ = try transaction.database.run(SQL.finishPlan, hash, kept, tags, manifests, bytes, shares.text, text, run)
        }
    }

    /// Gives a run up: its decisions go, a page with each call; what it was stays.
    ///
    /// - Returns: Whether there are more decisions to drop.
    package func discard(_ run: Int64) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            let database = transaction.database
            let dropped = try database.run(SQL.dropDecisions, run, run, CatalogLimits.decisionsDropped)
            guard dropped < CatalogLimits.decisionsDropped else { return true }
            try database.run(SQL.discardRun, run)
            return false
        }
    }

    package func retentionRun(_ id: Int64) async throws(CatalogError) -> RetentionRun? {
        try await readers.readOne { try $0.row(SQL.run, id).map(RetentionRun.init) }
    }

    /// Runs before one, newest first.
    package func retentionRuns(before id: Int64?, limit: Int) async throws(CatalogError) -> [RetentionRun] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { try $0.rows(SQL.runs, id ?? .max, limit).map(RetentionRun.init) }
    }

    /// The decisions of a run after an item, in their order.
    package func decisions(
        of run: Int64,
        after item: Int64,
        limit: Int
    ) async throws(CatalogError) -> [RetentionItem] {
        let limit = Catalog.rows(limit)
        return try await readers.read { try $0.rows(SQL.decisions, run, item, limit).map(RetentionItem.init) }
    }

    /// Whole groups of decisions in a state, those of a root together: after a root in the order of work, or before it
    /// in the opposite one. Empty at the end. A page may be longer than the limit by one group.
    package func groups(
        of run: Int64,
        in state: RetentionItem.State,
        beyond root: Int64?,
        backwards: Bool = false,
        limit: Int
    ) async throws(CatalogError) -> [[RetentionItem]] {
        let limit = max(Catalog.rows(limit), 1)
        return try await readers.read { database in
            let sql = backwards ? SQL.decisionsInStateBackwards : SQL.decisionsInState
            let bound = root ?? (backwards ? .max : 0)
            let rows = try database.rows(sql, run, state.rawValue, bound, limit).map(RetentionItem.init)
            var groups = rows.chunkedByRoot()
            guard rows.count == limit, let last = groups.popLast() else { return groups }
            let whole = try database.rows(SQL.decisionsOfRoot, run, state.rawValue, last[0].root)
                .map(RetentionItem.init)
            return groups + [backwards ? whole.reversed() : whole]
        }
    }

    /// What runs decided on a manifest and its tags, the newest run first.
    package func pastDecisions(
        on digest: Digest,
        in name: RepositoryName,
        limit: Int
    ) async throws(CatalogError) -> [(run: Int64, item: RetentionItem)] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            try database.rows(SQL.pastDecisions, digest.key, name.description, limit).map { row in
                (try row.int(12), try RetentionItem(row))
            }
        }
    }

    /// The repositories from which a run would delete, or has deleted, by name.
    package func repositories(ofRun run: Int64) async throws(CatalogError) -> [RepositoryName] {
        try await readers.read { database in
            try database.rows(SQL.repositoriesOfRun, run).map { try $0.repositoryName(0) }
        }
    }

    /// How many decisions of a run are in each state.
    package func outcomes(of run: Int64) async throws(CatalogError) -> [RetentionItem.State: Int64] {
        try await readers.read { database in
            var counts: [RetentionItem.State: Int64] = [:]
            for row in try database.rows(SQL.countOutcomes, run) {
                counts[try RetentionItem.State(row, 0)] = try row.int(1)
            }
            return counts
        }
    }
}

extension [RetentionItem] {
    fileprivate func chunkedByRoot() -> [[RetentionItem]] {
        var groups: [[RetentionItem]] = []
        for item in self {
            if groups.last?.last?.root == item.root {
                groups[groups.count - 1].append(item)
            } else {
                groups.append([item])
            }
        }
        return groups
    }
}

extension RetentionItem.State {
    fileprivate init(_ row: Row, _ column: Int) throws {
        guard let state = RetentionItem.State(rawValue: try row.text(column)) else {
            throw CatalogError(.inconsistent, "a decision in an unknown state")
        }
        self = state
    }
}

extension RetentionItem {
    fileprivate init(_ row: Row) throws {
        self.init(
            item: try row.int(0),
            root: try row.int(1),
            repository: try row.repositoryName(2),
            tag: try row.optionalText(3).flatMap { Tag($0) },
            digest: try row.digest(4),
            isKept: try row.text(5) == "keep",
            rule: try row.optionalText(6),
            reason: try row.text(7),
            stamp: HybridTimestamp(rawValue: try row.int(8)),
            setAt: try row.optionalInt(9),
            state: try State(row, 10),
            outcome: try row.optionalText(11)
        )
    }
}

extension RetentionRun {
    fileprivate init(_ row: Row) throws {
        guard let state = RetentionRunState(rawValue: try row.text(1)) else {
            throw CatalogError(.inconsistent, "a run in an unknown state")
        }
        let warnings = try? JSONValue(parsing: Array(row.text(14).utf8))
        self.init(
            id: try row.int(0),
            state: state,
            scope: try row.text(2),
            policy: try row.text(3),
            planHash: try row.optionalText(4),
            actor: try row.text(5),
            plannedAt: try row.int(6),
            appliedAt: try row.optionalInt(7),
            undoUntil: try row.optionalInt(8).map(ServiceTime.init(seconds:)),
            restoredAt: try row.optionalInt(9),
            kept: try row.int(10),
            tags: try row.int(11),
            manifests: try row.int(12),
            bytes: try row.int(13),
            shares: try [RetentionShare](text: row.text(15)),
            warnings: warnings?.elements?.compactMap(\.text) ?? []
        )
    }
}
