// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
package import OCI

extension Registry {
    /// Stores a manifest of another region as a blob of a repository: durable on return, and not collected for at least
    /// the grace period. It counts as a manifest once an entry about it is merged.
    package func keepFetched(
        _ manifest: Manifest,
        _ digest: Digest,
        in repository: RepositoryName
    ) async throws {
        try await translating {
            try await content.put(manifest.bytes, digest: digest) {
                try await catalog.linkFetchedBlob(digest, size: Int64(manifest.bytes.count), in: repository)
            }
        }
    }
}

extension Registry {
    /// Ends a conflict of regions, with what has the tag now or with the value that lost. Durable on return.
    ///
    /// - Returns: The id of the event.
    /// - Throws: `RegistryError.notInLog` for an unknown one, `.recordConflict` for one that has ended or whose image is
    ///   gone, `.bound`.
    package func resolveConflict(
        _ id: Int64,
        takesLoser: Bool,
        caller: Caller
    ) async throws -> String {
        try await translating {
            switch try await catalog.resolveConflict(
                id,
                takesLoser ? .takeLoser : .keep,
                exempted: true,
                context: caller.context
            ) {
            case .resolved(let event): return event.description
            case .notFound: throw RegistryError.notInLog("there is no conflict \(id)")
            case .alreadyResolved: throw RegistryError.recordConflict("the conflict \(id) was resolved before")
            case .manifestGone: throw RegistryError.recordConflict("the image that lost is not here any more")
            case .bound(let pin): throw RegistryError.bound(PinNote(pin))
            }
        }
    }
}
