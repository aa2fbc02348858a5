// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// What must hold for a change to happen, from the headers If-Match and If-None-Match.
package enum Precondition: Sendable, Hashable {
    case none
    /// `If-Match: "<digest>"`: the current value is this one.
    case matches(Digest)
    /// `If-Match: *`: there is a current value.
    case exists
    /// `If-None-Match: *`: there is none.
    case absent

    func holds(for current: Digest?) -> Bool {
        switch self {
        case .none: true
        case .matches(let digest): current == digest
        case .exists: current != nil
        case .absent: current == nil
        }
    }
}

/// A tag that was set, and the digest it had before; nil for a new tag.
package struct TagChange: Sendable, Hashable {
    package let tag: Tag
    package let former: Digest?

    package init(tag: Tag, former: Digest?) {
        self.tag = tag
        self.former = former
    }
}

package struct StoredManifest: Sendable, Hashable {
    /// The last event of the put: a log that has it has all of them.
    package let event: EventID
    package let timestamp: HybridTimestamp
    /// Whether it was live in this repository before.
    package let existed: Bool
    package let tags: [TagChange]
}

package enum ManifestPut: Sendable, Hashable {
    case stored(StoredManifest)
    case unresolved(UnresolvedReferences)
    /// `tag` is nil where the condition was about the manifest itself.
    case preconditionFailed(tag: Tag?, current: Digest?)
    /// A tag of the push may not be set to another manifest than the one it has, or had before it was deleted.
    case overwriteDenied(tag: Tag, current: Digest, reason: String)
    /// A tag of the push has another manifest, and a hold or a lock is on the tag.
    case bound(PinRecord)
    case overQuota(QuotaExcess)
    case tooManyTags(limit: Int)
    case tooManyReferrers(limit: Int)
    case indexTooDeep(limit: Int)
    /// An immutable tag of the push would get a value, and this is not where that is done.
    case awayFromHome(HomeStanding)
}

extension SQL {
    static let manifestRow = "SELECT id, live FROM manifest WHERE repo_id = ? AND digest = ?"
    static let insertManifest = """
        INSERT INTO manifest(repo_id, digest, media_type, artifact_type, config_type, subject, depth, pushed_at,
            touch_hlc, touch_region, live, annotations, payload)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) RETURNING id
        """
    /// For a manifest that is here, live or trashed: the bytes are the same, their media type may not be.
    static let reviveManifest = """
        UPDATE manifest SET media_type = ?, artifact_type = ?, pushed_at = ?,
            touch_hlc = CASE WHEN touch_hlc < ? THEN ? ELSE touch_hlc END, touch_region = ?,
            live = 1, purge_after_st = NULL
        WHERE id = ?
        """
    static let insertBlobEdge = """
        INSERT INTO ref_blob(manifest_id, repo_id, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
        """
    static let insertManifestEdge = """
        INSERT INTO ref_manifest(manifest_id, repo_id, child) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
        """
    static let insertWeakEdge = """
        INSERT INTO ref_weak(manifest_id, repo_id, target, kind) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
        """
    static let countReferrers = """
        SELECT COUNT(*) FROM (SELECT 1 FROM manifest
            WHERE repo_id = ? AND subject = ? AND live = 1 AND digest <> ? LIMIT ?) AS bounded
        """
}

extension Catalog {
    /// Stores a manifest and sets its tags, all in one savepoint: the checks, the rows, the edges, the tags and the
    /// events are there together or not at all.
    ///
    /// The manifest's own bytes must be durable under their digest before the call. A refusal changes nothing. A tag
    /// named twice counts once. The condition must hold for every one of the tags; without tags, for the manifest in
    /// this repository. `overwrites` says what the caller may do with tags that have another value; a tag that is not
    /// in it may be overwritten. Tags in `immutable` get a value only in the repository's home.
    package func putManifest(
        _ manifest: Manifest,
        digest: Digest,
        in name: RepositoryName,
        tags: [Tag],
        condition: Precondition = .none,
        overwrites: [Tag: OverwriteVerdict] = [:],
        immutable: Set<Tag> = [],
        quotas: [StorageQuota] = [],
        scanRole: ScanRole = .none,
        context: Context
    ) async throws(CatalogError) -> ManifestPut {
        let put = ManifestPutOperation(
            manifest: manifest,
            digest: digest,
            name: name,
            tags: tags.uniqued(),
            condition: condition,
            overwrites: overwrites,
            immutable: immutable,
            quotas: quotas,
            scanRole: scanRole,
            context: context
        )
        return try await writer.submit { try put.run($0) }
    }
}

