// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

package enum BlobState: String, Sendable {
    /// Its bytes are here.
    case live
    /// Nothing links it; its bytes may go.
    case condemned
    /// Known, its bytes are in another region.
    case remote
}

package struct BlobRecord: Sendable, Hashable {
    package let digest: Digest
    package let size: Int64
    package let state: BlobState
    package let health: BlobHealth
}

/// A manifest with everything that a check compares to its bytes.
package struct ManifestAudit: Sendable {
    package let id: Int64
    package let repository: RepositoryName
    package let digest: Digest
    package let mediaType: MediaType
    package let subject: Digest?
    package let depth: Int
    package let isLive: Bool
    package let payload: [UInt8]
    /// The targets of its edges, by digest; its own digest is among the blobs.
    package let blobEdges: [Digest]
    package let manifestEdges: [Digest]
    /// What it refers to in a mirrored repository that is not here.
    package let awaited: [Digest]
}

extension SQL {
    static let blobRecord = "SELECT digest, size, state, health FROM blob WHERE digest = ?"
    static let blobRecords = "SELECT digest, size, state, health FROM blob WHERE digest > ? ORDER BY digest LIMIT ?"
    static let manifestAudits = """
        SELECT m.id, r.name, m.digest, m.media_type, m.subject, m.depth, m.live, m.payload
        FROM manifest m JOIN repo r ON r.id = m.repo_id WHERE m.id > ? ORDER BY m.id LIMIT ?
        """
    static let blobEdges = "SELECT digest FROM ref_blob WHERE manifest_id = ? ORDER BY digest"
    static let manifestEdges = "SELECT child FROM ref_manifest WHERE manifest_id = ? ORDER BY child"

