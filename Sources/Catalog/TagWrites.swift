// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// One time that a tag was set or deleted, here or in another region.
struct TagWrite: Hashable {
    let stamp: Stamp
    /// nil where it was deleted.
    let digest: Digest?
    /// What it had, as far as the region knew where it was set; nil for nothing.
    let former: Digest?
    /// Whether an immutable tag was overwritten by a right to do so.
    let isExempted: Bool

    init(stamp: Stamp, digest: Digest?, former: Digest?, isExempted: Bool = false) {
        self.stamp = stamp
        self.digest = digest
        self.former = former
        self.isExempted = isExempted
    }

    /// What an entry of a log says; nil where it is about no tag.
    init?(_ change: LoggedChange, _ stamp: Stamp) {
        let former = change.digest("former")
        switch EventKind(rawValue: change.kind) {
        case .tagSet:
            guard let digest = change.digest("digest") else { return nil }
            let isExempted = change.body?["exempted"] == .bool(true)
            self.init(stamp: stamp, digest: digest, former: former, isExempted: isExempted)
        case .tagDeleted: self.init(stamp: stamp, digest: nil, former: former)
        default: return nil
        }
    }
}

/// What a tag comes to by all its writes that are known: a function of their set.
///
/// A write that names another former value than the one before it left was made without knowledge of that. Then the
/// later one wins; of an immutable tag the earlier one, unless a right to overwrite was used. A value that lost so is
/// a conflict. A deletion that loses loses nothing.
struct TagOutcome {
    /// The write whose value the tag has; nil for a tag that is deleted.
    private(set) var current: TagWrite?
    private(set) var conflicts: [(loser: TagWrite, winner: TagWrite)] = []

    /// `writes` in the order of their stamps. What came before the first one is not known any more, so that it counts
    /// as known to it.
    init(_ writes: [TagWrite], isImmutable: Bool) {
        for (index, write) in writes.enumerated() {
            let isAware = index == 0 || write.former == current?.digest
            if !isAware, let held = current {
                if isImmutable, !write.isExempted {
                    if write.digest != nil, write.digest != held.digest { conflicts.append((write, held)) }
                    continue
                }
                if held.digest != write.digest { conflicts.append((held, write)) }
            }
            current = write.digest == nil ? nil : write
        }
    }
}

extension SQL {
    static let insertTagWrite = """
        INSERT INTO tag_write(repo_id, name, hlc, region, digest, former, exempted) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING
        """
    static let tagWriteExists = """
        SELECT 1 FROM tag_write WHERE repo_id = ? AND name = ? AND hlc = ? AND region = ?
        """
    static let tagWrites = """
        SELECT hlc, region, digest, former, exempted FROM tag_write
        WHERE repo_id = ? AND name = ? ORDER BY hlc DESC, region DESC LIMIT ?
        """
    static let trimTagWrites = """
        DELETE FROM tag_write WHERE repo_id = ? AND name = ? AND (hlc, region) <=
            (SELECT hlc, region FROM tag_write WHERE repo_id = ? AND name = ?
                ORDER BY hlc DESC, region DESC LIMIT 1 OFFSET ?)
        """
    static let forgetTagWrite = "DELETE FROM tag_write WHERE repo_id = ? AND name = ? AND hlc = ? AND region = ?"
    static let forgetTagWrites = "DELETE FROM tag_write WHERE repo_id = ? AND name = ?"
    static let restampTag = "UPDATE tag SET hlc = ?, region = ? WHERE repo_id = ? AND name = ?"
}

extension Database {
    func insert(_ write: TagWrite, of tag: Tag, in repository: Int64) throws {
        try run(
            SQL.insertTagWrite,
            repository,
            tag.description,
            write.stamp.time.rawValue,
            write.stamp.origin,
            write.digest?.key,
            write.former?.key,
            write.isExempted
        )
    }
}

extension Transaction {
    /// Keeps a write of a tag, of which the newest `CatalogLimits.tagWritesKept` are kept.
    func note(_ write: TagWrite, of tag: Tag, in repository: Repository) throws {
        let (id, name) = (repository.id, tag.description)
        try database.insert(write, of: tag, in: id)
        try database.run(SQL.trimTagWrites, id, name, id, name, CatalogLimits.tagWritesKept)
    }

    func isKnown(_ write: TagWrite, of tag: Tag, in repository: Repository) throws -> Bool {
        let stamp = write.stamp
        return try database.row(
            SQL.tagWriteExists,
            repository.id,
            tag.description,
            stamp.time.rawValue,
            stamp.origin
        ) != nil
    }

    /// The newest writes of a tag, in the order of their stamps.
    func writes(of tag: Tag, in repository: Repository, limit: Int = CatalogLimits.tagWritesKept) throws -> [TagWrite] {
        try database.rows(SQL.tagWrites, repository.id, tag.description, limit).reversed().map { row in
            TagWrite(
                stamp: Stamp(time: HybridTimestamp(rawValue: try row.int(0)), origin: try row.text(1)),
                digest: try row.optionalDigest(2),
                former: try row.optionalDigest(3),
                isExempted: try row.flag(4)
            )
        }
    }
}
