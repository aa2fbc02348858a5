// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

extension SQL {
    static let lastRetentionPolicy = "SELECT version FROM retention_policy ORDER BY id DESC LIMIT 1"
    static let retentionPolicySince = "SELECT since FROM retention_policy ORDER BY id DESC LIMIT 1"
    static let insertRetentionPolicy = "INSERT INTO retention_policy(version, body, since) VALUES (?, ?, ?)"
}

extension Catalog {
    /// Since when the rules of retention are in force, in seconds since 1970; nil where there never were any.
    package func retentionPolicySince() async throws(CatalogError) -> Int64? {
        try await readers.readOne { try $0.row(SQL.retentionPolicySince)?.int(0) }
    }

    /// Writes down which rules of retention are in force from now on, with the event that says so; nothing where they
    /// are those that were last. Answers whether they are others.
    ///
    /// `version` tells them from others, `body` is the rules in their one spelling: the table keeps it, the event names
    /// the version.
    @discardableResult
    package func recordRetentionPolicy(
        version: String,
        body: String,
        count: Int,
        context: Context
    ) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            let last = try transaction.database.row(SQL.lastRetentionPolicy)?.text(0)
            guard last != version else { return false }
            // Without rules from the beginning there is nothing to say.
            if last == nil, count == 0 { return false }
            try transaction.database.run(SQL.insertRetentionPolicy, version, body, transaction.wallSeconds)
            try transaction.record(
                .retentionSet,
                nil,
                context,
                subject: version,
                ["version": .string(version), "rules": .integer(Int64(count))]
            )
            return true
        }
    }
}
