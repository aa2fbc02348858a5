// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

package enum ManifestDeletion: Sendable, Hashable {
    /// Trashed: the tags that fell with it, in byte order.
    case deleted(event: EventID, tags: [Tag])
    case notFound
    /// Refused: live indexes hold it, of which at most 100 are named.
    case held(by: [Digest])
    case preconditionFailed(current: Digest?)
    /// Refused: a hold or a lock is on it or on a tag of it.
    case bound(PinRecord)
    /// Refused: it has more tags than one transaction removes; delete tags first.
    case tooManyTags(limit: Int)
}

extension SQL {
    static let liveParents = """
        SELECT p.digest FROM ref_manifest e JOIN manifest p ON p.id = e.manifest_id
        WHERE e.repo_id = ? AND e.child = ? AND p.live = 1 LIMIT ?
        """
    static let tagsOfManifest =
        "SELECT name FROM tag WHERE repo_id = ? AND digest = ? AND live = 1 ORDER BY name LIMIT ?"
    static let subjectOfManifest = "SELECT subject FROM manifest WHERE id = ?"
    static let trashManifest = """
        UPDATE manifest SET live = 0, purge_after_st = ? WHERE id = ?
        """
}

extension Catalog {
    /// Trashes a manifest: it and its tags are gone for clients at once, and it can be brought back within the undo
    /// window.
    ///
    /// Its edges stay, so its blobs and children are kept for as long as it can come back. Refused while a live index
    /// of the repository holds it, and under a hold or a lock. The condition is about the manifest itself.
    package func deleteManifest(
        _ digest: Digest,
        in name: RepositoryName,
        condition: Precondition = .none,
        context: Context
    ) async throws(CatalogError) -> ManifestDeletion {
        try await writer.submit { transaction in
            let repository = try transaction.repository(name)
            let row = try repository.flatMap { try transaction.database.row(SQL.manifestRow, $0.id, digest.key) }
            let isLive = try row?.flag(1) ?? false
            guard condition.holds(for: isLive ? digest : nil) else {
                return .preconditionFailed(current: isLive ? digest : nil)
            }
            guard let repository, let row, isLive else { return .notFound }
            return try transaction.trash(digest, row.int(0), in: repository, context)
        }
    }
}

extension Transaction {
    /// Trashes a live manifest and its tags, unless a live index holds it. `details` go into its event.
    func trash(
        _ digest: Digest,
        _ id: Int64,
        in repository: Repository,
        _ context: Catalog.Context,
        also details: [String: CanonicalJSON] = [:]
    ) throws -> ManifestDeletion {
        let parents = try database.rows(
            SQL.liveParents,
            repository.id,
            digest.key,
            CatalogLimits.refusalDigests
        ).map { try $0.digest(0) }
        guard parents.isEmpty else { return .held(by: parents) }
        if let bond = try bond(on: digest, in: repository) { return .bound(bond) }
        let limit = CatalogLimits.tagsPerDeletion
        let tags = try database.rows(SQL.tagsOfManifest, repository.id, digest.key, limit + 1).map { try $0.tag(0) }
        guard tags.count <= limit else { return .tooManyTags(limit: limit) }

        // The tags go first: their key would refuse a trashed manifest.
        for tag in tags {
            _ = try removeTag(tag, digest, .manifestDeleted, in: repository, context)
        }
        try moveToTrash(digest, id, in: repository)
        var body = details
        body["digest"] = .string(digest.description)
        body["tags"] = .integer(Int64(tags.count))
        let event = try record(
            .manifestTrashed,
            repository,
            context,
            subject: digest.description,
            digest: digest,
            body
        )
        try account(repository, manifests: -1, tags: -tags.count)
        try changed(repository, tags: -tags.count)
        return .deleted(event: event, tags: tags)
    }

    /// The rows of a manifest that is deleted. The caller has removed its tags.
    func moveToTrash(_ digest: Digest, _ id: Int64, in repository: Repository) throws {
        try database.noteTrash(digest, Trashing(stamp, at: nil), in: repository.id, now: now.seconds)
        try bury(id, in: repository)
    }

    /// The row of a manifest that goes to the trash. What it alone kept out of it goes along, once that is judged.
    func bury(_ id: Int64, in repository: Repository) throws {
        try database.run(SQL.trashManifest, now.advanced(by: settings.undo).seconds, id)
        try loosenChildren(of: id, in: repository)
        try raiseTrust(ofWhatRestsOn: id, in: repository)
    }

    /// What may speak for others has changed with a manifest that went, or came back.
    func raiseTrust(ofWhatRestsOn id: Int64, in repository: Repository) throws {
        let subject = try database.row(SQL.subjectOfManifest, id)?.optionalDigest(0)
        let children = try database.rows(SQL.manifestEdges, id).map { try $0.digest(0) }
        try raiseTrust(subject: subject, children: children, tags: [], in: repository)
    }
}
