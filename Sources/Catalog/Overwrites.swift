// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

/// What a caller may do with a tag that has, or had, another value than the one it is to get.
package enum OverwriteVerdict: Sendable, Hashable {
    case allowed
    /// The tag is immutable, and the caller has a right of his own to overwrite it: done, and recorded as such.
    case exempted
    case denied(reason: String)
}

/// What the verdicts come to once the tags' values are known.
enum OverwriteJudgement {
    /// The immutable tags that are overwritten by an exemption.
    case allowed(exempted: Set<Tag>)
    case denied(tag: Tag, current: Digest, reason: String)
}

extension Transaction {
    /// Decides on the tags that would get another value than their last one.
    ///
    /// The last value of a deleted tag is the one that its deletion took: deleting a tag does not free its name. Tags
    /// whose overwriting is allowed are not looked up.
    func judge(
        _ verdicts: [Tag: OverwriteVerdict],
        of changes: [TagChange],
        to digest: Digest,
        in repository: Repository?
    ) throws -> OverwriteJudgement {
        var exempted: Set<Tag> = []
        guard let repository else { return .allowed(exempted: exempted) }
        for change in changes {
            guard let verdict = verdicts[change.tag], verdict != .allowed,
                let current = try change.former ?? lastDigest(of: change.tag, in: repository), current != digest
            else { continue }
            if case .denied(let reason) = verdict {
                return .denied(tag: change.tag, current: current, reason: reason)
            }
            exempted.insert(change.tag)
        }
        return .allowed(exempted: exempted)
    }

    private func lastDigest(of tag: Tag, in repository: Repository) throws -> Digest? {
        try database.row(SQL.lastTagDigest, repository.id, tag.description)?.optionalDigest(0)
    }
}
