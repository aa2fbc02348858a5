// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

extension SQL {
    /// A later put of the bytes that are here: their media type may be another one.
    static let advanceManifest = """
        UPDATE manifest SET media_type = ?, artifact_type = ?, pushed_at = ?, touch_hlc = ?, touch_region = ?
        WHERE id = ? AND (touch_hlc, touch_region) < (?, ?)
        """
    static let untouchManifest = "UPDATE manifest SET touch_hlc = 0, touch_region = '' WHERE id = ?"
    static let manifestIsHere = """
        SELECT 1 FROM repo r JOIN manifest m ON m.repo_id = r.id WHERE r.name = ? AND m.digest = ?
        """
    static let depthOfManifest = "SELECT id, depth FROM manifest WHERE repo_id = ? AND digest = ?"
}

extension Merge {
    /// What an entry says of a manifest.
    ///
    /// - Returns: The manifests that have to be fetched first; nil where it is done.
    mutating func applyManifest(
        _ digest: Digest,
        _ entry: MergedEntry,
        in repository: Repository
    ) throws -> [Digest]? {
        if entry.change.kind == EventKind.manifestTrashed.rawValue {
            let place = LogPlace(origin: peer.origin, index: entry.index)
            let trashing = Trashing(transaction.stamp, at: place)
            try database.noteTrash(digest, trashing, in: repository.id, now: transaction.now.seconds)
            transaction.loosen(digest, in: repository)
            return nil
        }
        return try touch(digest, entry, in: repository)
    }

    /// Lets a change speak for a manifest, which is made out of the bytes that came with the entry if it is not here.
    mutating func touch(_ digest: Digest, _ entry: MergedEntry, in repository: Repository) throws -> [Digest]? {
        var missing: [Digest] = []
        // Put before it was deleted, and not here: whatever holds it in spite of that asks for it.
        if entry.manifests[digest] == nil,
            try database.row(SQL.depthOfManifest, repository.id, digest.key) == nil,
            let trashed = try database.row(SQL.trashTime, repository.id, digest.key)?.int(0),
            transaction.stamp.time.rawValue < trashed
        {
            return nil
        }
        guard let place = try admit(digest, entry, in: repository, levels: 0, &missing) else { return missing }
        if let put = entry.change.putManifest, put.digest == digest {
            let stamp = transaction.stamp
            try database.run(
                SQL.advanceManifest,
                put.mediaType.description,
                entry.change.body?["artifactType"]?.text,
                transaction.stampSeconds,
                stamp.time.rawValue,
                stamp.origin,
                place.id,
                stamp.time.rawValue,
                stamp.origin
            )
            try transaction.loosenChildren(of: place.id, in: repository)
        }
        try transaction.touch(digest, in: repository)
        transaction.loosen(digest, in: repository)
        return nil
    }

    /// The row of a manifest, new where there is none. nil where something is missing, which is named. On a level below
    /// the first it is what something else holds: no change speaks for it.
    mutating func admit(
        _ digest: Digest,
        _ entry: MergedEntry,
        in repository: Repository,
        levels: Int,
        _ missing: inout [Digest]
    ) throws -> (id: Int64, depth: Int)? {
        if let row = try database.row(SQL.depthOfManifest, repository.id, digest.key) {
            return (try row.int(0), Int(try row.int(1)))
        }
        guard let manifest = entry.manifests[digest] else {
            missing.append(digest)
            return nil
        }
        guard levels <= CatalogLimits.mergedIndexDepth else {
            throw CatalogError(.inconsistent, "indexes in indexes, more than \(CatalogLimits.mergedIndexDepth) deep")
        }
        if entry.change.isSparse {
            let repository = try transaction.sparse(repository)
            let references = try transaction.resolveSparse(manifest, in: repository)
            edges += references.blobs.count + references.children.count
            return (try insert(manifest, digest, references, isNamed: levels == 0, in: repository), references.depth)
        }
        var references = ResolvedReferences()
        let (children, loose) = manifest.manifests.partitioned { $0.mediaType.isManifest }
        if manifest.kind == .index { references.depth = 1 }
        for child in children.map(\.digest).uniqued() {
            guard let row = try admit(child, entry, in: repository, levels: levels + 1, &missing) else { continue }
            references.children.append(child)
            references.depth = max(references.depth, row.depth + 1)
        }
        guard missing.isEmpty else { return nil }
        for blob in (manifest.config.map { [$0] } ?? []) + manifest.layers + loose
        where !references.blobs.contains(blob.digest) {
            if blob.mayBeAbsent, try database.row(SQL.blobExists, blob.digest.key) == nil { continue }
            references.blobs.append(blob.digest)
            try transaction.linkRemote(blob.digest, size: blob.size, to: repository)
        }
        edges += references.blobs.count + references.children.count
        return (try insert(manifest, digest, references, isNamed: levels == 0, in: repository), references.depth)
    }

    /// What came along with an index has no touch of its own: that comes with an entry about it.
    private func insert(
        _ manifest: Manifest,
        _ digest: Digest,
        _ references: ResolvedReferences,
        isNamed: Bool,
        in repository: Repository
    ) throws -> Int64 {
        let operation = ManifestPutOperation(
            manifest: manifest,
            digest: digest,
            name: repository.name,
            tags: [],
            condition: .none,
            overwrites: [:],
            quotas: [],
            scanRole: .none,
            context: Catalog.Context(actor: "", requestID: "")
        )
        let id = try operation.place(transaction, repository, row: nil, references)
        if !isNamed { try database.run(SQL.untouchManifest, id) }
        try transaction.raiseTrust(
            subject: manifest.subject?.digest,
            children: references.children,
            tags: [],
            in: repository
        )
        try transaction.account(repository, manifests: 1)
        transaction.loosen(digest, in: repository)
        return id
    }
}

extension Catalog {
    /// Those of some manifests that a repository has no row of, in the trash or not.
    package func absentManifests(
        _ digests: [Digest],
        in name: RepositoryName
    ) async throws(CatalogError) -> [Digest] {
        guard !digests.isEmpty else { return [] }
        return try await readers.readOne { database in
            try digests.filter { try database.row(SQL.manifestIsHere, name.description, $0.key) == nil }
        }
    }
}
