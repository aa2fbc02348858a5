// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A pull as regions tell each other, with the place that it has in the list.
package struct ToldPull: Sendable, Hashable {
    package let id: Int64
    package let pull: PulledManifest

    package init(id: Int64, pull: PulledManifest) {
        self.id = id
        self.pull = pull
    }
}

extension SQL {
    static let pullsSince = """
        SELECT m.id, r.name, m.digest, m.last_pull FROM manifest m JOIN repo r ON r.id = m.repo_id
        WHERE m.last_pull >= ? AND (m.last_pull, m.id) > (?, ?) ORDER BY m.last_pull, m.id LIMIT ?
        """
    static let pullsUntil = "SELECT pulls_until FROM peer WHERE origin = ?"
    static let notePullsHeard = "UPDATE peer SET pulls_until = ? WHERE origin = ? AND pulls_until < ?"
    static let unheardPulls = """
        SELECT region FROM peer WHERE state <> 'retired' AND pulls_until < ? ORDER BY region
        """
    static let homeElsewhere = """
        SELECT p.region FROM repo r JOIN peer p ON p.origin = r.home_region WHERE r.name = ? AND p.state <> 'retired'
        """
}

/// Pulls are no entries of a log: they are told from time to time, and the latest counts.
extension Catalog {
    /// What was pulled since a time, here or in regions that said so, in the order of its times.
    ///
    /// - Parameters:
    ///   - since: Seconds since 1970.
    ///   - last: The time and the id of the last one of the page before.
    ///   - limit: At most `CatalogLimits.pageRows`.
    /// - Returns: Each manifest once, with its last pull.
    /// - Throws: `CatalogError`.
    package func pulls(
        since: Int64,
        after last: (time: Int64, id: Int64)?,
        limit: Int
    ) async throws(CatalogError) -> [ToldPull] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.pullsSince, since, last?.time ?? since, last?.id ?? 0, limit).map { row in
                ToldPull(
                    id: try row.int(0),
                    pull: PulledManifest(
                        repository: try row.repositoryName(1),
                        digest: try row.digest(2),
                        at: try row.int(3)
                    )
                )
            }
        }
    }

    /// Until when the pulls of a region are known here, in seconds since 1970; 0 for never.
    package func pullsUntil(of origin: String) async throws(CatalogError) -> Int64 {
        try await readers.readOne { try $0.row(SQL.pullsUntil, origin)?.int(0) ?? 0 }
    }

    /// Notes that all pulls of a region up to a time, in seconds since 1970, were written here.
    package func notePullsHeard(of origin: String, until time: Int64) async throws(CatalogError) {
        _ = try await writer.submit { try $0.database.run(SQL.notePullsHeard, time, origin, time) }
    }

    /// Regions that have not said since a time what was pulled there.
    package func regionsWithoutPulls(since time: Int64) async throws(CatalogError) -> [String] {
        try await readers.readOne { try $0.rows(SQL.unheardPulls, time).map { try $0.text(0) } }
    }

    /// The region whose business a repository's retention is, since its home is there; nil where it is this one's.
    package func regionOfHome(of name: RepositoryName) async throws(CatalogError) -> String? {
        try await readers.readOne { try $0.row(SQL.homeElsewhere, name.description)?.text(0) }
    }
}
