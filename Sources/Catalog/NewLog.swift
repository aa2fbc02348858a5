// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

extension SQL {
    /// Entries of former logs have indexes below zero: each new log pushes them down by 2^40.
    static let retireIndexes = "UPDATE event SET seq = seq - 1099511627776 WHERE seq IS NOT NULL"
    static let dropCheckpoints = "DELETE FROM checkpoint"
    static let continued = """
        SELECT 1 FROM event WHERE repo_id IS NULL AND kind = ? AND subject = ? AND (seq IS NULL OR seq = 0)
        """
}

/// The log that another one goes on from.
package struct FormerLog: Sendable, Hashable {
    package let origin: String
    package let size: Int64
    /// In base64.
    package let root: String

    package init(origin: String, size: Int64, root: String) {
        self.origin = origin
        self.size = size
        self.root = root
    }
}

extension Transaction {
    /// Takes their places from the entries of the log so far, which another one goes on from.
    func retireLog() throws {
        try database.run(SQL.retireIndexes)
        try database.run(SQL.dropCheckpoints)
    }
}

extension Catalog {
    /// Begins a new log, whose first entry names the former one. Sealed events keep their order, and have no place in
    /// the new log; those that were not sealed come after the first entry. Does nothing where that was done before.
    package func beginNewLog(
        origin: String,
        after former: FormerLog,
        reason: String,
        context: Context
    ) async throws(CatalogError) {
        try await writer.submit { transaction in
            let database = transaction.database
            let kind = EventKind.originChanged
            guard try database.row(SQL.continued, kind.rawValue, origin) == nil else { return }
            try transaction.retireLog()
            try transaction.continueHomes(of: former.origin, as: origin)
            try transaction.record(
                kind,
                nil,
                context,
                subject: origin,
                [
                    "former": .string(former.origin), "size": .string(String(former.size)),
                    "root": .string(former.root),
                    "reason": .string(Context.cut(reason, to: CatalogLimits.reasonBytes)),
                ]
            )
        }
    }
}
