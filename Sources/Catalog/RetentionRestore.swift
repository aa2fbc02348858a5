// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// What could be brought back of a group.
package struct RestoreOutcome: Sendable, Hashable {
    package var tags = 0
    package var manifests = 0
    /// What stayed as it is, and why.
    package var conflicts: [String] = []
}

extension SQL {
    static let trashedManifest = "SELECT id, live FROM manifest WHERE repo_id = ? AND digest = ?"
    static let restoreManifest = "UPDATE manifest SET live = 1, purge_after_st = NULL WHERE id = ?"
    static let trashedChild = """
        SELECT e.child FROM ref_manifest e JOIN manifest c ON c.repo_id = e.repo_id AND c.digest = e.child
        WHERE e.manifest_id = ? AND c.live = 0 LIMIT 1
        """
    static let hiddenBlobs = """
        SELECT l.digest, b.size FROM ref_blob e JOIN repo_blob l ON l.repo_id = e.repo_id AND l.digest = e.digest
        JOIN blob b ON b.digest = l.digest WHERE e.manifest_id = ? AND l.hidden = 1
        """
    static let showLink = "UPDATE repo_blob SET hidden = 0 WHERE repo_id = ? AND digest = ?"
    static let setTagTime = "UPDATE tag SET set_at = ? WHERE repo_id = ? AND name = ?"
}

extension Catalog {
    /// Brings back what a group of decisions deleted, in one transaction: manifests from the trash, then their tags.
    /// What has another value now is not overwritten.
    ///
    /// Crash story: as that of `apply`.
    package func restore(
        _ group: [RetentionItem],
        of run: Int64,
        context: Context
    ) async throws(CatalogError) -> RestoreOutcome {
        try await writer.submit { transaction in
            var outcome = RestoreOutcome()
            guard let first = group.first, let repository = try transaction.repository(first.repository) else {
                return outcome
            }
            // What describes a manifest may come before or after it; tags need theirs.
            for item in group where item.tag == nil {
                let conflict = try transaction.restoreManifest(item.digest, run: run, in: repository, context)
                try transaction.settle([item], of: run, as: conflict == nil ? .restored : .conflict, conflict)
                if let conflict { outcome.conflicts.append(conflict) } else { outcome.manifests += 1 }
            }
            for item in group {
                guard let tag = item.tag else { continue }
                let conflict = try transaction.restoreTag(tag, item, run: run, in: repository, context)
                try transaction.settle([item], of: run, as: conflict == nil ? .restored : .conflict, conflict)
                if let conflict { outcome.conflicts.append(conflict) } else { outcome.tags += 1 }
            }
            return outcome
        }
    }
}

extension Transaction {
    /// Takes a manifest out of the trash. Its edges were kept, so its blobs are here; those that a delete has hidden
    /// since come back into sight.
    ///
    /// - Returns: Why it could not be; nil where it is live now.
    func restoreManifest(
        _ digest: Digest,
        run: Int64?,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws -> String? {
        guard let row = try database.row(SQL.trashedManifest, repository.id, digest.key) else {
            return "\(digest) is gone for good: its undo window has ended"
        }
        if try row.flag(1) { return nil }
        if let child = try takeFromTrash(digest, row.int(0), in: repository) {
            return "\(digest) holds \(child), which was deleted on its own"
        }
        var body: [String: CanonicalJSON] = ["digest": .string(digest.description)]
        if let run { body["run"] = .integer(run) }
        try record(
            .manifestRestored,
            repository,
            context,
            subject: digest.description,
            digest: digest,
            body
        )
        return nil
    }

    /// The rows of a manifest that comes back from the trash: its links that a delete has hidden come into sight.
    ///
    /// - Returns: A manifest that it holds and that is in the trash itself: then nothing was changed. nil where it is
    ///   live now.
    func takeFromTrash(_ digest: Digest, _ id: Int64, in repository: Repository) throws -> Digest? {
        if let child = try database.row(SQL.trashedChild, id)?.digest(0) { return child }
        try touch(digest, in: repository)
        try unbury(id, in: repository)
        return nil
    }

    /// The rows of a manifest that comes out of the trash. What it holds comes along, once that is judged.
    func unbury(_ id: Int64, in repository: Repository) throws {
        for hidden in try database.rows(SQL.hiddenBlobs, id) {
            try database.run(SQL.showLink, repository.id, hidden.digest(0).key)
            try account(repository, bytes: hidden.int(1))
        }
        try database.run(SQL.restoreManifest, id)
        try loosenChildren(of: id, in: repository)
        try raiseTrust(ofWhatRestsOn: id, in: repository)
        try account(repository, manifests: 1)
        try changed(repository)
    }

    /// Gives a tag its value back, and the age it had.
    ///
    /// - Returns: Why it could not be; nil where it has the value now.
    fileprivate func restoreTag(
        _ tag: Tag,
        _ item: RetentionItem,
        run: Int64,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws -> String? {
        if let current = try currentDigest(of: tag, in: repository) {
            return current == item.digest ? nil : "the tag \(tag) has another image now, \(current)"
        }
        guard let row = try database.row(SQL.trashedManifest, repository.id, item.digest.key), try row.flag(1) else {
            return "the image of the tag \(tag), \(item.digest), is gone"
        }
        let change = TagChange(tag: tag, former: nil)
        _ = try setTag(
            change,
            to: item.digest,
            exempted: false,
            homeEpoch: lastHomeEpoch(of: tag, in: repository),
            in: repository,
            context
        )
        if let time = item.setAt { try database.run(SQL.setTagTime, time, repository.id, tag.description) }
        try raiseTrust(subject: nil, children: [], tags: [tag], in: repository)
        try account(repository, tags: 1)
        try changed(repository, tags: 1)
        return nil
    }
}
