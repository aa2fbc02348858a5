// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A repository's row as an operation sees it.
struct Repository {
    let id: Int64
    let name: RepositoryName
    /// Tags that it has.
    let tagCount: Int
    /// Whether it mirrors a registry elsewhere: what its manifests refer to need not be here.
    var isSparse = false
}

extension SQL {
    static let repository = "SELECT id, tag_count, sparse_index FROM repo WHERE name = ?"
    static let insertRepository = "INSERT INTO repo(name) VALUES (?) RETURNING id"
    static let touchRepository = "UPDATE repo SET version = version + 1, tag_count = tag_count + ? WHERE id = ?"
    static let touchRepositoriesOfBlob = """
        UPDATE repo SET version = version + 1 WHERE id IN (SELECT repo_id FROM repo_blob WHERE digest = ?)
        """
    static let repositoryHasContent = """
        SELECT 1 FROM repo r WHERE r.name = ?
            AND (EXISTS (SELECT 1 FROM repo_blob l WHERE l.repo_id = r.id)
                OR EXISTS (SELECT 1 FROM manifest m WHERE m.repo_id = r.id))
        """
    static let repositories = """
        SELECT r.name FROM repo r WHERE r.name > ?
            AND EXISTS (SELECT 1 FROM manifest m WHERE m.repo_id = r.id AND m.live = 1)
        ORDER BY r.name LIMIT ?
        """
    static let insertUsage = "INSERT INTO usage_delta(repo_id, bytes, manifests, tags) VALUES (?, ?, ?, ?)"
}

extension Transaction {
    func repository(_ name: RepositoryName) throws -> Repository? {
        guard let row = try database.row(SQL.repository, name.description) else { return nil }
        return try Repository(
            id: row.int(0),
            name: name,
            tagCount: Int(row.int(1)),
            isSparse: row.flag(2)
        )
    }

    /// The repository, created with its event if this is its first use.
    func repositoryForWriting(_ name: RepositoryName, _ context: Catalog.Context) throws -> Repository {
        if let repository = try repository(name) { return repository }
        guard let row = try database.row(SQL.insertRepository, name.description) else {
            throw CatalogError(.inconsistent, "a repository without an id")
        }
        let repository = try Repository(id: row.int(0), name: name, tagCount: 0)
        touch(name)
        try record(.repositoryCreated, repository, context, [:])
        try note(HomeMove(origin: settings.origin, epoch: 0, stamp: stamp), of: repository)
        return repository
    }

    /// Marks the repository as changed, for caches here and elsewhere.
    func changed(_ repository: Repository, tags: Int = 0) throws {
        try database.run(SQL.touchRepository, tags, repository.id)
        touch(repository.name)
    }

    /// Books a change of what a repository holds. Rows are only added here, so that no row is contended.
    func account(_ repository: Repository, bytes: Int64 = 0, manifests: Int = 0, tags: Int = 0) throws {
        guard bytes != 0 || manifests != 0 || tags != 0 else { return }
        try database.run(SQL.insertUsage, repository.id, bytes, manifests, tags)
        ledger.add(bytes, of: repository.name)
    }
}

extension Catalog {
    /// Whether the repository has, or had and still keeps, a manifest or a blob. An open upload alone does not count.
    package func repositoryExists(_ name: RepositoryName) async throws(CatalogError) -> Bool {
        try await readers.readOne { try $0.row(SQL.repositoryHasContent, name.description) != nil }
    }

    /// The names of repositories with at least one live manifest, in byte order.
    package func repositories(
        after: RepositoryName?,
        limit: Int
    ) async throws(CatalogError) -> [RepositoryName] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.repositories, after?.description ?? "", limit).map { try $0.repositoryName(0) }
        }
    }

    /// The number of rows to fetch: what was asked for, within the bound of a page.
    static func rows(_ limit: Int) -> Int { min(max(limit, 0), CatalogLimits.pageRows) }
}
