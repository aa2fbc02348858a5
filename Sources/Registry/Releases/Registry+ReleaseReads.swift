// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
package import Releases

extension Registry {
    /// Rows of the release record before an id, the newest first; nil begins with the newest.
    package func releases(
        _ filter: ReleaseFilter,
        before id: Int64?,
        limit: Int
    ) async throws -> Page<ReleaseRecord> {
        try await translating {
            let found = try await catalog.releases(filter, before: id ?? .max, limit: limit + 1)
            return Page(elements: Array(found.prefix(limit)), hasMore: found.count > limit)
        }
    }

    /// What the record says of one image, the newest first.
    package func releases(
        of digest: Digest,
        in repository: RepositoryName,
        limit: Int
    ) async throws -> Page<ReleaseRecord> {
        try await translating {
            let found = try await catalog.releases(of: digest, in: repository, before: .max, limit: limit + 1)
            return Page(elements: Array(found.prefix(limit)), hasMore: found.count > limit)
        }
    }

    /// The builds that gave an image, the newest first, as far as one look goes.
    package func builds(of digest: Digest, in repository: RepositoryName) async throws -> Page<ReleaseRecord> {
        try await translating {
            let limit = RegistryLimits.inspectedBuilds
            let found = try await catalog.builds(of: digest, in: repository, limit: limit + 1)
            return Page(elements: Array(found.prefix(limit)), hasMore: found.count > limit)
        }
    }

    /// Environments in which something is to run, in the order of their names.
    package func environments(after name: String, limit: Int) async throws -> Page<PlaceName> {
        try await translating {
            let found = try await catalog.environments(after: name, limit: limit + 1)
            return Page(elements: Array(found.prefix(limit)), hasMore: found.count > limit)
        }
    }

    /// Where an image is to run, and what each place can go back to other than it, as far as one look goes.
    package func places(of digest: Digest, in repository: RepositoryName) async throws -> Page<ImagePlace> {
        try await translating {
            var places: [ImagePlace] = []
            let found = try await catalog.desiredPlaces(of: digest, in: repository)
            for (environment, service) in found.prefix(RegistryLimits.inspectedPlaces) {
                let (images, isProven) = try await catalog.rollbackImages(
                    from: digest,
                    in: environment,
                    of: repository,
                    service: service
                )
                places.append(
                    ImagePlace(environment: environment, service: service, former: images.first, isProven: isProven)
                )
            }
            return Page(elements: places, hasMore: found.count > places.count)
        }
    }
}

/// A service of an environment in which an image is to run.
package struct ImagePlace: Sendable, Hashable {
    package let environment: PlaceName
    package let service: PlaceName?
    /// The image that it could go back to, if there is one.
    package let former: Digest?
    /// Whether somebody has said that that one was healthy.
    package let isProven: Bool
}
