// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// What became of a group of decisions.
package enum RetentionOutcome: Sendable, Hashable {
    /// So many tags and manifests went.
    case done(tags: Int, manifests: Int)
    /// Something has changed since the plan; nothing of the group went.
    case skipped(reason: String)
    /// An index that is to go, but has not gone yet, holds it: to be tried again after the others.
    case held(reason: String)
}

/// Says why a digest, or one of its tags, must stay whatever a plan says; nil where nothing keeps it. Called inside the
/// transaction that would delete it.
package typealias RetentionGuard =
    @Sendable (Transaction, RepositoryName, Digest, [Tag]) throws -> String?

extension SQL {
    static let beginApplying = """
        UPDATE retention_run SET state = 'applying', applied_at = ?, undo_until_st = ?
        WHERE id = ? AND state = 'planned' AND plan_hash = ?
        """
    static let moveRun = "UPDATE retention_run SET state = ? WHERE id = ? AND state = ?"
    static let endRestoring = """
        UPDATE retention_run SET state = 'restored', restored_at = ? WHERE id = ? AND state = 'restoring'
        """
    static let extendUndo = "UPDATE retention_run SET undo_until_st = ? WHERE id = ?"
    static let setDecision = "UPDATE retention_decision SET state = ?, outcome = ? WHERE run_id = ? AND item = ?"
    static let tagStamp = "SELECT digest, hlc FROM tag WHERE repo_id = ? AND name = ?"
    static let manifestStamp = "SELECT id, live, touch_hlc FROM manifest WHERE repo_id = ? AND digest = ?"
    static let liveReferrers = """
        SELECT digest FROM manifest WHERE repo_id = ? AND subject = ? AND live = 1 ORDER BY digest LIMIT ?
        """
}

extension Catalog {
    /// Begins to apply a plan, with the event that says so.
    ///
    /// - Returns: False where the run is not a plan any more, or has another hash.
    package func beginApplying(
        _ run: RetentionRun,
        hash: String,
        now: Int64,
        context: Context
    ) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            let undo = transaction.now.advanced(by: transaction.settings.undo).seconds
            guard try transaction.database.run(SQL.beginApplying, now, undo, run.id, hash) == 1 else { return false }
            try transaction.recordRun("apply", run, context)
            return true
        }
    }

    /// Begins to undo a run, with the event that says so.
    ///
    /// - Returns: False where the run is not applied.
    package func beginRestoring(_ run: RetentionRun, context: Context) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            guard try transaction.database.run(SQL.moveRun, "restoring", run.id, "applied") == 1 else { return false }
            try transaction.recordRun("restore", run, context)
            return true
        }
    }

    /// Ends what was begun. What was applied can be undone for the whole window from now.
    package func endApplying(_ run: Int64) async throws(CatalogError) {
        try await writer.submit { transaction in
            let undo = transaction.now.advanced(by: transaction.settings.undo).seconds
            try transaction.database.run(SQL.extendUndo, undo, run)
            _ = try transaction.database.run(SQL.moveRun, "applied", run, "applying")
        }
    }

    package func endRestoring(_ run: Int64, now: Int64) async throws(CatalogError) {
        try await writer.submit { transaction in
            _ = try transaction.database.run(SQL.endRestoring, now, run)
        }
    }

    /// Applies one group of decisions, in one transaction: its tags go, and its manifests are trashed, unless anything
    /// about them has changed since the plan was made. Then nothing of the group goes.
    ///
    /// Crash story: the decisions change their state with the rows, so a run that was cut off goes on with the first
    /// group that is still planned.
    package func apply(
        _ group: [RetentionItem],
        of run: Int64,
        unless keeps: @escaping RetentionGuard,
        context: Context
    ) async throws(CatalogError) -> RetentionOutcome {
        try await writer.submit { transaction in
            guard let first = group.first, let repository = try transaction.repository(first.repository) else {
                return .skipped(reason: "its repository is gone")
            }
            let work = RetentionGroup(transaction: transaction, repository: repository, run: run, context: context)
            let outcome = try work.apply(group, unless: keeps)
            switch outcome {
            case .done: try transaction.settle(group, of: run, as: .done, nil)
            case .skipped(let reason): try transaction.settle(group, of: run, as: .skipped, reason)
            case .held: break
            }
            return outcome
        }
    }

    /// Gives a group up that an index holds which did not go.
    package func skip(_ group: [RetentionItem], of run: Int64, reason: String) async throws(CatalogError) {
        try await writer.submit { try $0.settle(group, of: run, as: .skipped, reason) }
    }
}

