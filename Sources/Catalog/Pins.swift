// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// What a pin keeps away.
package enum PinKind: String, Sendable, Hashable, CaseIterable {
    /// Rules of retention.
    case pin
    /// Rules and people, until an administrator lifts it.
    case hold
    /// Rules and people, until its date.
    case lock

    /// Whether people may not delete or move what has it.
    package var bindsPeople: Bool { self != .pin }
}

/// A tag or a digest that is kept, why, and by whose will.
package struct PinRecord: Sendable, Hashable {
    package let id: Int64
    package let repository: RepositoryName
    package let kind: PinKind
    package let subject: Reference
    /// Seconds since 1970 at which it ends; nil where it stands until it is removed.
    package let until: Int64?
    package let reason: String
    package let actor: String
    /// Seconds since 1970.
    package let since: Int64
}

package enum PinSetting: Sendable, Hashable {
    /// `isTrashed` says that the manifest is deleted, and stays only for its undo window unless it is brought back.
    case set(event: EventID, isTrashed: Bool)
    /// The repository has no such tag or manifest.
    case unknown
    /// It is locked until then; a lock is prolonged, never shortened.
    case shortens(until: Int64)
    /// The date is over, or further away than a lock may be.
    case badDate(now: Int64)
    case tooMany(limit: Int)
}

package enum PinRemoval: Sendable, Hashable {
    case removed(event: EventID)
    case notFound
    case locked(PinRecord)
}

extension SQL {
    private static let pinColumns = """
        SELECT p.id, r.name, p.kind, p.tag, p.digest, p.until, p.reason, p.actor, p.since
        FROM pin p JOIN repo r ON r.id = p.repo_id
        """
    static let pinsOfRepository = pinColumns + " WHERE p.repo_id = ? AND p.id > ? ORDER BY p.id LIMIT ?"
    static let pins = pinColumns + " WHERE p.id > ? ORDER BY p.id LIMIT ?"
    static let pinsOfTag = pinColumns + " WHERE p.repo_id = ? AND p.tag = ?"
    static let pinsOfDigest = pinColumns + " WHERE p.repo_id = ? AND p.digest = ?"
    /// Of all tags of a manifest at once: from the tags on, for a repository may have many pins.
    static let pinsOfTagsOfManifest = """
        SELECT p.id, r.name, p.kind, p.tag, p.digest, p.until, p.reason, p.actor, p.since
        FROM tag t CROSS JOIN pin p JOIN repo r ON r.id = p.repo_id
        WHERE t.repo_id = ? AND t.digest = ? AND t.live = 1 AND p.repo_id = t.repo_id AND p.tag = t.name
        """
    static let countPins = "SELECT COUNT(*) FROM (SELECT 1 FROM pin WHERE repo_id = ? LIMIT ?) AS bounded"
    static let setTagPin = """
        INSERT INTO pin(repo_id, kind, tag, until, reason, actor, since) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, tag, kind) WHERE tag IS NOT NULL
            DO UPDATE SET until = excluded.until, reason = excluded.reason, actor = excluded.actor
        """
    static let setDigestPin = """
        INSERT INTO pin(repo_id, kind, digest, until, reason, actor, since) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, digest, kind) WHERE digest IS NOT NULL
            DO UPDATE SET until = excluded.until, reason = excluded.reason, actor = excluded.actor
        """
}

extension Catalog {
    /// Pins a tag or a digest, or gives a pin another reason and date. Durable on return, with its event.
    package func setPin(
        _ kind: PinKind,
        on subject: Reference,
        in name: RepositoryName,
        until: Int64?,
        reason: String,
        context: Context
    ) async throws(CatalogError) -> PinSetting {
        let reason = Context.cut(reason, to: ProtectionLimits.pinReasonBytes)
        return try await writer.submit { transaction in
            guard let repository = try transaction.repository(name),
                let isLive = try transaction.isLive(subject, in: repository)
            else { return .unknown }
            let now = transaction.wallSeconds
            if let until, until <= now || until > now + ProtectionLimits.lockSeconds { return .badDate(now: now) }
            let former = try transaction.pins(on: subject, in: repository).first { $0.kind == kind }
            if kind == .lock, let end = former?.until, end > now, until ?? 0 < end { return .shortens(until: end) }
            let limit = ProtectionLimits.pinsPerRepository
            if former == nil,
                try transaction.database.row(SQL.countPins, repository.id, limit)?.int(0) ?? 0 >= Int64(limit)
            {
                return .tooMany(limit: limit)
            }
            try transaction.change(
                RegisterKey(repository: repository.id, pin: kind, subject: subject),
                .set(transaction.stamp, until: until, reason: reason, actor: context.actor)
            )
            let event = try transaction.record(.holdSet, kind, subject, until, reason, in: repository, context)
            return .set(event: event, isTrashed: !isLive)
        }
    }

