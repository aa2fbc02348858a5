// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Journal
package import OCI

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

    /// Follows these repositories of the peer from now on. What of its log was passed over and is about one of them is
    /// applied as if it had come now.
    ///
    /// Crash story: which ones are followed is noted last, so that it begins again.
    ///
    /// - Parameters:
    ///   - patterns: Which repositories; empty for all.
    ///   - mirror: The copy of the log.
    /// - Throws: As `take`.
    package func follow(_ patterns: [Glob], _ mirror: LogMirror) async throws {
        guard let peer = try await catalog.peer(origin), peer.followed != patterns.map(\.description) else { return }
        let former = try peer.followed.map { try Glob(parsing: $0) }
        var index: Int64 = 0
        let size = min(peer.size, mirror.size)
        while index < size {
            try Task.checkCancellation()
            let limit = min(size - index, Int64(CatalogLimits.receivedEntries))
            let leaves = try await mirror.leaves(from: index, limit: Int(limit))
            var chosen: [Int64: [UInt8]] = [:]
            for (offset, leaf) in leaves.enumerated() {
                guard let name = try? LoggedChange(parsing: leaf).repository, patterns.follow(name),
                    !former.follow(name)
                else { continue }
                chosen[index + Int64(offset)] = leaf
            }
            try await catalog.revisit(chosen, of: origin)
            index += Int64(leaves.count)
        }
        try await catalog.setFollowed(patterns.map(\.description), of: origin)
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

extension [Glob] {
    /// Whether what is changed in a repository is followed by these patterns. What is in none always is.
    func follow(_ name: RepositoryName?) -> Bool {
        guard let name, !isEmpty else { return true }
        return contains { $0.matches(name.description) }
    }
}
