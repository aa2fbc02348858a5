// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// A service of a repository in which something is to run in an environment.
package struct DesiredPlace: Sendable, Hashable {
    /// The id of the repository, which tells nothing of its name.
    package let repositoryID: Int64
    package let repository: RepositoryName
    /// nil for the place without a service.
    package let service: PlaceName?
}

extension SQL {
    static let desiredPlaces = """
        SELECT d.repo_id, r.name, d.service FROM desired d JOIN repo r ON r.id = d.repo_id
        WHERE d.env = ? AND (d.repo_id, d.service) > (?, ?) AND d.digest IS NOT NULL
        ORDER BY d.repo_id, d.service LIMIT ?
        """
}

extension Catalog {
    /// No name of a service has a character as high.
    private static let afterAllServices = "~"

    /// Where something is to run in an environment, in the order of repositories as they were created.
    ///
    /// - Parameters:
    ///   - environment: Which.
    ///   - id: The id of the repository after which the list goes on; 0 for its beginning.
    ///   - service: The service of that repository after which it goes on, empty for the one without a name; nil after
    ///     all of them.
    ///   - limit: At most `CatalogLimits.pageRows`.
    /// - Returns: The places.
    /// - Throws: Why the catalog cannot be read.
    package func desiredPlaces(
        in environment: PlaceName,
        after id: Int64,
        service: String?,
        limit: Int
    ) async throws(CatalogError) -> [DesiredPlace] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(
                SQL.desiredPlaces,
                environment.description,
                id,
                service ?? Catalog.afterAllServices,
                limit
            ).map { row in
                DesiredPlace(
                    repositoryID: try row.int(0),
                    repository: try row.repositoryName(1),
                    service: PlaceName(try row.text(2))
                )
            }
        }
    }
}
