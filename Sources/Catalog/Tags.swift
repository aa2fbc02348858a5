// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// Why a tag no longer has a value.
package enum TagEnd: String, Sendable {
    /// It was set to another manifest.
    case moved
    /// It was deleted.
    case deleted
    /// Its manifest was deleted.
    case manifestDeleted = "manifest-deleted"
    /// A rule of retention deleted it.
    case retention
    /// Another region set or deleted the tag without knowing this value, and counts.
    case conflict
}

/// A value that a tag no longer has.
package struct TagHistoryEntry: Sendable, Hashable {
    package let sequence: Int64
    package let digest: Digest
    /// When the value ended, who ended it, where and why.
    package let ended: HybridTimestamp
    package let region: String
    package let actor: String
    package let reason: TagEnd
}

package enum TagDeletion: Sendable, Hashable {
    case deleted(event: EventID, former: Digest)
    case notFound
    case preconditionFailed(current: Digest?)
    /// Refused: a hold or a lock is on it.
    case bound(PinRecord)
}

extension SQL {
    static let tagDigest = "SELECT digest FROM tag WHERE repo_id = ? AND name = ?"
    /// The value that a tag had last, when it has none now.
    static let lastTagDigest = """
        SELECT COALESCE(digest, former) FROM tag_write
        WHERE repo_id = ? AND name = ? ORDER BY hlc DESC, region DESC LIMIT 1
        """
    static let setTag = """
        INSERT INTO tag(repo_id, name, digest, live, hlc, region) VALUES (?, ?, ?, 1, ?, ?)
        ON CONFLICT(repo_id, name) DO UPDATE SET digest = excluded.digest, hlc = excluded.hlc, region = excluded.region,
            set_at = NULL
        """
    static let deleteTag = "DELETE FROM tag WHERE repo_id = ? AND name = ?"
    static let lastHistory = "SELECT MAX(seq) FROM tag_history WHERE repo_id = ? AND name = ?"
    static let insertHistory = """
        INSERT INTO tag_history(repo_id, name, seq, digest, hlc, region, actor, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let trimHistory = "DELETE FROM tag_history WHERE repo_id = ? AND name = ? AND seq <= ?"
    static let tags = """
        SELECT t.name FROM tag t JOIN repo r ON r.id = t.repo_id
        WHERE r.name = ? AND t.name > ? ORDER BY t.name LIMIT ?
        """
    static let newestTags = """
        SELECT t.name FROM tag t JOIN repo r ON r.id = t.repo_id WHERE r.name = ?
        ORDER BY t.hlc DESC, t.region DESC, t.name LIMIT ?
        """
    static let tagHistory = """
        SELECT h.seq, h.digest, h.hlc, h.region, h.actor, h.why FROM tag_history h JOIN repo r ON r.id = h.repo_id
        WHERE r.name = ? AND h.name = ? AND h.seq < ? ORDER BY h.seq DESC LIMIT ?
        """
}

extension Transaction {
    func currentDigest(of tag: Tag, in repository: Repository) throws -> Digest? {
        try database.row(SQL.tagDigest, repository.id, tag.description)?.digest(0)
    }

    /// Sets a tag to a live manifest, keeping its former value in the history. The caller counts new tags.
    ///
    /// `exempted` says that an immutable tag was overwritten by a right to do so; `homeEpoch` is set for an immutable
    /// tag.
    func setTag(
        _ change: TagChange,
        to digest: Digest,
        exempted: Bool,
        homeEpoch: Int64?,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws -> EventID {
        try placeTag(change, to: digest, in: repository, context)
        let write = TagWrite(
            stamp: stamp,
            digest: digest,
            former: change.former,
            isExempted: exempted,
            homeEpoch: homeEpoch
        )
        try note(write, of: change.tag, in: repository)
        var body: [String: CanonicalJSON] = [
            "tag": .string(change.tag.description),
            "digest": .string(digest.description),
            "former": CanonicalJSON(change.former?.description),
        ]
        if exempted { body["exempted"] = .bool(true) }
        if let homeEpoch { body["home_epoch"] = .integer(homeEpoch) }
        if repository.isSparse { body["sparse"] = .bool(true) }
        let subject = change.tag.description
        return try record(.tagSet, repository, context, subject: subject, digest: digest, body)
    }

    /// The rows of a tag that is set.
    func placeTag(
        _ change: TagChange,
        to digest: Digest,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        if let former = change.former, former != digest {
            try remember(change.tag, former, .moved, in: repository, context)
            loosen(former, in: repository)
        }
        try touch(digest, in: repository)
        try database.run(
            SQL.setTag,
            repository.id,
            change.tag.description,
            digest.key,
            stamp.time.rawValue,
            stamp.origin
        )
    }

    /// Removes a tag, keeping its value in the history. The caller counts it. `details` go into the event.
    func removeTag(
        _ tag: Tag,
        _ former: Digest,
        _ reason: TagEnd,
        in repository: Repository,
        _ context: Catalog.Context,
        also details: [String: CanonicalJSON] = [:]
    ) throws -> EventID {
        try dropTag(tag, former, reason, in: repository, context)
        try note(TagWrite(stamp: stamp, digest: nil, former: former), of: tag, in: repository)
        var body = details
        body["tag"] = .string(tag.description)
        body["former"] = .string(former.description)
        body["why"] = .string(reason.rawValue)
        return try record(
            .tagDeleted,
            repository,
            context,
            subject: tag.description,
            digest: former,
            body
        )
    }

    /// The rows of a tag that goes.
    func dropTag(
        _ tag: Tag,
        _ former: Digest,
        _ reason: TagEnd,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        try remember(tag, former, reason, in: repository, context)
        try raiseTrust(subject: nil, children: [], tags: [tag], in: repository)
        try database.run(SQL.deleteTag, repository.id, tag.description)
        loosen(former, in: repository)
    }

    /// Adds a value to the history of a tag.
    func remember(
        _ tag: Tag,
        _ digest: Digest,
        _ reason: TagEnd,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        let last = try database.row(SQL.lastHistory, repository.id, tag.description)?.optionalInt(0) ?? 0
        try database.run(
            SQL.insertHistory,
            repository.id,
            tag.description,
            last + 1,
            digest.key,
            stamp.time.rawValue,
            stamp.origin,
            context.actor,
            reason.rawValue
        )
        let oldest = last + 1 - Int64(CatalogLimits.historyPerTag)
        if oldest > 0 { try database.run(SQL.trimHistory, repository.id, tag.description, oldest) }
    }
}

extension Catalog {
    /// Removes a tag and nothing else. Refused under a hold or a lock. The condition is about its current digest.
    package func deleteTag(
        _ tag: Tag,
        in name: RepositoryName,
        condition: Precondition = .none,
        context: Context
    ) async throws(CatalogError) -> TagDeletion {
        try await writer.submit { transaction in
            let repository = try transaction.repository(name)
            let current = try repository.flatMap { try transaction.currentDigest(of: tag, in: $0) }
            guard condition.holds(for: current) else { return .preconditionFailed(current: current) }
            guard let repository, let current else { return .notFound }
            if let bond = try transaction.bond(on: .tag(tag), in: repository) { return .bound(bond) }
            let event = try transaction.removeTag(tag, current, .deleted, in: repository, context)
            try transaction.account(repository, tags: -1)
            try transaction.changed(repository, tags: -1)
            return .deleted(event: event, former: current)
        }
    }

    /// The tags of a repository after one, in byte order; nil when the repository is unknown.
    package func tags(
        in name: RepositoryName,
        after: Tag?,
        limit: Int
    ) async throws(CatalogError) -> [Tag]? {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            let tags = try database.rows(SQL.tags, name.description, after?.description ?? "", limit)
            if tags.isEmpty, try database.row(SQL.repositoryHasContent, name.description) == nil { return nil }
            return try tags.map { try $0.tag(0) }
        }
    }

    /// The tags of a repository that were set last, the latest first; nil when the repository is unknown. Reads all of
    /// its tags.
    package func newestTags(in name: RepositoryName, limit: Int) async throws(CatalogError) -> [Tag]? {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            let tags = try database.rows(SQL.newestTags, name.description, limit)
            if tags.isEmpty, try database.row(SQL.repositoryHasContent, name.description) == nil { return nil }
            return try tags.map { try $0.tag(0) }
        }
    }

    /// The values that a tag had, newest first, before a sequence number of an earlier page. At most 1 000 are kept.
    package func tagHistory(
        _ tag: Tag,
        in name: RepositoryName,
        before sequence: Int64? = nil,
        limit: Int
    ) async throws(CatalogError) -> [TagHistoryEntry] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(
                SQL.tagHistory,
                name.description,
                tag.description,
                sequence ?? Int64.max,
                limit
            ).map(TagHistoryEntry.init)
        }
    }
}

extension TagHistoryEntry {
    fileprivate init(_ row: Row) throws {
        guard let reason = TagEnd(rawValue: try row.text(5)) else {
            throw CatalogError(.inconsistent, "an unknown reason in the history of a tag")
        }
        self.init(
            sequence: try row.int(0),
            digest: try row.digest(1),
            ended: HybridTimestamp(rawValue: try row.int(2)),
            region: try row.text(3),
            actor: try row.text(4),
            reason: reason
        )
    }
}
