// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// When a manifest was pulled.
package struct PulledManifest: Sendable, Hashable {
    package let repository: RepositoryName
    package let digest: Digest
    /// Seconds since 1970.
    package let at: Int64

    package init(repository: RepositoryName, digest: Digest, at: Int64) {
        self.repository = repository
        self.digest = digest
        self.at = at
    }
}

extension SQL {
    static let recordPull = """
        UPDATE manifest SET last_pull = ?
        WHERE repo_id = (SELECT id FROM repo WHERE name = ?) AND digest = ? AND (last_pull IS NULL OR last_pull < ?)
        """
    static let lastPull = """
        SELECT m.last_pull FROM repo r JOIN manifest m ON m.repo_id = r.id WHERE r.name = ? AND m.digest = ?
        """
}

extension Catalog {
    /// Writes times of pulls, in one transaction for each 256. A time never goes back. Caches stay valid.
    package func recordPulls(_ pulls: [PulledManifest]) async throws(CatalogError) {
        var rest = pulls[...]
        while !rest.isEmpty {
            let page = rest.prefix(ProtectionLimits.pullsPerWrite)
            rest = rest.dropFirst(page.count)
            try await writer.submit { transaction in
                for pull in page {
                    let name = pull.repository.description
                    try transaction.database.run(SQL.recordPull, pull.at, name, pull.digest.key, pull.at)
                }
            }
        }
    }

    /// When a manifest was last pulled, in seconds since 1970; nil where it was not, as far as is written.
    package func lastPull(of digest: Digest, in name: RepositoryName) async throws(CatalogError) -> Int64? {
        try await readers.readOne { try $0.row(SQL.lastPull, name.description, digest.key)?.optionalInt(0) }
    }
}