    /// What no key forbids: each query names rows that break a rule, and finds none in a sound catalog.
    static let rules: [(rule: String, query: String)] = [
        (
            "the tag counter of a repository differs from its tags",
            """
            SELECT r.name FROM repo r
            WHERE r.tag_count <> (SELECT COUNT(*) FROM tag t WHERE t.repo_id = r.id) LIMIT ?
            """
        ),
        (
            "the logical bytes booked for a repository differ from its visible links",
            """
            SELECT r.name FROM repo r WHERE
                COALESCE((SELECT SUM(d.bytes) FROM usage_delta d WHERE d.repo_id = r.id), 0)
                + COALESCE((SELECT u.logical_bytes FROM usage u WHERE u.repo_id = r.id), 0)
                <> COALESCE((SELECT SUM(b.size) FROM repo_blob l JOIN blob b ON b.digest = l.digest
                    WHERE l.repo_id = r.id AND l.hidden = 0), 0) LIMIT ?
            """
        ),
        (
            "the manifests booked for a repository differ from its live ones",
            """
            SELECT r.name FROM repo r WHERE
                COALESCE((SELECT SUM(d.manifests) FROM usage_delta d WHERE d.repo_id = r.id), 0)
                + COALESCE((SELECT u.manifests FROM usage u WHERE u.repo_id = r.id), 0)
                <> (SELECT COUNT(*) FROM manifest m WHERE m.repo_id = r.id AND m.live = 1) LIMIT ?
            """
        ),
        (
            "the tags booked for a repository differ from its tags",
            """
            SELECT r.name FROM repo r WHERE
                COALESCE((SELECT SUM(d.tags) FROM usage_delta d WHERE d.repo_id = r.id), 0)
                + COALESCE((SELECT u.tags FROM usage u WHERE u.repo_id = r.id), 0)
                <> (SELECT COUNT(*) FROM tag t WHERE t.repo_id = r.id) LIMIT ?
            """
        ),
        (
            "the bytes or blobs booked as stored differ from the rows of blobs",
            """
            SELECT 'all repositories' WHERE
                (SELECT COALESCE(SUM(s.bytes), 0) FROM stored s)
                    <> (SELECT COALESCE(SUM(b.size), 0) FROM blob b WHERE b.state <> 'remote')
                OR (SELECT COALESCE(SUM(s.blobs), 0) FROM stored s)
                    <> (SELECT COUNT(*) FROM blob b WHERE b.state <> 'remote') LIMIT ?
            """
        ),
        (
            "a blob is neither linked nor condemned",
            """
            SELECT hex(b.digest) FROM blob b WHERE b.state <> 'condemned'
                AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest) LIMIT ?
            """
        ),
        (
            "a trashed manifest has no end of its window, or a live one has",
            """
            SELECT r.name FROM manifest m JOIN repo r ON r.id = m.repo_id
            WHERE (m.live = 0) <> (m.purge_after_st IS NOT NULL) LIMIT ?
            """
        ),
        (
            "a condemned blob is linked",
            """
            SELECT r.name FROM repo_blob l JOIN repo r ON r.id = l.repo_id JOIN blob b ON b.digest = l.digest
            WHERE b.state = 'condemned' LIMIT ?
            """
        ),
        (
            "a manifest has no edge to its own bytes",
            """
            SELECT r.name FROM manifest m JOIN repo r ON r.id = m.repo_id WHERE NOT EXISTS
                (SELECT 1 FROM ref_blob e WHERE e.manifest_id = m.id AND e.digest = m.digest) LIMIT ?
            """
        ),
        (
            "a live index holds a trashed manifest",
            """
            SELECT r.name FROM ref_manifest e JOIN manifest p ON p.id = e.manifest_id
                JOIN manifest c ON c.repo_id = e.repo_id AND c.digest = e.child JOIN repo r ON r.id = e.repo_id
            WHERE p.live = 1 AND c.live = 0 LIMIT ?
            """
        ),
        (
            "a live manifest refers to a hidden blob",
            """
            SELECT r.name FROM ref_blob e JOIN manifest m ON m.id = e.manifest_id
                JOIN repo_blob l ON l.repo_id = e.repo_id AND l.digest = e.digest JOIN repo r ON r.id = e.repo_id
            WHERE m.live = 1 AND l.hidden = 1 LIMIT ?
            """
        ),
        (
            "an unreferenced or hidden link is not queued for collection",
            """
            SELECT r.name FROM repo_blob l JOIN repo r ON r.id = l.repo_id
            WHERE NOT EXISTS (SELECT 1 FROM ref_blob e WHERE e.repo_id = l.repo_id AND e.digest = l.digest)
                AND NOT EXISTS (SELECT 1 FROM gc_queue q WHERE q.repo_id = l.repo_id AND q.digest = l.digest) LIMIT ?
            """
        ),
    ]
}

extension Catalog {
    package func blobRecord(_ digest: Digest) async throws(CatalogError) -> BlobRecord? {
        try await readers.readOne { try $0.row(SQL.blobRecord, digest.key).map(BlobRecord.init) }
    }

    /// All blobs after a digest, by digest, whatever their state.
    package func blobRecords(after: Digest?, limit: Int) async throws(CatalogError) -> [BlobRecord] {
        let limit = Catalog.rows(limit)
        let after = after?.key ?? Digest.beforeFirst
        return try await readers.readOne { try $0.rows(SQL.blobRecords, after, limit).map(BlobRecord.init) }
    }

    /// All manifests after a row, live and trashed. A page ends early when its payloads exceed a fixed number of bytes;
    /// only an empty page is the end.
    package func manifestAudits(after id: Int64?, limit: Int) async throws(CatalogError) -> [ManifestAudit] {
        let limit = Catalog.rows(limit)
        return try await readers.read { database in
            var page: [ManifestAudit] = []
            var bytes = 0
            try database.forEachRow(SQL.manifestAudits, id ?? 0, limit) { row in
                let audit = try ManifestAudit(row, database)
                bytes += audit.payload.count
                page.append(audit)
                return bytes < CatalogLimits.auditPageBytes
            }
            return page
        }
    }

