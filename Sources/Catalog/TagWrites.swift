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
    /// Of a tag that was immutable where it was set: the epoch of the repository's home there.
    let homeEpoch: Int64?

    init(stamp: Stamp, digest: Digest?, former: Digest?, isExempted: Bool = false, homeEpoch: Int64? = nil) {
        self.homeEpoch = homeEpoch
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
            var epoch: Int64?
            if case .integer(let number)? = change.body?["home_epoch"] { epoch = number }
            self.init(stamp: stamp, digest: digest, former: former, isExempted: isExempted, homeEpoch: epoch)
        case .tagDeleted: self.init(stamp: stamp, digest: nil, former: former)
        default: return nil
        }
    }
}

/// What a tag comes to by all its writes that are known: a function of their set.
///
/// A write that names another former value than the one before it left was made without knowledge of that. Then the
/// later one wins. But what was set as an immutable tag stays, unless a right to overwrite was used, or the later one
/// was set under a higher epoch of the repository's home: who had the home before could not know of it. A value that
/// lost so is a conflict. A deletion that loses loses nothing.
struct TagOutcome {
    /// The write whose value the tag has; nil for a tag that is deleted.
    private(set) var current: TagWrite?
    private(set) var conflicts: [(loser: TagWrite, winner: TagWrite)] = []

    /// `writes` in the order of their stamps. What came before the first one is not known any more, so that it counts
    /// as known to it.
    init(_ writes: [TagWrite]) {
        for (index, write) in writes.enumerated() {
            let isAware = index == 0 || write.former == current?.digest
            if !isAware, let held = current {
                if let epoch = held.homeEpoch, !write.isExempted, write.homeEpoch ?? -1 <= epoch {
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
        INSERT INTO tag_write(repo_id, name, hlc, region, digest, former, exempted, home_epoch)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING
        """
    static let tagWriteExists = """
        SELECT 1 FROM tag_write WHERE repo_id = ? AND name = ? AND hlc = ? AND region = ?
        """
    static let tagWrites = """
        SELECT hlc, region, digest, former, exempted, home_epoch FROM tag_write
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
    /// The newest writes of a tag, in the order of their stamps.
    func writes(of tag: Tag, in repository: Int64, limit: Int) throws -> [TagWrite] {
        try rows(SQL.tagWrites, repository, tag.description, limit).reversed().map { row in
            TagWrite(
                stamp: Stamp(time: HybridTimestamp(rawValue: try row.int(0)), origin: try row.text(1)),
                digest: try row.optionalDigest(2),
                former: try row.optionalDigest(3),
                isExempted: try row.flag(4),
                homeEpoch: try row.optionalInt(5)
            )
        }
    }

    func insert(_ write: TagWrite, of tag: Tag, in repository: Int64) throws {
        try run(
            SQL.insertTagWrite,
            repository,
            tag.description,
            write.stamp.time.rawValue,
            write.stamp.origin,
            write.digest?.key,
            write.former?.key,
            write.isExempted,
            write.homeEpoch
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

    /// The epoch under which a tag was set last, if it was immutable then.
    func lastHomeEpoch(of tag: Tag, in repository: Repository) throws -> Int64? {
        let writes = try writes(of: tag, in: repository)
        return (TagOutcome(writes).current ?? writes.last { $0.digest != nil })?.homeEpoch
    }

    /// The newest writes of a tag, in the order of their stamps.
    func writes(of tag: Tag, in repository: Repository, limit: Int = CatalogLimits.tagWritesKept) throws -> [TagWrite] {
        try database.writes(of: tag, in: repository.id, limit: limit)
    }
}