extension Transaction {
    fileprivate func recordRun(_ action: String, _ run: RetentionRun, _ context: Catalog.Context) throws {
        try record(
            .retentionRun,
            nil,
            context,
            subject: "run-\(run.id)",
            [
                "run": .integer(run.id),
                "action": .string(action),
                "plan": CanonicalJSON(run.planHash),
                "policy": .string(run.policy),
                "tags": .integer(run.tags),
                "manifests": .integer(run.manifests),
                "bytes": .integer(run.bytes),
            ]
        )
    }

    func settle(
        _ group: [RetentionItem],
        of run: Int64,
        as state: RetentionItem.State,
        _ outcome: String?
    ) throws {
        let outcome = outcome.map { Catalog.Context.cut($0, to: CatalogLimits.outcomeBytes) }
        for item in group { try database.run(SQL.setDecision, state.rawValue, outcome, run, item.item) }
    }
}

/// One group of decisions while it is applied, on the writer's thread.
private struct RetentionGroup {
    let transaction: Transaction
    let repository: Repository
    let run: Int64
    let context: Catalog.Context

    private var database: Database { transaction.database }

    /// Everything is checked before the first row is written.
    func apply(_ group: [RetentionItem], unless keeps: RetentionGuard) throws -> RetentionOutcome {
        let tags = group.compactMap { item in item.tag.map { (tag: $0, item: item) } }
        let manifests = group.filter { $0.tag == nil }
        if let reason = try changedTag(tags) { return .skipped(reason: reason) }
        let going = Set(manifests.map(\.digest))
        var ids: [(digest: Digest, id: Int64, rule: String?)] = []
        for item in manifests {
            switch try check(item, going, tags.filter { $0.item.digest == item.digest }.map(\.tag)) {
            case .success(let id): ids.append((item.digest, id, item.rule))
            case .failure(let stop): return stop.outcome
            }
        }
        let digests = going.union(tags.map(\.item.digest))
        for digest in digests.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let named = tags.filter { $0.item.digest == digest }.map(\.tag)
            if let reason = try keeps(transaction, repository.name, digest, named) { return .skipped(reason: reason) }
        }
        for (tag, item) in tags {
            _ = try transaction.removeTag(
                tag,
                item.digest,
                .retention,
                in: repository,
                context,
                also: details(item.rule)
            )
        }
        try transaction.account(repository, tags: -tags.count)
        try transaction.changed(repository, tags: -tags.count)
        for (digest, id, rule) in ids {
            let deletion = try transaction.trash(digest, id, in: repository, context, also: details(rule))
            guard case .deleted = deletion else {
                throw CatalogError(.inconsistent, "\(digest) was checked and cannot be trashed")
            }
        }
        return .done(tags: tags.count, manifests: ids.count)
    }

    private func details(_ rule: String?) -> [String: CanonicalJSON] {
        ["run": .integer(run), "rule": CanonicalJSON(rule)]
    }

    private func changedTag(_ tags: [(tag: Tag, item: RetentionItem)]) throws -> String? {
        for (tag, item) in tags {
            guard let row = try database.row(SQL.tagStamp, repository.id, tag.description) else {
                return "the tag \(tag) was deleted since"
            }
            guard try row.digest(0) == item.digest, try row.int(1) == item.stamp.rawValue else {
                return "the tag \(tag) was set since"
            }
        }
        return nil
    }

    private struct Stop: Error {
        let outcome: RetentionOutcome
    }

    /// The row of a manifest that may go, with nothing that would be left behind.
    private func check(_ item: RetentionItem, _ going: Set<Digest>, _ tags: [Tag]) throws -> Result<Int64, Stop> {
        let stop = { (reason: String) in Result<Int64, Stop>.failure(Stop(outcome: .skipped(reason: reason))) }
        let digest = item.digest
        guard let row = try database.row(SQL.manifestStamp, repository.id, digest.key), try row.flag(1) else {
            return stop("\(digest) was deleted since")
        }
        guard try row.int(2) == item.stamp.rawValue else { return stop("\(digest) was pushed since") }
        let named = try database.rows(SQL.tagsOfManifest, repository.id, digest.key, tags.count + 1)
            .map { try $0.tag(0) }
        if let other = named.first(where: { !tags.contains($0) }) {
            return stop("\(digest) has the tag \(other) now")
        }
        if let parent = try database.row(SQL.liveParents, repository.id, digest.key, 1)?.digest(0) {
            return .failure(Stop(outcome: .held(reason: "the index \(parent) holds it")))
        }
        let referrers = try database.rows(SQL.liveReferrers, repository.id, digest.key, going.count + 1)
            .map { try $0.digest(0) }
        if let other = referrers.first(where: { !going.contains($0) }) {
            return stop("\(other) describes it since")
        }
        return .success(try row.int(0))
    }
}
