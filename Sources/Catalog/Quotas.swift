// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// How many bytes the repositories whose names begin with a prefix may hold together; the empty prefix is all of them.
///
/// Bytes are logical: a blob counts once in each repository that links it, so that what others hold cannot be told from
/// them. A hidden link does not count. The blobs of a deleted manifest do, until they are deleted or collected.
package struct StorageQuota: Sendable, Hashable {
    package let prefix: String
    package let bytes: Int64

    package init(prefix: String, bytes: Int64) {
        self.prefix = prefix
        self.bytes = bytes
    }
}

/// A quota that a change would exceed.
package struct QuotaExcess: Sendable, Hashable {
    package let prefix: String
    /// Bytes: what is allowed, what is used, and what the change would add.
    package let limit: Int64
    package let used: Int64
    package let needed: Int64

    package init(prefix: String, limit: Int64, used: Int64, needed: Int64) {
        self.prefix = prefix
        self.limit = limit
        self.used = used
        self.needed = needed
    }
}

/// What prefixes hold, remembered by the writer, so that a link does not add up all repositories of its prefix.
///
/// A value: an operation or a batch that fails just drops its copy. Only the writer changes what is used, so what it
/// has once added up stays true.
struct QuotaLedger: Sendable {
    private var used: [String: Int64] = [:]

    subscript(prefix: String) -> Int64? { used[prefix] }

    mutating func add(_ bytes: Int64, of repository: RepositoryName) {
        guard bytes != 0, !used.isEmpty else { return }
        let name = repository.description
        for prefix in used.keys where name.hasPrefix(prefix) { used[prefix, default: 0] += bytes }
    }

    mutating func learn(_ bytes: Int64, of prefix: String) {
        if used.count >= CatalogLimits.ledgerPrefixes { used = [:] }
        used[prefix] = bytes
    }
}

extension SQL {
    /// No name has a character as high as the one that ends the range.
    static let usageOfPrefix = """
        SELECT
            (SELECT COALESCE(SUM(u.logical_bytes), 0) FROM repo r JOIN usage u ON u.repo_id = r.id
                WHERE r.name >= ? AND r.name < ? || '\u{10FFFF}')
            + (SELECT COALESCE(SUM(usage_delta.bytes), 0) FROM repo r JOIN usage_delta ON usage_delta.repo_id = r.id
                WHERE r.name >= ? AND r.name < ? || '\u{10FFFF}')
        """
    static let visibleLinkByName = """
        SELECT 1 FROM repo r JOIN repo_blob l ON l.repo_id = r.id WHERE r.name = ? AND l.digest = ? AND l.hidden = 0
        """
}

extension Database {
    fileprivate func used(_ prefix: String) throws -> Int64 {
        try row(SQL.usageOfPrefix, prefix, prefix, prefix, prefix)?.int(0) ?? 0
    }
}

extension StorageQuota {
    fileprivate func excess(used: Int64, needed: Int64) -> QuotaExcess? {
        let (sum, overflow) = used.addingReportingOverflow(needed)
        guard overflow || sum > bytes else { return nil }
        return QuotaExcess(prefix: prefix, limit: bytes, used: used, needed: needed)
    }
}

extension Transaction {
    /// The first quota that a new link would exceed. A link that is there and visible needs nothing.
    func excess(
        of quotas: [StorageQuota],
        adding size: Int64,
        of digest: Digest,
        to name: RepositoryName
    ) throws -> QuotaExcess? {
        guard !quotas.isEmpty, size > 0,
            try database.row(SQL.visibleLinkByName, name.description, digest.key) == nil
        else { return nil }
        for quota in quotas {
            if let excess = try quota.excess(used: used(quota.prefix), needed: size) { return excess }
        }
        return nil
    }

    private func used(_ prefix: String) throws -> Int64 {
        if let known = ledger[prefix] { return known }
        let bytes = try database.used(prefix)
        ledger.learn(bytes, of: prefix)
        return bytes
    }
}

extension Catalog {
    /// Logical bytes of all repositories whose names begin with the prefix.
    package func usage(prefix: String) async throws(CatalogError) -> Int64 {
        try await readers.readOne { try $0.used(prefix) }
    }

    /// The first quota that a new link of this size would exceed now. Reads only, so that a push that cannot succeed is
    /// refused before its bytes are kept; the transaction that links decides.
    ///
    /// Without a digest it counts as new, whatever the repository holds.
    package func excess(
        of quotas: [StorageQuota],
        adding size: Int64,
        of digest: Digest?,
        to name: RepositoryName
    ) async throws(CatalogError) -> QuotaExcess? {
        guard !quotas.isEmpty, size > 0 else { return nil }
        let writer = writer
        return try await readers.read { database in
            if let digest, try database.row(SQL.visibleLinkByName, name.description, digest.key) != nil { return nil }
            for quota in quotas {
                let used = try writer.knownUse(of: quota.prefix) ?? database.used(quota.prefix)
                if let excess = quota.excess(used: used, needed: size) { return excess }
            }
            return nil
        }
    }
}
