// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

extension SQL {
    static let anyParent = "SELECT 1 FROM ref_manifest WHERE repo_id = ? AND child = ? LIMIT 1"
    static let extendLease = """
        UPDATE repo_blob SET lease_until_st = CASE WHEN lease_until_st < ? THEN ? ELSE lease_until_st END
        WHERE repo_id = ? AND digest = ?
        """
    static let deleteManifestRow = "DELETE FROM manifest WHERE id = ?"
}

/// What the kinds of entries do to the rows, as the verbs that wrote them did. What does not fit what is here, because
/// bytes are missing or a row is not there, changes nothing.
extension Transaction {
    func apply(_ entry: ReplayedEntry, in repository: Repository?, _ context: Catalog.Context) throws {
        let change = entry.change
        switch EventKind(rawValue: change.kind) {
        case .quarantineSet, .quarantineCleared, .holdSet, .holdCleared:
            try applyRegister(change, in: repository, context)
        case .maintenanceSet, .maintenanceEnded: try applyMaintenance(change, by: context.actor)
        case .conflictResolved:
            guard let repository else { return }
            try applyResolution(change, in: repository)
        case .repositoryCreated, .homeSet:
            guard let repository, let move = HomeMove(change, stamp) else { return }
            try note(move, of: repository)
        case .deploymentReported:
            guard let repository else { return }
            try applyDeployment(change, isOrdered: true, in: repository)
            if let release = LoggedRelease(change) { try apply(release, change, in: repository) }
        case .buildReported, .imagePromoted, .deploymentStepped:
            guard let repository, let release = LoggedRelease(change) else { return }
            try apply(release, change, in: repository)
        case .manifestPut, .manifestTrashed, .manifestRestored, .manifestPurged:
            guard let repository, let digest = change.digest("digest") else { return }
            try applyManifest(entry, digest, in: repository, context)
        case .tagSet, .tagDeleted:
            guard let repository, let tag = change.tag else { return }
            try applyTag(tag, change, in: repository, context)
        default:
            // The rest is told by the entry's row alone, or changes what is not in the catalog.
            return
        }
    }

    private func applyManifest(
        _ entry: ReplayedEntry,
        _ digest: Digest,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        let row = try database.row(SQL.manifestRow, repository.id, digest.key)
        let (id, isLive) = try (row?.int(0), row?.flag(1) ?? false)
        switch EventKind(rawValue: entry.change.kind) {
        case .manifestPut:
            guard let manifest = entry.manifest else { return }
            let repository = entry.change.isSparse ? try sparse(repository) : repository
            try put(manifest, digest, entry.blobs, over: id, wasLive: isLive, in: repository, context)
        case .manifestTrashed:
            try database.noteTrash(digest, Trashing(stamp, at: nil), in: repository.id, now: now.seconds)
            loosen(digest, in: repository)
        case .manifestRestored:
            try touch(digest, in: repository)
            loosen(digest, in: repository)
        default:
            guard let id, !isLive else { return }
            try purge(digest, id, in: repository)
        }
    }

    // MARK: Manifests

    private func put(
        _ manifest: Manifest,
        _ digest: Digest,
        _ blobs: [ReplayedBlob],
        over row: Int64?,
        wasLive: Bool,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        // The log does not say what a mirror had fetched: that comes again when it is asked for.
        for blob in repository.isSparse ? [] : blobs.sorted(by: { $0.digest < $1.digest }) {
            if blob.isWhole {
                _ = try link(blob.digest, size: blob.size, to: repository)
            } else {
                try linkMissing(blob.digest, size: blob.size, to: repository)
            }
        }
        var references =
            try repository.isSparse ? resolveSparse(manifest, in: repository) : resolve(manifest, in: repository)
        guard references.unresolved.missingManifests.isEmpty else { return }
        // A blob whose bytes are missing is protected too: it comes back with its next push.
        references.blobs += try references.unresolved.missingBlobs.filter { digest in
            try database.row(SQL.linkExists, repository.id, digest.key) != nil
        }
        let operation = ManifestPutOperation(
            manifest: manifest,
            digest: digest,
            name: repository.name,
            tags: [],
            condition: .none,
            overwrites: [:],
            quotas: [],
            scanRole: .none,
            context: context
        )
        _ = try operation.place(self, repository, row: row, references)
        // The log does not say who made a report on secrets: the registry looks again.
        if manifest.artifactType == .secretsReport, let subject = manifest.subject {
            try note(.wanted, of: subject.digest, in: repository)
        }
        try raiseTrust(
            subject: manifest.subject?.digest,
            children: references.children,
            tags: [],
            in: repository
        )
        try account(repository, manifests: wasLive ? 0 : 1)
        try changed(repository)
        loosen(digest, in: repository)
    }

    private func purge(_ digest: Digest, _ id: Int64, in repository: Repository) throws {
        guard try database.row(SQL.anyParent, repository.id, digest.key) == nil else { return }
        let blobs = try database.rows(SQL.blobEdges, id).map { try $0.digest(0) }
        try database.run(SQL.deleteManifestRow, id)
        let lease = leaseEnd.seconds
        for blob in blobs {
            try database.run(SQL.extendLease, lease, lease, repository.id, blob.key)
            try database.run(SQL.queueLink, repository.id, blob.key, lease, "purged")
        }
        try changed(repository)
    }

    // MARK: Tags

    /// The former value is the one that the entry names: here it may be missing.
    private func applyTag(
        _ tag: Tag,
        _ change: LoggedChange,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        guard let write = TagWrite(change, stamp) else { return }
        try note(write, of: tag, in: repository)
        // Another region may have set it later, or have been its home when it was set here.
        let writes = try writes(of: tag, in: repository)
        guard writes.last == write, TagOutcome(writes).current?.digest == write.digest else { return }
        let current = try currentDigest(of: tag, in: repository)
        guard change.kind == EventKind.tagSet.rawValue else {
            guard let current else { return }
            let reason = change.body?["why"]?.text.flatMap { TagEnd(rawValue: $0) } ?? .deleted
            return try remove(tag, current, reason, in: repository, context)
        }
        guard let digest = change.digest("digest") else { return }
        let row = try database.row(SQL.manifestRow, repository.id, digest.key)
        guard try row?.flag(1) == true else {
            // Absent rather than the value that it had before.
            if let current { try remove(tag, current, .moved, in: repository, context) }
            return
        }
        let moved = TagChange(tag: tag, former: change.digest("former"))
        try placeTag(moved, to: digest, in: repository, context)
        try raiseTrust(subject: nil, children: [], tags: [tag], in: repository)
        try account(repository, tags: current == nil ? 1 : 0)
        try changed(repository, tags: current == nil ? 1 : 0)
    }

    private func remove(
        _ tag: Tag,
        _ current: Digest,
        _ reason: TagEnd,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        try dropTag(tag, current, reason, in: repository, context)
        try account(repository, tags: -1)
        try changed(repository, tags: -1)
    }
}
