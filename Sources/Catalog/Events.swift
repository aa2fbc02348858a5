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

/// The kinds of change that the core writes to the log.
enum EventKind: String {
    case repositoryCreated = "repo.create"
    case manifestPut = "manifest.put"
    case manifestTrashed = "manifest.trash"
    case tagSet = "tag.set"
    case tagDeleted = "tag.delete"
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
/// | `actor` | an opaque id of who did it |
/// | `request` | the id of the request |
/// | `body` | an object that depends on the kind |
struct EventLeaf {
    static let saltBytes = 16

    let kind: EventKind
    let origin: String
    let timestamp: HybridTimestamp
    let repository: RepositoryName?
    let context: Catalog.Context
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
            "actor": .string(context.actor),
            "request": .string(context.requestID),
            "body": .object(body),
        ]).bytes
    }
}

extension SQL {
    static let insertEvent = """
        INSERT INTO event(kind, repo_id, hlc, leaf) VALUES (?, ?, ?, ?) RETURNING id
        """
    static let lastEventTime = "SELECT hlc FROM event ORDER BY id DESC LIMIT 1"
}

extension Transaction {
    /// Writes the event of a change in the change's own savepoint: neither is ever there without the other.
    @discardableResult
    func record(
        _ kind: EventKind,
        _ repository: Repository,
        _ context: Catalog.Context,
        _ body: [String: CanonicalJSON]
    ) throws -> EventID {
        let leaf = EventLeaf(
            kind: kind,
            origin: settings.origin,
            timestamp: timestamp,
            repository: repository.name,
            context: context,
            salt: randomBytes(EventLeaf.saltBytes),
            body: body
        ).bytes
        guard leaf.count <= CatalogLimits.leafBytes else {
            throw CatalogError(.inconsistent, "a leaf of \(leaf.count) bytes")
        }
        let row = try database.row(
            SQL.insertEvent,
            kind.rawValue,
            repository.id,
            timestamp.rawValue,
            Data(leaf)
        )
        guard let row else { throw CatalogError(.inconsistent, "an event without an id") }
        return try EventID(rawValue: row.int(0))
    }
}