    /// Removes a pin or a hold, and a lock whose date is over. Durable on return, with its event.
    package func removePin(
        _ kind: PinKind,
        from subject: Reference,
        in name: RepositoryName,
        context: Context
    ) async throws(CatalogError) -> PinRemoval {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(name),
                let pin = try transaction.pins(on: subject, in: repository).first(where: { $0.kind == kind })
            else { return .notFound }
            if kind == .lock, pin.isInForce(at: transaction.wallSeconds) { return .locked(pin) }
            let key = RegisterKey(repository: repository.id, pin: kind, subject: subject)
            try transaction.change(key, .cleared(transaction.timestamp))
            return .removed(
                event: try transaction.record(.holdCleared, kind, subject, nil, pin.reason, in: repository, context)
            )
        }
    }

    /// Pins after an id, of one repository or of all; those whose date is over are among them.
    package func pins(
        in name: RepositoryName?,
        after id: Int64,
        limit: Int
    ) async throws(CatalogError) -> [PinRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            guard let name else { return try database.rows(SQL.pins, id, limit).map(PinRecord.init) }
            guard let repository = try database.row(SQL.repository, name.description)?.int(0) else { return [] }
            return try database.rows(SQL.pinsOfRepository, repository, id, limit).map(PinRecord.init)
        }
    }
}

extension Transaction {
    func pins(on subject: Reference, in repository: Repository) throws -> [PinRecord] {
        let rows =
            switch subject {
            case .tag(let tag): try database.rows(SQL.pinsOfTag, repository.id, tag.description)
            case .digest(let digest): try database.rows(SQL.pinsOfDigest, repository.id, digest.key)
            }
        return try rows.map(PinRecord.init)
    }

    /// What forbids people to delete a manifest: a hold or a lock on it or on a tag of it.
    func bond(on digest: Digest, in repository: Repository) throws -> PinRecord? {
        if let bond = try bond(on: .digest(digest), in: repository) { return bond }
        return try database.rows(SQL.pinsOfTagsOfManifest, repository.id, digest.key)
            .map(PinRecord.init).first { $0.binds(at: wallSeconds) }
    }

    /// What forbids people to delete or move a tag, or to delete a manifest by what is on itself: a hold or a lock.
    func bond(on subject: Reference, in repository: Repository) throws -> PinRecord? {
        try pins(on: subject, in: repository).first { $0.binds(at: wallSeconds) }
    }

    /// Whether what is named is live; nil where it is not there at all.
    fileprivate func isLive(_ subject: Reference, in repository: Repository) throws -> Bool? {
        switch subject {
        case .tag(let tag): try currentDigest(of: tag, in: repository).map { _ in true }
        case .digest(let digest): try database.row(SQL.manifestRow, repository.id, digest.key)?.flag(1)
        }
    }

    fileprivate func record(
        _ event: EventKind,
        _ kind: PinKind,
        _ subject: Reference,
        _ until: Int64?,
        _ reason: String,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws -> EventID {
        var body: [String: CanonicalJSON] = ["kind": .string(kind.rawValue), "reason": .string(reason)]
        var digest: Digest?
        switch subject {
        case .tag(let tag): body["tag"] = .string(tag.description)
        case .digest(let named):
            body["digest"] = .string(named.description)
            digest = named
        }
        if let until { body["until"] = .integer(until) }
        return try record(event, repository, context, subject: subject.description, digest: digest, body)
    }
}

extension PinRecord {
    /// Whether it stands at a time, in seconds since 1970.
    package func isInForce(at now: Int64) -> Bool { until.map { $0 > now } ?? true }

    fileprivate func binds(at now: Int64) -> Bool { kind.bindsPeople && isInForce(at: now) }

    init(_ row: Row) throws {
        guard let kind = PinKind(rawValue: try row.text(2)) else {
            throw CatalogError(.inconsistent, "a pin of an unknown kind")
        }
        let subject: Reference
        if let digest = try row.optionalDigest(4) {
            subject = .digest(digest)
        } else {
            subject = .tag(try row.tag(3))
        }
        self.init(
            id: try row.int(0),
            repository: try row.repositoryName(1),
            kind: kind,
            subject: subject,
            until: try row.optionalInt(5),
            reason: try row.text(6),
            actor: try row.text(7),
            since: try row.int(8)
        )
    }
}
