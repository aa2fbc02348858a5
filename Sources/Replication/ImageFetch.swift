// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import OCI

/// Brings a manifest here, with all that it holds.
struct ImageFetch: Sendable {
    let catalog: Catalog
    let content: RegionContent
    let repository: RepositoryName

    /// Fetches manifests that are not in the repository, and those that they hold, unless they come alone.
    func manifests(_ digests: [Digest], isAlone: Bool = false) async throws -> [Digest: Manifest] {
        var found: [Digest: Manifest] = [:]
        var open = digests
        while let digest = open.popLast() {
            guard found[digest] == nil else { continue }
            guard found.count < ReplicationLimits.manifestsOfImage else {
                throw RegionError(
                    .tooMany,
                    "\(repository)@\(digest) belongs to more than \(ReplicationLimits.manifestsOfImage) manifests"
                )
            }
            guard let manifest = try await content.manifest(digest, repository) else {
                throw RegionError(.absent, "no region that can be reached has \(repository)@\(digest)")
            }
            found[digest] = manifest
            guard !isAlone else { continue }
            let children = manifest.manifests.filter(\.mediaType.isManifest).map(\.digest)
            open += try await catalog.absentManifests(children, in: repository)
        }
        return found
    }

    /// Makes the blobs of manifests whole, several at once.
    func blobs(of manifests: some Collection<Manifest>) async throws {
        var wanted: [Digest: Int64] = [:]
        for manifest in manifests {
            for blob in manifest.blobsNeeded { wanted[blob.digest] = blob.size }
        }
        var absent: [(digest: Digest, size: Int64)] = []
        for (digest, size) in wanted.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            if try await !catalog.hasWholeBlob(digest) { absent.append((digest, size)) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, blob) in absent.enumerated() {
                if number >= ReplicationLimits.blobsOfImageAtOnce { try await group.next() }
                group.addTask { try await content.blob(blob.digest, blob.size, repository) }
            }
            try await group.waitForAll()
        }
    }

    func keep(_ manifests: [Digest: Manifest]) async throws {
        for (digest, manifest) in manifests { try await content.keep(manifest, digest, repository) }
    }
}
