// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Registry
import Replication

/// Brings what the entries of a region speak of out of that region, or another one that has it, into the store.
struct RegionBytes: Sendable {
    let registry: Registry
    /// The region itself first.
    let sources: [PeerSource]

    private var reachable: [PeerSource] { sources.filter(\.isReachable) }

    var content: RegionContent {
        RegionContent { digest, repository in
            try await manifest(digest, in: repository)
        } keep: { manifest, digest, repository in
            try await registry.keepFetched(manifest, digest, in: repository)
        } blob: { digest, size, repository in
            _ = try await registry.fetchBlob(
                digest,
                size: size,
                in: repository,
                from: reachable
            )
        } quarantineChanged: {
            try await registry.refreshQuarantine()
        }
    }

    /// - Throws: Why the last source has not answered, where none says that it has it.
    private func manifest(_ digest: Digest, in repository: RepositoryName) async throws -> Manifest? {
        var failure: (any Error)?
        for source in reachable {
            do {
                guard let found = try await source.manifest(.digest(digest), in: repository) else { continue }
                guard try Digest.of(found.bytes, algorithm: digest.algorithm) == digest else {
                    throw SourceError(.misbehaved, "\(source.name) serves other bytes as \(repository)@\(digest)")
                }
                return try Manifest(parsing: found.bytes, contentType: found.mediaType)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return nil
    }
}