/// The steps of one put, on the writer's thread.
struct ManifestPutOperation: Sendable {
    let manifest: Manifest
    let digest: Digest
    let name: RepositoryName
    let tags: [Tag]
    let condition: Precondition
    let overwrites: [Tag: OverwriteVerdict]
    var immutable: Set<Tag> = []
    let quotas: [StorageQuota]
    let scanRole: ScanRole
    let context: Catalog.Context
    /// Whether it was fetched from the registry that the repository mirrors.
    var isMirrored = false

    /// Everything is checked before the first row is written, but for that of a repository that mirrors.
    func run(_ transaction: Transaction) throws -> ManifestPut {
        let known = try isMirrored ? transaction.sparseRepository(name, context) : transaction.repository(name)
        let row = try known.flatMap { try transaction.database.row(SQL.manifestRow, $0.id, digest.key) }
        let existed = try row.map { try $0.flag(1) } ?? false
        let changes = try tags.map { tag in
            TagChange(tag: tag, former: try known.flatMap { try transaction.currentDigest(of: tag, in: $0) })
        }
        if let refusal = try refusal(transaction, known, existed, changes) { return refusal }
        let exempted: Set<Tag>
        switch try transaction.judge(overwrites, of: changes, to: digest, in: known) {
        case .allowed(let tags): exempted = tags
        case .denied(let tag, let current, let reason):
            return .overwriteDenied(tag: tag, current: current, reason: reason)
        }
        let home = try immutable.isEmpty ? nil : transaction.home(of: known)
        if let home, !home.isHere, changes.contains(where: { immutable.contains($0.tag) && $0.former != digest }) {
            return .awayFromHome(home)
        }
        let references =
            if isMirrored, let known { try transaction.resolveSparse(manifest, in: known) } else {
                try transaction.resolve(manifest, in: known)
            }
        guard references.unresolved.isEmpty else { return .unresolved(references.unresolved) }
        guard references.depth <= transaction.settings.indexDepth else {
            return .indexTooDeep(limit: transaction.settings.indexDepth)
        }

        let size = Int64(manifest.bytes.count)
        if let excess = try transaction.excess(of: quotas, adding: size, of: digest, to: name) {
            return .overQuota(excess)
        }

        let repository = try known ?? transaction.repositoryForWriting(name, context)
        _ = try place(transaction, repository, row: row?.int(0), references)
        var event = try transaction.record(
            .manifestPut,
            repository,
            context,
            subject: digest.description,
            digest: digest,
            body(existed: existed, repository)
        )
        for change in changes {
            event = try transaction.setTag(
                change,
                to: digest,
                exempted: exempted.contains(change.tag),
                homeEpoch: epoch(of: change.tag, home, in: repository, transaction),
                in: repository,
                context
            )
        }
        try transaction.note(scanRole, of: digest, in: repository)
        try transaction.raiseTrust(
            subject: manifest.subject?.digest,
            children: references.children,
            tags: tags,
            in: repository
        )
        let newTags = changes.count { $0.former == nil }
        try transaction.account(repository, manifests: existed ? 0 : 1, tags: newTags)
        try transaction.changed(repository, tags: newTags)
        return .stored(
            StoredManifest(event: event, timestamp: transaction.timestamp, existed: existed, tags: changes)
        )
    }

    /// The epoch under which an immutable tag is set. What it has already keeps the one that it has.
    private func epoch(
        of tag: Tag,
        _ home: HomeStanding?,
        in repository: Repository,
        _ transaction: Transaction
    ) throws -> Int64? {
        guard immutable.contains(tag), let home else { return nil }
        return home.isHere ? home.epoch : try transaction.lastHomeEpoch(of: tag, in: repository)
    }

    /// The rows of the manifest: its blob, its link, itself and its edges. `row` is the one that is here, if any.
    ///
    /// - Returns: The id of its row.
    func place(
        _ transaction: Transaction,
        _ repository: Repository,
        row: Int64?,
        _ references: ResolvedReferences
    ) throws -> Int64 {
        _ = try transaction.link(digest, size: Int64(manifest.bytes.count), to: repository)
        if transaction.hasHealed { try transaction.database.run(SQL.setCopies, Data(manifest.bytes), digest.key) }
        let id = try store(transaction, repository, row: row, depth: references.depth)
        try connect(transaction, repository, id, references)
        if repository.isSparse, references.depth == 0 { try transaction.settle(child: digest, in: repository) }
        return id
    }

