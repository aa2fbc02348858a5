// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

extension SQL {
    static let makeSparse = "UPDATE repo SET sparse_index = 1 WHERE id = ? AND sparse_index = 0"
    static let awaitedBy = "SELECT target FROM ref_weak WHERE manifest_id = ? AND kind <> 'subject' ORDER BY target"
    static let settleBlob = """
        INSERT INTO ref_blob(manifest_id, repo_id, digest) SELECT manifest_id, repo_id, target FROM ref_weak
        WHERE repo_id = ? AND target = ? AND kind <> 'subject' AND kind = 'blob' ON CONFLICT DO NOTHING
        """
    static let settleChild = """
        INSERT INTO ref_manifest(manifest_id, repo_id, child) SELECT manifest_id, repo_id, target FROM ref_weak
        WHERE repo_id = ? AND target = ? AND kind <> 'subject' AND kind = 'child' ON CONFLICT DO NOTHING
        """
    static let dropAwaited = """
        DELETE FROM ref_weak WHERE repo_id = ? AND target = ? AND kind <> 'subject' AND kind = ?
        """
    static let awaitingManifest = """
        SELECT m.payload, m.media_type FROM repo r JOIN ref_weak w ON w.repo_id = r.id
        JOIN manifest m ON m.id = w.manifest_id
        WHERE r.name = ? AND w.target = ? AND w.kind <> 'subject' AND w.kind = 'blob' AND m.live = 1 LIMIT 1
        """
}

extension Transaction {
    /// A repository that mirrors one elsewhere; made where there is none.
    func sparseRepository(_ name: RepositoryName, _ context: Catalog.Context) throws -> Repository {
        try sparse(try repositoryForWriting(name, context))
    }

    func sparse(_ repository: Repository) throws -> Repository {
        guard !repository.isSparse else { return repository }
        try database.run(SQL.makeSparse, repository.id)
        var repository = repository
        repository.isSparse = true
        return repository
    }

    /// The same as `resolve` for a manifest of a mirrored repository: what the repository has not is awaited, and held
    /// from the moment that it comes.
    ///
    /// Nothing is linked: whoever is elsewhere says what a manifest refers to, and could name what other repositories
    /// here have and nobody else may see. An index among the children is never held, so that no depth has to be known
    /// beforehand.
    func resolveSparse(_ manifest: Manifest, in repository: Repository) throws -> ResolvedReferences {
        var references = ResolvedReferences()
        let (children, loose) = manifest.manifests.partitioned { $0.mediaType.isManifest }
        if manifest.kind == .index { references.depth = 1 }
        for child in children {
            if let row = try database.row(SQL.liveChild, repository.id, child.digest.key), try row.int(1) == 0 {
                references.children.append(child.digest)
                references.unresolved.compare(child, try row.int(0))
            } else {
                references.awaitedChildren.append(child.digest)
            }
        }
        for blob in (manifest.config.map { [$0] } ?? []) + manifest.layers + loose {
            if let size = try database.row(SQL.linkedSize, repository.id, blob.digest.key)?.int(0) {
                references.blobs.append(blob.digest)
                references.unresolved.compare(blob, size)
            } else {
                references.awaitedBlobs.append(blob.digest)
            }
        }
        references.removeRepetitions()
        return references
    }

    /// Lets the manifests that have awaited a blob, which is linked now, hold it.
    func settle(blob digest: Digest, in repository: Repository) throws {
        try database.run(SQL.settleBlob, repository.id, digest.key)
        try database.run(SQL.dropAwaited, repository.id, digest.key, "blob")
    }

    /// The same of the indexes that have awaited a manifest, which is live now.
    func settle(child digest: Digest, in repository: Repository) throws {
        try database.run(SQL.settleChild, repository.id, digest.key)
        try database.run(SQL.dropAwaited, repository.id, digest.key, "child")
        // What speaks for an index speaks for what it holds.
        try raiseTrust(subject: nil, children: [digest], tags: [], in: repository)
    }
}

extension Catalog {
    /// Stores a manifest that was fetched from the registry that a repository mirrors, and sets a tag to it, as one
    /// change with its events.
    ///
    /// As `putManifest`, but for what it refers to: that need not be here. A reference to something that is here with
    /// another size is refused, and a tag under a hold or a lock too.
    package func putMirrored(
        _ manifest: Manifest,
        digest: Digest,
        in name: RepositoryName,
        tag: Tag?,
        context: Context
    ) async throws(CatalogError) -> ManifestPut {
        let put = ManifestPutOperation(
            manifest: manifest,
            digest: digest,
            name: name,
            tags: tag.map { [$0] } ?? [],
            condition: .none,
            overwrites: [:],
            quotas: [],
            scanRole: .none,
            context: context,
            isMirrored: true
        )
        return try await writer.submit { try put.run($0) }
    }

    /// How many bytes a blob has that live manifests of a mirrored repository refer to and that is not here, as one of
    /// them says; nil where none does. Reads only.
    package func awaitedSize(of digest: Digest, in name: RepositoryName) async throws(CatalogError) -> Int64? {
        let found = try await readers.readOne { database in
            try database.row(SQL.awaitingManifest, name.description, digest.key).map { row in
                try (bytes: row.bytes(0), type: row.mediaType(1))
            }
        }
        guard let found, let manifest = try? Manifest(parsing: found.bytes, contentType: found.type) else { return nil }
        return manifest.descriptors.first { $0.digest == digest }?.size
    }
}
