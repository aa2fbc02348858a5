// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// The row of an upload session: what is needed to resume it after a restart.
package struct UploadRecord: Sendable, Hashable {
    package let id: String
    package let repository: RepositoryName
    package let actor: String
    /// Bytes known to be on the disk; what the file holds beyond may be lost or wrong after a crash.
    package let durableOffset: Int64
    package let expires: ServiceTime
}

extension SQL {
    static let insertUpload = """
        INSERT INTO upload(id, repo_id, actor, durable_offset, expires_st) VALUES (?, ?, ?, 0, ?)
        """
    static let updateUpload = "UPDATE upload SET durable_offset = ?, expires_st = COALESCE(?, expires_st) WHERE id = ?"
    static let deleteUpload = "DELETE FROM upload WHERE id = ?"
    static let upload = """
        SELECT u.id, r.name, u.actor, u.durable_offset, u.expires_st
        FROM upload u JOIN repo r ON r.id = u.repo_id WHERE u.id = ?
        """
    static let uploads = """
        SELECT u.id, r.name, u.actor, u.durable_offset, u.expires_st
        FROM upload u JOIN repo r ON r.id = u.repo_id WHERE u.id > ? ORDER BY u.id LIMIT ?
        """
    static let expireUploads = """
        DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE expires_st <= ? ORDER BY expires_st LIMIT ?)
        RETURNING id
        """
}

extension Catalog {
    /// Records a session that lives for `lifetime` seconds of service time. Creates the repository's row.
    package func createUpload(
        _ id: String,
        in name: RepositoryName,
        lifetime: Int64,
        context: Context
    ) async throws(CatalogError) {
        try await writer.submit { transaction in
            let repository = try transaction.repositoryForWriting(name, context)
            try transaction.database.run(
                SQL.insertUpload,
                id,
                repository.id,
                context.actor,
                transaction.now.advanced(by: lifetime).seconds
            )
        }
    }

    /// Notes how many bytes are durable and, with a lifetime, extends the session. False when there is no such row.
    @discardableResult
    package func updateUpload(
        _ id: String,
        durableOffset: Int64,
        lifetime: Int64? = nil
    ) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            let expires = lifetime.map { transaction.now.advanced(by: $0).seconds }
            return try transaction.database.run(SQL.updateUpload, durableOffset, expires, id) > 0
        }
    }

    /// Forgets a session. False when there is no such row.
    @discardableResult
    package func deleteUpload(_ id: String) async throws(CatalogError) -> Bool {
        try await writer.submit { try $0.database.run(SQL.deleteUpload, id) > 0 }
    }

    package func upload(_ id: String) async throws(CatalogError) -> UploadRecord? {
        try await readers.readOne { try $0.row(SQL.upload, id).map(UploadRecord.init) }
    }

    /// Sessions by id, for recovery at start.
    package func uploads(after id: String?, limit: Int) async throws(CatalogError) -> [UploadRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { try $0.rows(SQL.uploads, id ?? "", limit).map(UploadRecord.init) }
    }

    /// Removes the rows of sessions whose life has ended; the caller removes their files.
    package func expireUploads(limit: Int) async throws(CatalogError) -> [String] {
        let limit = Catalog.rows(limit)
        return try await writer.submit { transaction in
            try transaction.database.rows(SQL.expireUploads, transaction.now.seconds, limit).map { try $0.text(0) }
        }
    }
}

extension UploadRecord {
    fileprivate init(_ row: Row) throws {
        self.init(
            id: try row.text(0),
            repository: try row.repositoryName(1),
            actor: try row.text(2),
            durableOffset: try row.int(3),
            expires: ServiceTime(seconds: try row.int(4))
        )
    }
}
