// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

extension Merge {
    /// What an entry says of a tag: one more write of it, out of which the value follows.
    ///
    /// - Returns: The manifests that have to be fetched first; nil where it is done.
    mutating func applyTag(
        _ tag: Tag,
        _ write: TagWrite,
        _ entry: MergedEntry,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws -> [Digest]? {
        if let digest = write.digest, let missing = try touch(digest, entry, in: repository) { return missing }
        var writes = try transaction.writes(of: tag, in: repository)
        if try transaction.isKnown(write, of: tag, in: repository) {
            // Nothing new; but where the tag is not what its writes come to, it becomes that.
            let outcome = TagOutcome(writes)
            guard try outcome.current?.digest != transaction.currentDigest(of: tag, in: repository) else { return nil }
            try place(outcome.current, of: tag, after: write, .moved, in: repository, context)
            return nil
        }
        let position = writes.firstIndex { write.stamp < $0.stamp } ?? writes.endIndex
        // Older than all that are kept, of a tag with more of them: nothing follows from it any more.
        guard position > 0 || writes.count < CatalogLimits.tagWritesKept else { return nil }
        writes.insert(write, at: position)
        let outcome = TagOutcome(writes)
        if let digest = outcome.current?.digest {
            // Not here only where it was deleted after this was set: the tag holds it all the same.
            var missing: [Digest] = []
            guard try admit(digest, entry, in: repository, levels: 1, &missing) != nil else { return missing }
        }
        try transaction.note(write, of: tag, in: repository)
        try keep(outcome.conflicts, of: tag, since: writes[0].stamp, in: repository)
        let isConflict = outcome.conflicts.contains {
            $0.loser.stamp == write.stamp || $0.winner.stamp == write.stamp
        }
        let reason: TagEnd =
            if isConflict {
                .conflict
            } else if write.digest == nil {
                entry.change.body?["why"]?.text.flatMap { TagEnd(rawValue: $0) } ?? .deleted
            } else {
                .moved
            }
        try place(outcome.current, of: tag, after: write, reason, in: repository, context)
        return nil
    }

    /// Gives a tag the value that its writes come to. What it had, and what the write brought and did not get through,
    /// goes to the history.
    private func place(
        _ current: TagWrite?,
        of tag: Tag,
        after write: TagWrite,
        _ reason: TagEnd,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        let former = try transaction.currentDigest(of: tag, in: repository)
        var value = current?.digest
        if let digest = value {
            if let standing = try database.standing(of: digest, in: repository.id) {
                // The key of a tag refuses what is in the trash.
                if !standing.isLive { try transaction.unbury(standing.id, in: repository) }
            } else {
                value = nil
            }
        }
        if let former, former != value {
            try transaction.remember(tag, former, reason, in: repository, context)
            transaction.loosen(former, in: repository)
        }
        if let brought = write.digest, brought != value, brought != former {
            try transaction.remember(tag, brought, reason, in: repository, context)
        }
        if let current, let value {
            let stamp = current.stamp
            try database.run(
                SQL.setTag,
                repository.id,
                tag.description,
                value.key,
                stamp.time.rawValue,
                stamp.origin
            )
        } else if former != nil {
            try database.run(SQL.deleteTag, repository.id, tag.description)
        }
        if former != value { try transaction.raiseTrust(subject: nil, children: [], tags: [tag], in: repository) }
        let added = (value == nil ? 0 : 1) - (former == nil ? 0 : 1)
        try transaction.account(repository, tags: added)
        try transaction.changed(repository, tags: added)
    }
}
