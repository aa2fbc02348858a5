// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import GRDB
import OCI

/// Collectors that are wrong on purpose: each is the design without one of its rules.
extension Actor {
    /// Decides in one transaction and deletes in the next.
    func collectStaleCandidates() async throws {
        let candidates = try await ask {
            try await life.catalog.write { transaction in
                try Row.fetchAll(
                    transaction.database,
                    sql: """
                        SELECT l.repo_id, l.digest, l.hidden, b.size FROM repo_blob l JOIN blob b ON b.digest = l.digest
                        WHERE l.lease_until_st < ? AND NOT EXISTS
                            (SELECT 1 FROM ref_blob e WHERE e.repo_id = l.repo_id AND e.digest = l.digest)
                        """,
                    arguments: [transaction.now.seconds]
                ).map { Candidate($0) }
            }
        }.get()
        try await pause(atMost: 2)
        for candidate in candidates {
            do {
                try await life.catalog.write { try candidate.delete($0) }
            } catch {
                // A key forbids it: a reference has come to it since.
            }
            guard schedule.isUp(life) else { throw PowerCut() }
        }
    }

    private struct Candidate: Sendable {
        let repository: Int64
        let digest: Data
        let visibleBytes: Int64

        init(_ row: Row) {
            repository = row[0]
            digest = row[1]
            visibleBytes = (row[2] as Int64) == 0 ? row[3] : 0
        }

        func delete(_ transaction: Transaction) throws {
            let database = transaction.database
            try database.execute(
                sql: "DELETE FROM repo_blob WHERE repo_id = ? AND digest = ?",
                arguments: [repository, digest]
            )
            guard database.changesCount > 0 else { return }
            try database.execute(
                sql: "DELETE FROM gc_queue WHERE repo_id = ? AND digest = ?",
                arguments: [repository, digest]
            )
            try database.execute(
                sql: "INSERT INTO usage_delta(repo_id, bytes, manifests, tags) VALUES (?, ?, 0, 0)",
                arguments: [repository, -visibleBytes]
            )
            try database.execute(
                sql: """
                    UPDATE blob SET state = 'condemned', condemned_st = ? WHERE digest = ? AND NOT EXISTS
                        (SELECT 1 FROM repo_blob l WHERE l.digest = blob.digest)
                    """,
                arguments: [transaction.now.seconds, digest]
            )
        }
    }

    /// Takes the page of condemned blobs for an answer.
    func removeUnconfirmed() async throws {
        let catalog = life.catalog
        _ = try await ask { try await catalog.collectLinks(limit: 200) }.get()
        let page = try await ask { try await catalog.condemnedBlobs(after: nil, limit: 256) }.get()
        guard !page.isEmpty else { return }
        _ = try await ask {
            try await life.content.remove(
                page.map(\.digest),
                confirm: { $0 },
                record: { try await catalog.deleteCondemned($0) }
            )
        }.get()
    }
}
