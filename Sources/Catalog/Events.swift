// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
import OCI

/// The id of an event: ascending in the order of commits, known before the event has its place in the log.
package struct EventID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package var description: String { String(rawValue) }

    package static func < (left: EventID, right: EventID) -> Bool { left.rawValue < right.rawValue }
}

/// The kinds of change that are written to the log.
enum EventKind: String {
    case repositoryCreated = "repo.create"
    case homeSet = "repo.home"
    case manifestPut = "manifest.put"
    case manifestTrashed = "manifest.trash"
    case manifestRestored = "manifest.restore"
    case manifestPurged = "manifest.purge"
    case tagSet = "tag.set"
    case tagDeleted = "tag.delete"
    case rulesSet = "rule.set"
    case robotCreated = "robot.create"
    case robotRotated = "robot.rotate"
    case robotRevoked = "robot.revoke"
    case keyRotated = "key.rotate"
    case policySet = "policy.set"
    case quarantineSet = "quarantine.set"
    case quarantineCleared = "quarantine.clear"
    case holdSet = "hold.set"
    case holdCleared = "hold.clear"
    case retentionSet = "retention.set"
    case retentionRun = "retention.run"
    case deploymentReported = "deploy.report"
    case buildReported = "build.report"
    case imagePromoted = "image.promote"
    case deploymentStepped = "deploy.step"
    case conflictResolved = "conflict.resolve"
    case originChanged = "origin.continue"
    case maintenanceSet = "maintenance.set"
    case maintenanceEnded = "maintenance.end"
}

/// One leaf of the log, version 1: a JSON object in canonical form.
///
/// | key | value |
/// | --- | --- |
/// | `v` | 1 |
/// | `salt` | 16 random bytes in base64: the hash of a leaf is public and its content must not be guessable from it |
/// | `kind` | a name of `EventKind` |
/// | `origin` | the log's origin |
/// | `hlc` | the timestamp as a string of digits: it exceeds what readers of JSON keep of a number |
/// | `repo` | the repository's name, or null |
/// | `actor` | a name for who did it, which the table `actor` alone connects with a principal |
/// | `request` | the id of the request |
/// | `body` | an object that depends on the kind |
///
/// The log is public: who the actor is, how he was authenticated and where he came from stands in tables of the catalog
/// alone.
struct EventLeaf {
    static let saltBytes = 16
    /// Random bytes of an actor's name in the log.
    static let pseudonymBytes = 10

    static func isPseudonym(_ text: String) -> Bool {
        let digits = text.dropFirst(2)
        return text.hasPrefix("a-") && digits.utf8.count == 2 * pseudonymBytes && digits.allSatisfy(\.isHexDigit)
    }

    let kind: EventKind
    let origin: String
    let timestamp: HybridTimestamp
    let repository: RepositoryName?
    /// The actor's name in the log.
    let actor: String
    let requestID: String
    let salt: [UInt8]
    let body: [String: CanonicalJSON]

    var bytes: [UInt8] {
        CanonicalJSON.object([
            "v": .integer(1),
            "salt": .string(Data(salt).base64EncodedString()),
            "kind": .string(kind.rawValue),
            "origin": .string(origin),
            "hlc": .string(timestamp.description),
            "repo": CanonicalJSON(repository?.description),
            "actor": .string(actor),
            "request": .string(requestID),
            "body": .object(body),
        ]).bytes
    }
}

extension SQL {
    static let insertEvent = """
        INSERT INTO event(kind, repo_id, hlc, leaf, subject) VALUES (?, ?, ?, ?, ?) RETURNING id
        """
    static let actorPseudonym = "SELECT pseudonym FROM actor WHERE name = ?"
    static let insertActor = "INSERT INTO actor(name, pseudonym) VALUES (?, ?)"
    static let lastEventTime = "SELECT hlc FROM event ORDER BY id DESC LIMIT 1"
}

extension Transaction {
    /// Writes the event of a change and its audit row in the change's own savepoint: none is ever there without the
    /// others. `subject` is the tag, digest or name that changed.
    @discardableResult
    func record(
        _ kind: EventKind,
        _ repository: Repository?,
        _ context: Catalog.Context,
        subject: String? = nil,
        digest: Digest? = nil,
        _ body: [String: CanonicalJSON]
    ) throws -> EventID {
        let leaf = EventLeaf(
            kind: kind,
            origin: settings.origin,
            timestamp: timestamp,
            repository: repository?.name,
            actor: try pseudonym(of: context.actor),
            requestID: context.requestID,
            salt: randomBytes(EventLeaf.saltBytes),
            body: body
        ).bytes
        guard leaf.count <= CatalogLimits.leafBytes else {
            throw CatalogError(.inconsistent, "a leaf of \(leaf.count) bytes")
        }
        let row = try database.row(
            SQL.insertEvent,
            kind.rawValue,
            repository?.id,
            timestamp.rawValue,
            Data(leaf),
            subject
        )
        guard let row else { throw CatalogError(.inconsistent, "an event without an id") }
        let id = try EventID(rawValue: row.int(0))
        try audit(kind.rawValue, repository, context, subject: subject, digest: digest, event: id)
        count(id)
        return id
    }

    /// The name that who reported something has in the log: whom another region's log named keeps that name.
    func logName(of reporter: String) throws -> String {
        EventLeaf.isPseudonym(reporter) ? reporter : try pseudonym(of: reporter)
    }

    /// The name that a principal has in the log: made when it is first needed, the same from then on.
    private func pseudonym(of actor: String) throws -> String {
        if let row = try database.row(SQL.actorPseudonym, actor) { return try row.text(0) }
        let digits = randomBytes(EventLeaf.pseudonymBytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        let pseudonym = "a-" + digits.joined()
        try database.run(SQL.insertActor, actor, pseudonym)
        return pseudonym
    }
}
