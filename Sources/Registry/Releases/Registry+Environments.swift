// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
package import Releases

/// A place in the list of what is to run in an environment. It holds no name of a repository, nor of a service of one
/// that its reader may not know.
package struct EnvironmentPosition: Sendable, Hashable {
    /// The id of a repository.
    package let repository: Int64
    /// The last of its services before the place, empty for the one without a name; nil after all of them.
    package let service: String?

    package init(repository: Int64, service: String?) {
        self.repository = repository
        self.service = service
    }
}

/// A place in the list of environments, which tells nothing of their names.
package struct EnvironmentsPosition: Sendable, Hashable {
    /// How many environments come before the next one, in the order of their names.
    package let count: Int64
    /// The id of the repository up to which that one was looked at; 0 where it was not.
    package let repository: Int64

    package init(count: Int64, repository: Int64) {
        self.count = count
        self.repository = repository
    }
}

/// What is to run in an environment, as far as the caller may know it.
package struct EnvironmentListing: Sendable {
    package let images: [DesiredImage]
    /// Where to go on; nil at the end.
    package let next: EnvironmentPosition?
}

/// Environments that the caller may know.
package struct EnvironmentsListing: Sendable {
    package let names: [PlaceName]
    /// Where to go on; nil at the end.
    package let next: EnvironmentsPosition?
}

/// Lists of environments for callers who may know some repositories. A page ends after `limit` of what is listed, or
/// once so many places were looked at that it should: then it may be short, or even empty, and go on all the same.
extension Registry {
    /// What is to run in an environment, of the repositories that the caller may know, at most
    /// `RegistryLimits.desiredPage` on a page.
    package func desiredImages(
        in environment: PlaceName,
        after position: EnvironmentPosition?,
        limit: Int,
        isVisible: (RepositoryName) -> Bool
    ) async throws -> EnvironmentListing {
        try await translating {
            let limit = min(limit, RegistryLimits.desiredPage)
            var images: [DesiredImage] = []
            var last = position
            var looked = 0
            // Most callers may know what comes first.
            var size = limit + 1
            while true {
                let page = try await catalog.desiredPlaces(
                    in: environment,
                    after: last?.repository ?? 0,
                    service: last?.service,
                    limit: size
                )
                for place in page {
                    if images.count == limit { return EnvironmentListing(images: images, next: last) }
                    guard isVisible(place.repository) else {
                        last = EnvironmentPosition(repository: place.repositoryID, service: nil)
                        continue
                    }
                    let service = place.service?.description ?? ""
                    last = EnvironmentPosition(repository: place.repositoryID, service: service)
                    let image = try await catalog.desiredImage(
                        in: environment,
                        of: place.repository,
                        service: place.service
                    )
                    if let image { images.append(image) }
                }
                guard page.count == size else { return EnvironmentListing(images: images, next: nil) }
                looked += page.count
                size = RegistryLimits.browsedNames
                if looked >= RegistryLimits.browsedNamesPerPage {
                    return EnvironmentListing(images: images, next: last)
                }
            }
        }
    }

    /// The environments in which something is to run of a repository that the caller may know, by name.
    package func environments(
        after position: EnvironmentsPosition?,
        limit: Int,
        isVisible: (RepositoryName) -> Bool
    ) async throws -> EnvironmentsListing {
        try await translating {
            var names: [PlaceName] = []
            var (count, start) = (position?.count ?? 0, position?.repository ?? 0)
            guard var name = try await nameOfEnvironment(count) else {
                return EnvironmentsListing(names: [], next: nil)
            }
            var looked = 0
            while true {
                let page = try await catalog.environments(after: name, limit: limit + 1)
                for environment in page {
                    guard names.count < limit, looked < RegistryLimits.browsedNamesPerPage else {
                        return EnvironmentsListing(
                            names: names,
                            next: EnvironmentsPosition(count: count, repository: start)
                        )
                    }
                    var size = limit
                    while true {
                        let places = try await catalog.desiredPlaces(
                            in: environment,
                            after: start,
                            service: nil,
                            limit: size
                        )
                        looked += places.count + 1
                        if places.contains(where: { isVisible($0.repository) }) {
                            names.append(environment)
                            break
                        }
                        guard places.count == size, let last = places.last else { break }
                        start = last.repositoryID
                        size = RegistryLimits.browsedNames
                        guard looked < RegistryLimits.browsedNamesPerPage else {
                            return EnvironmentsListing(
                                names: names,
                                next: EnvironmentsPosition(count: count, repository: start)
                            )
                        }
                    }
                    (count, start, name) = (count + 1, 0, environment.description)
                }
                guard page.count > limit else { return EnvironmentsListing(names: names, next: nil) }
            }
        }
    }

    /// The name after which the list of environments goes on once so many of them were passed; nil beyond its end.
    private func nameOfEnvironment(_ count: Int64) async throws -> String? {
        var (name, left) = ("", count)
        while left > 0 {
            let page = try await catalog.environments(
                after: name,
                limit: Int(min(left, Int64(RegistryLimits.browsedNames)))
            )
            guard let last = page.last else { return nil }
            (name, left) = (last.description, left - Int64(page.count))
        }
        return name
    }
}
