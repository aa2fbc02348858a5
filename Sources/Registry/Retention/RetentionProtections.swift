// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Retention

/// What keeps images whatever the rules say: pins, holds and locks, what runs somewhere, and what ran there before.
struct RetentionProtections: Sendable {
    let catalog: Catalog
    /// Images that each service of each environment ran before and that stay.
    let previousImages: Int

    /// All of a repository, at a time in seconds since 1970.
    func all(of name: RepositoryName, now: Int64) async throws -> [Protection] {
        try await catalog.protections(of: name, previousImages: previousImages, now: now).map { protection in
            switch protection.subject {
            case .digest(let digest): Protection(target: .digest(digest), reason: protection.reason)
            case .tag(let tag): Protection(target: .tag(tag), reason: protection.reason)
            }
        }
    }

    /// The same question inside the transaction that would delete.
    func keeps(now: @escaping @Sendable () -> Int64) -> RetentionGuard {
        { [previousImages] transaction, name, digest, tags in
            try transaction.isProtected(digest, tags: tags, in: name, previousImages: previousImages, now: now())
        }
    }
}

extension RetentionSelector {
    /// Seconds of pulls that the answer rests on; nil where it asks for none.
    var pullReach: Int64? {
        let own = [pulledBefore, pulledWithin, newest?.order == .pull ? 0 : nil].compactMap { $0 }
        return (own + except.compactMap(\.pullReach)).max()
    }
}
