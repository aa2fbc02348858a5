// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// A tag or a manifest that is not what the newest event about it says.
package struct UnmetEntry: Sendable, Hashable, CustomStringConvertible {
    /// A sentence for people.
    package let description: String
}

/// Where a walk over all tags and manifests is.
package struct SubjectMark: Sendable, Hashable {
    let repository: Int64
    let subject: String

    package static let start = SubjectMark(repository: 0, subject: "")
}

extension SQL {
    /// The newest event about each tag and each manifest of the repositories.
    static let newestOfSubjects = """
        SELECT e.repo_id, e.subject, MAX(e.id) FROM event e
        WHERE e.subject IS NOT NULL AND (e.repo_id, e.subject) > (?, ?) AND e.kind IN
            ('manifest.put', 'manifest.trash', 'manifest.restore', 'manifest.purge', 'tag.set', 'tag.delete')
        GROUP BY e.repo_id, e.subject ORDER BY e.repo_id, e.subject LIMIT ?
        """
    static let eventAndRepository = """
        SELECT e.kind, e.leaf, r.name FROM event e JOIN repo r ON r.id = e.repo_id WHERE e.id = ?
        """
    static let lostBlobs = """
        SELECT r.name, m.digest, l.digest FROM repo_blob l
        JOIN ref_blob e ON e.repo_id = l.repo_id AND e.digest = l.digest
        JOIN manifest m ON m.id = e.manifest_id JOIN repo r ON r.id = m.repo_id
        WHERE l.digest IN (SELECT digest FROM blob WHERE health <> 'ok') AND m.live = 1 LIMIT ?
        """
}

extension Catalog {
    /// Holds tags and manifests against what the events say that they are. Empty in a sound catalog; after a replay, it
    /// is what the log has and bytes are missing for. Reads a page: `next` is nil at the end.
    package func unmetEntries(
        after mark: SubjectMark,
        limit: Int
    ) async throws(CatalogError) -> (unmet: [UnmetEntry], next: SubjectMark?) {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            var unmet: [UnmetEntry] = []
            var next: SubjectMark?
            let subjects = try database.rows(SQL.newestOfSubjects, mark.repository, mark.subject, limit)
            for row in subjects {
                let place = SubjectMark(repository: try row.int(0), subject: try row.text(1))
                next = place
                guard let event = try database.row(SQL.eventAndRepository, row.int(2)) else { continue }
                let change = try LoggedChange(parsing: event.bytes(1))
                if let reason = try database.contradiction(of: change, place) {
                    let separator = change.tag == nil ? "@" : ":"
                    unmet.append(UnmetEntry(description: "\(try event.text(2))\(separator)\(place.subject): \(reason)"))
                }
            }
            return (unmet, subjects.count < limit ? nil : next)
        }
    }

    /// Blobs of live manifests that are known and not here, as sentences.
    package func lostBlobs(limit: Int) async throws(CatalogError) -> [UnmetEntry] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.lostBlobs, limit).map { row in
                UnmetEntry(
                    description: "\(try row.text(0))@\(try row.digest(1)): its blob \(try row.digest(2)) is missing"
                )
            }
        }
    }
}

extension Database {
    /// How the rows of a tag or manifest contradict the newest change of it; nil where they do not.
    fileprivate func contradiction(of change: LoggedChange, _ place: SubjectMark) throws -> String? {
        if let tag = change.tag {
            // Another region may have set it later, or have been its home when it was set here.
            let writes = try writes(of: tag, in: place.repository, limit: CatalogLimits.tagWritesKept)
            guard writes.last?.stamp.time == change.timestamp else { return nil }
            let current = try row(SQL.tagDigest, place.repository, tag.description)?.digest(0)
            let logged = TagOutcome(writes).current?.digest
            guard current != logged else { return nil }
            return "the log says \(logged?.description ?? "that it was deleted"), and the catalog has "
                + (current?.description ?? "no such tag")
        }
        guard let digest = Digest(place.subject) else { return nil }
        let standing = try self.standing(of: digest, in: place.repository)
        switch EventKind(rawValue: change.kind) {
        case .manifestPut, .manifestRestored:
            let trashed = try row(SQL.trashTime, place.repository, digest.key)?.int(0)
            guard standing?.isLive != true, trashed ?? 0 <= change.timestamp.rawValue else { return nil }
            return "the log says that it is here, and the catalog has it not"
        default:
            guard let standing, standing.isLive, !standing.isMeant else { return nil }
            return "the log says that it was deleted, and the catalog has it"
        }
    }
}