    /// References that dangle, as the engine sees them. Empty in a sound catalog. Reads everything.
    package func foreignKeyViolations(limit: Int) async throws(CatalogError) -> [String] {
        try await readers.read { database in
            var violations: [String] = []
            try database.forEachRow("PRAGMA foreign_key_check") { row in
                violations.append("\(try row.text(0)) row \(try row.optionalInt(1) ?? 0) names no \(try row.text(2))")
                return violations.count < limit
            }
            return violations
        }
    }

    /// Damage of the database file. Empty in a sound one. Reads everything; `quick` leaves out what compares indexes
    /// to their tables.
    package func integrityProblems(quick: Bool, limit: Int) async throws(CatalogError) -> [String] {
        let limit = max(limit, 1)
        return try await readers.read { database in
            let pragma = quick ? "quick_check" : "integrity_check"
            let lines = try database.rows("PRAGMA \(pragma)(\(limit))").map { try $0.text(0) }
            return lines == ["ok"] ? [] : lines
        }
    }

    /// Breaches of the rules that no key states. Empty in a sound catalog. Reads everything.
    package func ruleViolations(limit: Int) async throws(CatalogError) -> [String] {
        try await readers.read { database in
            var violations: [String] = []
            for (rule, query) in SQL.rules {
                violations += try database.rows(query, limit).map { "\(try $0.text(0)): \(rule)" }
            }
            return Array(violations.prefix(limit))
        }
    }
}

extension BlobRecord {
    init(_ row: Row) throws {
        guard let state = BlobState(rawValue: try row.text(2)), let health = BlobHealth(rawValue: try row.text(3))
        else {
            throw CatalogError(.inconsistent, "a blob in an unknown state")
        }
        self.init(digest: try row.digest(0), size: try row.int(1), state: state, health: health)
    }
}

extension ManifestAudit {
    fileprivate init(_ row: Row, _ database: Database) throws {
        let id = try row.int(0)
        self.init(
            id: id,
            repository: try row.repositoryName(1),
            digest: try row.digest(2),
            mediaType: try row.mediaType(3),
            subject: try row.optionalDigest(4),
            depth: Int(try row.int(5)),
            isLive: try row.flag(6),
            payload: try row.bytes(7),
            blobEdges: try database.rows(SQL.blobEdges, id).map { try $0.digest(0) },
            manifestEdges: try database.rows(SQL.manifestEdges, id).map { try $0.digest(0) },
            awaited: try database.rows(SQL.awaitedBy, id).map { try $0.digest(0) }
        )
    }
}

/// How much there is of everything. Counted, not kept: for commands, not for requests.
package struct CatalogStatistics: Sendable, Hashable {
    package let repositories: Int64
    package let blobs: Int64
    package let blobBytes: Int64
    package let links: Int64
    package let liveManifests: Int64
    package let trashedManifests: Int64
    package let tags: Int64
    package let uploads: Int64
    package let events: Int64
    package let queuedForCollection: Int64
}

extension Catalog {
    package func statistics() async throws(CatalogError) -> CatalogStatistics {
        try await readers.read { database in
            let count = { (sql: String) throws -> Int64 in try database.row(sql)?.int(0) ?? 0 }
            return CatalogStatistics(
                repositories: try count("SELECT COUNT(*) FROM repo"),
                blobs: try count("SELECT COUNT(*) FROM blob WHERE state <> 'remote'"),
                blobBytes: try count("SELECT COALESCE(SUM(size), 0) FROM blob WHERE state <> 'remote'"),
                links: try count("SELECT COUNT(*) FROM repo_blob"),
                liveManifests: try count("SELECT COUNT(*) FROM manifest WHERE live = 1"),
                trashedManifests: try count("SELECT COUNT(*) FROM manifest WHERE live = 0"),
                tags: try count("SELECT COUNT(*) FROM tag"),
                uploads: try count("SELECT COUNT(*) FROM upload"),
                events: try count("SELECT COUNT(*) FROM event"),
                queuedForCollection: try count("SELECT COUNT(*) FROM gc_queue")
            )
        }
    }
}
