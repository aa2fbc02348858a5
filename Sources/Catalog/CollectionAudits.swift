// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// One short read of an audit.
package struct AuditPage<Key: Sendable>: Sendable {
    /// Where the next page begins; nil for the last one.
    package let last: Key?
    /// Rows of the page; of blobs, those whose bytes are here.
    package let rows: Int
    /// Breaches of the rules among these rows.
    package let findings: [String]
    /// What the visible links among them use, or what the blobs among them are.
    package let bytes: Int64
}

/// What is booked for a repository, and a number that rises with each booking.
package struct RepositoryAccount: Sendable, Hashable {
    package let bytes: Int64
    package let bookings: Int64
}

extension SQL {
    static let auditedLinks = """
        SELECT l.digest, l.hidden, b.size, b.state,
            EXISTS (SELECT 1 FROM ref_blob e WHERE e.repo_id = l.repo_id AND e.digest = l.digest),
            EXISTS (SELECT 1 FROM gc_queue q WHERE q.repo_id = l.repo_id AND q.digest = l.digest)
        FROM repo r JOIN repo_blob l ON l.repo_id = r.id LEFT JOIN blob b ON b.digest = l.digest
        WHERE r.name = ? AND l.digest > ? ORDER BY l.digest LIMIT ?
        """
    static let auditedBlobs = """
        SELECT b.digest, b.state, EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest), b.size
        FROM blob b WHERE b.digest > ? ORDER BY b.digest LIMIT ?
        """
    static let auditedManifests = """
        SELECT m.id, m.digest, r.name, m.live,
            EXISTS (SELECT 1 FROM ref_blob e WHERE e.manifest_id = m.id AND e.digest = m.digest),
            EXISTS (SELECT 1 FROM ref_manifest e JOIN manifest p ON p.id = e.manifest_id
                WHERE e.repo_id = m.repo_id AND e.child = m.digest AND p.live = 1),
            EXISTS (SELECT 1 FROM ref_blob e WHERE e.manifest_id = m.id AND NOT EXISTS
                (SELECT 1 FROM repo_blob l JOIN blob b ON b.digest = l.digest
                    WHERE l.repo_id = e.repo_id AND l.digest = e.digest AND b.state <> 'condemned'))
        FROM manifest m JOIN repo r ON r.id = m.repo_id WHERE m.id > ? ORDER BY m.id LIMIT ?
        """
    static let auditedRepositories = "SELECT name FROM repo WHERE name > ? ORDER BY name LIMIT ?"
    static let repositoryAccount = """
        SELECT COALESCE((SELECT SUM(d.bytes) FROM usage_delta d WHERE d.repo_id = r.id), 0)
                + COALESCE((SELECT u.logical_bytes FROM usage u WHERE u.repo_id = r.id), 0),
            r.version
        FROM repo r WHERE r.name = ?
        """
}

/// What an audit of collection reads: each page sees one committed state, and the rules hold within any of them.
extension Catalog {
    package func auditManifests(after last: Int64?) async throws(CatalogError) -> AuditPage<Int64> {
        try await readers.readOne { database in
            let rows = try database.rows(SQL.auditedManifests, last ?? 0, CatalogLimits.auditedManifests)
            var findings: [String] = []
            for row in rows {
                let (isLive, hasOwnEdge, hasLiveParent) = (try row.flag(3), try row.flag(4), try row.flag(5))
                let name = "\(try row.repositoryName(2))@\(try row.digest(1))"
                if !hasOwnEdge { findings.append("\(name): no edge protects its own bytes") }
                if !isLive, hasLiveParent { findings.append("\(name): in the trash, and a live index holds it") }
                if try row.flag(6) { findings.append("\(name): it refers to a blob that is not linked") }
            }
            return try AuditPage(rows, findings, limit: CatalogLimits.auditedManifests, last: { try $0.int(0) })
        }
    }

    package func auditBlobs(after last: Digest?) async throws(CatalogError) -> AuditPage<Digest> {
        try await readers.readOne { database in
            let rows = try database.rows(
                SQL.auditedBlobs,
                last?.key ?? Digest.beforeFirst,
                CatalogLimits.auditedRows
            )
            var findings: [String] = []
            var (bytes, remote): (Int64, Int) = (0, 0)
            for row in rows {
                if try row.text(1) == BlobState.remote.rawValue { remote += 1 } else { bytes += try row.int(3) }
                let isCondemned = try row.text(1) == BlobState.condemned.rawValue
                guard try isCondemned == row.flag(2) else { continue }
                let problem = isCondemned ? "condemned, and a repository links it" : "not linked, and not condemned"
                findings.append("\(try row.digest(0)): \(problem)")
            }
            return try AuditPage(rows, findings, bytes: bytes, remote: remote, last: { try $0.digest(0) })
        }
    }

    package func auditLinks(
        of name: RepositoryName,
        after last: Digest?
    ) async throws(CatalogError) -> AuditPage<Digest> {
        try await readers.readOne { database in
            let rows = try database.rows(
                SQL.auditedLinks,
                name.description,
                last?.key ?? Digest.beforeFirst,
                CatalogLimits.auditedRows
            )
            var findings: [String] = []
            var bytes: Int64 = 0
            for row in rows {
                if try !row.flag(1) { bytes += try row.optionalInt(2) ?? 0 }
                if try row.optionalText(3) == nil {
                    findings.append("\(name): a link to no blob, \(try row.digest(0))")
                }
                if try !row.flag(4), try !row.flag(5) {
                    findings.append("\(name): neither referenced nor queued, \(try row.digest(0))")
                }
            }
            return try AuditPage(rows, findings, bytes: bytes, last: { try $0.digest(0) })
        }
    }

    /// All repositories, also those that have nothing.
    package func auditedRepositories(after last: RepositoryName?) async throws(CatalogError) -> [RepositoryName] {
        try await readers.readOne { database in
            try database.rows(SQL.auditedRepositories, last?.description ?? "", CatalogLimits.auditedRows).map {
                try $0.repositoryName(0)
            }
        }
    }

    package func account(of name: RepositoryName) async throws(CatalogError) -> RepositoryAccount {
        try await readers.readOne { database in
            guard let row = try database.row(SQL.repositoryAccount, name.description) else {
                return RepositoryAccount(bytes: 0, bookings: 0)
            }
            return RepositoryAccount(bytes: try row.int(0), bookings: try row.int(1))
        }
    }
}

extension AuditPage {
    fileprivate init(
        _ rows: [Row],
        _ findings: [String],
        bytes: Int64 = 0,
        remote: Int = 0,
        limit: Int = CatalogLimits.auditedRows,
        last: (Row) throws -> Key
    ) throws {
        self.last = rows.count == limit ? try rows.last.map(last) : nil
        self.rows = rows.count - remote
        self.findings = findings
        self.bytes = bytes
    }
}
