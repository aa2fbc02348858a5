// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import Content
import Logging
package import OCI

extension Registry {
    /// Opens a blob that the repository links to.
    ///
    /// Whoever gets an answer has the blob for at least the grace period: a link that nothing refers to yet has its
    /// lease renewed, durably, before this returns.
    /// - Throws: `RegistryError.blobUnknown` when the link is absent, or the bytes are missing or known to be damaged:
    ///   then a push of the same blob heals it.
    package func openBlob(_ digest: Digest, in repository: RepositoryName) async throws -> BlobFile {
        try await translating {
            let link = try await presentLink(digest, in: repository)
            guard let file = try await content.open(digest) else {
                throw await absence(.fileMissing, of: digest)
            }
            guard file.size == link.size else { throw await absence(.corrupt, of: digest) }
            return file
        }
    }

    /// The size of a blob, under the same promise as `openBlob`.
    package func statBlob(_ digest: Digest, in repository: RepositoryName) async throws -> Int64 {
        try await translating {
            let link = try await presentLink(digest, in: repository)
            guard let size = try await content.stat(digest) else {
                throw await absence(.fileMissing, of: digest)
            }
            guard size == link.size else { throw await absence(.corrupt, of: digest) }
            return size
        }
    }

    /// Removes the repository's link to a blob; other repositories keep theirs.
    package func deleteBlob(_ digest: Digest, in repository: RepositoryName, caller: Caller) async throws {
        try await translating {
            switch try await catalog.deleteBlob(digest, in: repository, context: caller.context) {
            case .deleted: return
            case .notFound: throw RegistryError.blobUnknown(digest, .notLinked)
            case .referenced(let manifests): throw RegistryError.blobReferenced(digest, by: manifests)
            }
        }
    }

    /// Links a blob of another repository here, without its bytes being sent.
    ///
    /// A source of nil searches the repositories that the caller may read. The answer is whether it was mounted; every
    /// reason why not looks the same, so that a caller learns nothing about repositories it may not read. The file is
    /// looked for only once it is known that the caller may read the blob.
    ///
    /// - Throws: `RegistryError.quotaExceeded` where the caller may read the blob, but not have it here.
    package func mount(
        _ digest: Digest,
        from source: RepositoryName?,
        to target: RepositoryName,
        caller: Caller
    ) async throws -> Bool {
        try await translating {
            guard try await mayLeaveByMount(digest, from: source, caller: caller) else { return false }
            let isReadable = source == nil ? unboundReadable(caller) : caller.isReadable
            guard let size = try await catalog.mountableSize(digest, from: source, isReadable: isReadable) else {
                return false
            }
            let stored = try await content.stat(digest)
            guard stored == size else {
                _ = await absence(stored == nil ? .fileMissing : .corrupt, of: digest)
                return false
            }
            let outcome = try await catalog.mount(
                digest,
                from: source,
                to: target,
                isReadable: isReadable,
                quotas: caller.storageQuotas,
                context: caller.context
            )
            switch outcome {
            case .mounted: return true
            case .notMountable: return false
            case .overQuota(let excess): throw RegistryError(excess)
            }
        }
    }

    private func presentLink(_ digest: Digest, in repository: RepositoryName) async throws -> BlobLink {
        switch try await catalog.touchBlob(digest, in: repository) {
        case .present(let link): return link
        case .corrupt: throw RegistryError.blobUnknown(digest, .corrupt)
        case .absent:
            guard try await catalog.repositoryExists(repository) else {
                throw RegistryError.nameUnknown(repository)
            }
            throw RegistryError.blobUnknown(digest, .notLinked)
        }
    }

    /// Notes a blob whose file is not what the catalog says, so that it counts as absent until a push heals it.
    ///
    /// The push may be finishing at this moment: the look and the note are made under the digest's lock, so that the
    /// note can only ever be about the file that is there.
    func absence(_ absence: BlobAbsence, of digest: Digest) async -> RegistryError {
        logger.error("blob is damaged", metadata: ["digest": "\(digest)", "found": "\(absence)"])
        do {
            let expected = try await catalog.blobRecord(digest)?.size
            try await content.withDigestLock(digest) {
                if let expected, try await content.stat(digest) == expected { return }
                try await catalog.markBlob(digest, health: .corrupt)
            }
        } catch {
            logger.error("damage could not be noted", metadata: ["digest": "\(digest)", "error": "\(error)"])
        }
        return .blobUnknown(digest, absence)
    }
}
