// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// What a put has to do with the search for secrets in layers.
package enum ScanRole: Sendable, Hashable {
    case none
    /// The image's layers are to be looked into.
    case wanted
    /// It is the registry's own report.
    case report
}

/// An image whose layers are to be looked into.
package struct QueuedScan: Sendable, Hashable {
    package let repository: RepositoryName
    package let digest: Digest
}

extension SQL {
    static let enqueueScan = "INSERT INTO scan_queue(repo_id, digest) VALUES (?, ?) ON CONFLICT DO NOTHING"
    static let queuedScans = """
        SELECT r.name, scan_queue.digest FROM scan_queue JOIN repo r ON r.id = scan_queue.repo_id
        ORDER BY scan_queue.repo_id, scan_queue.digest LIMIT ?
        """
    static let endScan = "DELETE FROM scan_queue WHERE repo_id = ? AND digest = ?"
    static let layerScan = "SELECT result FROM layer_scan WHERE digest = ? AND scanner = ?"
    static let keepLayerScan = """
        INSERT INTO layer_scan(digest, scanner, result) VALUES (?, ?, ?)
        ON CONFLICT(digest) DO UPDATE SET scanner = excluded.scanner, result = excluded.result
        """
}

extension Transaction {
    func note(_ role: ScanRole, of digest: Digest, in repository: Repository) throws {
        switch role {
        case .none: return
        case .wanted: try database.run(SQL.enqueueScan, repository.id, digest.key)
        case .report: try database.run(SQL.insertOwnAttachment, repository.id, digest.key)
        }
    }
}

extension Catalog {
    /// Wants an image's layers to be looked into. Durable on return.
    package func enqueueScan(of digest: Digest, in name: RepositoryName) async throws(CatalogError) {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(name) else { return }
            try transaction.note(.wanted, of: digest, in: repository)
        }
    }

    /// Images that wait.
    package func queuedScans(limit: Int) async throws(CatalogError) -> [QueuedScan] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.queuedScans, limit).map { row in
                QueuedScan(repository: try row.repositoryName(0), digest: try row.digest(1))
            }
        }
    }

    /// Takes an image off the queue.
    package func endScan(_ scan: QueuedScan) async throws(CatalogError) {
        try await writer.submit { transaction in
            guard let repository = try transaction.repository(scan.repository) else { return }
            _ = try transaction.database.run(SQL.endScan, repository.id, scan.digest.key)
        }
    }

    /// What a version of the scanner found in a blob; nil where it has not looked.
    package func layerScan(of digest: Digest, scanner: Int64) async throws(CatalogError) -> [UInt8]? {
        try await readers.readOne { try $0.row(SQL.layerScan, digest.key, scanner)?.bytes(0) }
    }

    /// Keeps what was found, for every image that has the blob.
    package func keepLayerScan(
        _ result: [UInt8],
        of digest: Digest,
        scanner: Int64
    ) async throws(CatalogError) {
        try await writer.submit { transaction in
            _ = try transaction.database.run(SQL.keepLayerScan, digest.key, scanner, Data(result))
        }
    }
}
