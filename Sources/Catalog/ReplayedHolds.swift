// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
import OCI

extension SQL {
    static let replayPinOfTag = """
        INSERT INTO pin(repo_id, kind, tag, until, reason, actor, since) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, tag, kind) WHERE tag IS NOT NULL
            DO UPDATE SET until = excluded.until, reason = excluded.reason, actor = excluded.actor
        """
    static let replayPinOfDigest = """
        INSERT INTO pin(repo_id, kind, digest, until, reason, actor, since) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(repo_id, digest, kind) WHERE digest IS NOT NULL
            DO UPDATE SET until = excluded.until, reason = excluded.reason, actor = excluded.actor
        """
    static let replayEndOfPinOfTag = "DELETE FROM pin WHERE repo_id = ? AND tag = ? AND kind = ?"
    static let replayEndOfPinOfDigest = "DELETE FROM pin WHERE repo_id = ? AND digest = ? AND kind = ?"
    static let pinKinds: Set<String> = ["pin", "hold", "lock"]
}

extension Transaction {
    /// A pin, a hold or a lock on a tag or on a digest; a lock without its date is none.
    func applyHold(
        _ kind: String,
        _ change: LoggedChange,
        in repository: Repository,
        _ context: Catalog.Context
    ) throws {
        let key: Argument = change.tag?.description ?? change.digest("digest")?.key
        guard SQL.pinKinds.contains(kind), let key else { return }
        let isOfTag = change.tag != nil
        guard change.kind == EventKind.holdSet.rawValue else {
            let sql = isOfTag ? SQL.replayEndOfPinOfTag : SQL.replayEndOfPinOfDigest
            try database.run(sql, repository.id, key, kind)
            return
        }
        var until: Int64?
        if case .integer(let date)? = change.body?["until"] { until = date }
        guard kind != "lock" || until != nil else { return }
        try database.run(
            isOfTag ? SQL.replayPinOfTag : SQL.replayPinOfDigest,
            repository.id,
            kind,
            key,
            until,
            change.body?["reason"]?.text ?? "",
            context.actor,
            wallSeconds
        )
    }
}
