// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI

/// A page of names in order, and whether more follow.
package struct Page<Element: Sendable>: Sendable {
    package let elements: [Element]
    package let hasMore: Bool

    package init(elements: [Element], hasMore: Bool) {
        self.elements = elements
        self.hasMore = hasMore
    }
}

/// A manifest that names a subject, as the referrers list shows it.
package struct ReferrerEntry: Sendable {
    package let digest: Digest
    package let mediaType: MediaType
    /// Bytes of the manifest.
    package let size: Int64
    package let artifactType: MediaType?
    /// A JSON object; nil where the manifest has none.
    package let annotations: String?
}

extension Registry {
    /// The tags of a repository after one, in byte order.
    package func tags(in repository: RepositoryName, after: Tag?, limit: Int) async throws -> Page<Tag> {
        try await translating {
            guard let tags = try await catalog.tags(in: repository, after: after, limit: limit + 1) else {
                throw RegistryError.nameUnknown(repository)
            }
            return Page(elements: Array(tags.prefix(limit)), hasMore: tags.count > limit)
        }
    }

    /// The tags of a repository that were set last, the latest first.
    package func newestTags(in repository: RepositoryName, limit: Int) async throws -> [Tag] {
        try await translating {
            guard let tags = try await catalog.newestTags(in: repository, limit: limit) else {
                throw RegistryError.nameUnknown(repository)
            }
            return tags
        }
    }

    /// The repositories that hold a manifest, after one, in byte order.
    package func repositories(after: RepositoryName?, limit: Int) async throws -> Page<RepositoryName> {
        try await translating {
            let names = try await catalog.repositories(after: after, limit: limit + 1)
            return Page(elements: Array(names.prefix(limit)), hasMore: names.count > limit)
        }
    }

    /// The manifests of a repository that name a subject; none is a valid answer for any digest.
    package func referrers(
        of subject: Digest,
        in repository: RepositoryName,
        artifactType: MediaType?,
        after: Digest?,
        limit: Int
    ) async throws -> Page<ReferrerEntry> {
        try await translating {
            let page = try await catalog.referrers(
                of: subject,
                in: repository,
                artifactType: artifactType,
                after: after,
                limit: limit
            )
            let entries = page.referrers.map {
                ReferrerEntry(
                    digest: $0.digest,
                    mediaType: $0.mediaType,
                    size: $0.size,
                    artifactType: $0.artifactType,
                    annotations: $0.annotations
                )
            }
            return Page(elements: entries, hasMore: page.hasMore)
        }
    }
}