    private func refusal(
        _ transaction: Transaction,
        _ repository: Repository?,
        _ existed: Bool,
        _ changes: [TagChange]
    ) throws -> ManifestPut? {
        if tags.isEmpty, !condition.holds(for: existed ? digest : nil) {
            return .preconditionFailed(tag: nil, current: existed ? digest : nil)
        }
        for change in changes where !condition.holds(for: change.former) {
            return .preconditionFailed(tag: change.tag, current: change.former)
        }
        if let repository {
            for change in changes where change.former != nil && change.former != digest {
                if let bond = try transaction.bond(on: .tag(change.tag), in: repository) { return .bound(bond) }
            }
        }
        let newTags = changes.count { $0.former == nil }
        let tagLimit = transaction.settings.tagsPerRepository
        if newTags > 0, (repository?.tagCount ?? 0) + newTags > tagLimit { return .tooManyTags(limit: tagLimit) }
        if let subject = manifest.subject, let repository {
            let limit = transaction.settings.referrersPerSubject
            let others = try transaction.database.row(
                SQL.countReferrers,
                repository.id,
                subject.digest.key,
                digest.key,
                limit
            )
            if try others?.int(0) ?? 0 >= Int64(limit) { return .tooManyReferrers(limit: limit) }
        }
        return nil
    }

    /// The manifest's row: new, or the one that is here, live or trashed. Returns its id.
    private func store(
        _ transaction: Transaction,
        _ repository: Repository,
        row: Int64?,
        depth: Int
    ) throws -> Int64 {
        let stamp = transaction.stamp.time.rawValue
        let region = transaction.stamp.origin
        if let row {
            try transaction.database.run(
                SQL.reviveManifest,
                manifest.mediaType.description,
                manifest.artifactType?.description,
                transaction.stampSeconds,
                stamp,
                stamp,
                region,
                row
            )
            return row
        }
        let annotations: String? =
            manifest.annotations.isEmpty
            ? nil : CanonicalJSON.object(manifest.annotations.mapValues(CanonicalJSON.string)).text
        let inserted = try transaction.database.row(
            SQL.insertManifest,
            repository.id,
            digest.key,
            manifest.mediaType.description,
            manifest.artifactType?.description,
            manifest.configType?.description,
            manifest.subject?.digest.key,
            depth,
            transaction.stampSeconds,
            stamp,
            region,
            annotations,
            Data(manifest.bytes)
        )
        guard let inserted else { throw CatalogError(.inconsistent, "a manifest without an id") }
        return try inserted.int(0)
    }

    /// The edges: to the manifest's own bytes, its blobs and its children. A subject may be absent: its edge is weak.
    private func connect(
        _ transaction: Transaction,
        _ repository: Repository,
        _ id: Int64,
        _ references: ResolvedReferences
    ) throws {
        let database = transaction.database
        try database.run(SQL.insertBlobEdge, id, repository.id, digest.key)
        for blob in references.blobs { try database.run(SQL.insertBlobEdge, id, repository.id, blob.key) }
        for child in references.children { try database.run(SQL.insertManifestEdge, id, repository.id, child.key) }
        if let subject = manifest.subject {
            try database.run(SQL.insertWeakEdge, id, repository.id, subject.digest.key, "subject")
        }
        for (kind, targets) in [("child", references.awaitedChildren), ("blob", references.awaitedBlobs)] {
            for target in targets { try database.run(SQL.insertWeakEdge, id, repository.id, target.key, kind) }
        }
    }

    private func body(existed: Bool, _ repository: Repository) -> [String: CanonicalJSON] {
        var body: [String: CanonicalJSON] = [
            "digest": .string(digest.description),
            "mediaType": .string(manifest.mediaType.description),
            "artifactType": CanonicalJSON(manifest.artifactType?.description),
            "subject": CanonicalJSON(manifest.subject?.digest.description),
            "size": .integer(Int64(manifest.bytes.count)),
            "existed": .bool(existed),
        ]
        if repository.isSparse { body["sparse"] = .bool(true) }
        return body
    }
}

extension Array where Element: Hashable {
    /// The elements without repetitions, each where it first stood.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
