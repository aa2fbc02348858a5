// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Journal

/// Takes what was mirrored of a peer's log into the inbox of the catalog, page by page and in order.
///
/// Crash story: the catalog says how many came, in the transaction that has them; the mirror has the rest.
package struct RegionIntake: Sendable {
    private let catalog: Catalog
    private let origin: String

    package init(_ catalog: Catalog, of origin: String) {
        self.catalog = catalog
        self.origin = origin
    }

    /// Notes that the peer answers, for the first time or again.
    package func hear(_ mirror: LogMirror) async throws {
        try await catalog.hearPeer(origin, size: mirror.size)
    }

    /// - Returns: Whether anything came.
    /// - Throws: `CatalogError`; `JournalError` where the files of the mirror are damaged.
    package func take(_ mirror: LogMirror) async throws -> Bool {
        guard let peer = try await catalog.peer(origin) else {
            throw CatalogError(.inconsistent, "there is no peer '\(origin)'")
        }
        var size = peer.size
        while size < mirror.size {
            try Task.checkCancellation()
            let leaves = try await mirror.leaves(from: size, limit: CatalogLimits.receivedEntries)
            try await catalog.receive(leaves, from: size, mirrored: mirror.size, of: origin)
            size += Int64(leaves.count)
        }
        return size > peer.size
    }
}
