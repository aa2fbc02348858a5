// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
package import OCI

extension SQL {
    static let stateOfTags = """
        SELECT name, digest FROM tag WHERE repo_id = ? AND name > ? ORDER BY name LIMIT ?
        """
    static let stateOfManifests = """
        SELECT digest FROM manifest WHERE repo_id = ? AND live = 1 AND digest > ? ORDER BY digest LIMIT ?
        """
    static let stateOfRegisters = """
        SELECT kind, subject, set_hlc, set_region, cleared_hlc FROM register
        WHERE repo_id = ? AND (kind, subject) > (?, ?) ORDER BY kind, subject LIMIT ?
        """
}

/// One thing about which regions that have heard the same agree.
package struct StateRow: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A tag, by its name: its digest.
        case tag
        /// A live manifest, by its digest: nothing more.
        case manifest
        /// A quarantine, pin, hold or lock, by its kind and subject: when it was set, where, and when let go.
        case register
        /// Where immutable tags of the repository are created, and how often that was handed over.
        case home
    }

    package let kind: Kind
    package let key: String
    package let value: String

    package init(kind: Kind, key: String, value: String) {
        self.kind = kind
        self.key = key
        self.value = value
    }
}

extension Catalog {
    /// A page of what a repository is made of, of one kind, in the order of its keys; of nil the quarantines.
    ///
    /// - Parameters:
    ///   - name: The repository; nil for what belongs to none.
    ///   - kind: Of which kind.
    ///   - last: The last row of the page before.
    ///   - limit: At most `CatalogLimits.pageRows`.
    /// - Returns: None where there is no more.
    /// - Throws: `CatalogError`.
    package func stateRows(
        of name: RepositoryName?,
        _ kind: StateRow.Kind,
        after last: StateRow?,
        limit: Int
    ) async throws(CatalogError) -> [StateRow] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            var id: Int64 = 0
            if let name {
                guard let row = try database.row(SQL.repository, name.description) else { return [] }
                id = try row.int(0)
            }
            switch kind {
            case .tag:
                return try database.rows(SQL.stateOfTags, id, last?.key ?? "", limit).map { row in
                    StateRow(kind: .tag, key: try row.text(0), value: try row.digest(1).description)
                }
            case .manifest:
                let after = last.flatMap { Digest($0.key) }?.key ?? Digest.beforeFirst
                return try database.rows(SQL.stateOfManifests, id, after, limit).map { row in
                    StateRow(kind: .manifest, key: try row.digest(0).description, value: "")
                }
            case .home:
                guard last == nil, let row = try database.row(SQL.home, id), let origin = try row.optionalText(0) else {
                    return []
                }
                return [StateRow(kind: .home, key: "", value: "\(origin) \(try row.int(1))")]
            case .register:
                let after = last?.key.split(separator: " ", maxSplits: 1).map(String.init) ?? ["", ""]
                return try database.rows(SQL.stateOfRegisters, id, after[0], after[1], limit).map { row in
                    StateRow(
                        kind: .register,
                        key: "\(try row.text(0)) \(try row.text(1))",
                        value: "\(try row.int(2)) \(try row.text(3)) \(try row.int(4))"
                    )
                }
            }
        }
    }

    /// How many entries of each log count here, by its origin: its own, which are all that are sealed, and those of the
    /// regions that are followed in full.
    package func positions() async throws(CatalogError) -> [String: Int64] {
        var positions = [settings.origin: (try await lastSealedIndex() ?? -1) + 1]
        for peer in try await peers() where peer.state != .retired && peer.followed.isEmpty {
            positions[peer.origin] = peer.applied
        }
        return positions
    }

    /// Lets entries that were applied be applied once more: what was lost of them comes back. The bytes that they need
    /// are fetched as for a new entry.
    ///
    /// - Parameters:
    ///   - leaves: By index, as the mirror has them; at most `CatalogLimits.receivedEntries`.
    ///   - origin: The peer's log.
    /// - Throws: `.inconsistent` for an entry that never came.
    package func revisit(_ leaves: [Int64: [UInt8]], of origin: String) async throws(CatalogError) {
        precondition(leaves.count <= CatalogLimits.receivedEntries)
        try await writer.submit { transaction in
            let peer = try transaction.mergeablePeer(origin)
            guard let first = leaves.keys.min() else { return }
            guard leaves.keys.allSatisfy({ $0 < peer.size }) else {
                throw CatalogError(.inconsistent, "an entry of '\(origin)' beyond the \(peer.size) that came")
            }
            for (index, leaf) in leaves {
                let repository = try? LoggedChange(parsing: leaf).repository
                try transaction.database.run(
                    SQL.revisitInbox,
                    origin,
                    index,
                    repository?.description,
                    Data(leaf)
                )
            }
            // Those between, which have no row, count as applied again as soon as these are.
            if first < peer.applied { try transaction.database.run(SQL.setPeerApplied, first, origin) }
        }
    }
}
