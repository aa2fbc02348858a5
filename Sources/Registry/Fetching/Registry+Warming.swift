// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import NIOCore
package import OCI
import Synchronization

/// How much of an image is here: of all platforms, if it is an index. Sizes are bytes.
package struct WarmState: Sendable, Hashable {
    package let digest: Digest
    /// Manifests that belong to it, and those that are not here.
    package fileprivate(set) var manifests: Int64 = 0
    package fileprivate(set) var missingManifests: Int64 = 0
    package fileprivate(set) var blobs: Int64 = 0
    package fileprivate(set) var bytes: Int64 = 0
    /// Blobs and their bytes of which nothing is here to be served.
    package fileprivate(set) var missingBlobs: Int64 = 0
    package fileprivate(set) var missingBytes: Int64 = 0
    /// Why one of them was not fetched when it was last tried.
    package fileprivate(set) var reason: String?

    package var isComplete: Bool { missingManifests == 0 && missingBlobs == 0 }
}

/// Blobs that are fetched ahead, and why the last attempt at some has failed.
final class Warming: Sendable {
    private struct State {
        var running: Set<Digest> = []
        var failures: [Digest: String] = [:]
    }

    private let state = Mutex(State())

    /// False where it is under way, or too many are: it is asked for again.
    func begin(_ digest: Digest) -> Bool {
        state.withLock { state in
            guard state.running.count < RegistryLimits.warmBlobs else { return false }
            return state.running.insert(digest).inserted
        }
    }

    func end(_ digest: Digest, failure: String?) {
        state.withLock { state in
            state.running.remove(digest)
            if state.failures.count >= RegistryLimits.warmBlobs { state.failures = [:] }
            state.failures[digest] = failure
        }
    }

    func failure(of digest: Digest) -> String? { state.withLock { $0.failures[digest] } }
}

/// Fetching an image before it is asked for.
extension Registry {
    /// Says how much of an image is here, and begins to fetch the blobs that are not.
    ///
    /// A manifest that only another registry has comes with that registry's log; it counts as missing until then, but
    /// its blobs are fetched at once. Nothing of it has to survive a restart: whoever wants the image asks again until
    /// it is complete.
    /// - Parameters:
    ///   - reference: A tag or digest.
    ///   - repository: Its repository.
    ///   - isBegun: Whether to fetch, or only to say.
    /// - Returns: How much of it is here now.
    /// - Throws: As `manifest`; `RegistryError.quarantined`.
    package func warm(
        _ reference: Reference,
        in repository: RepositoryName,
        begin isBegun: Bool
    ) async throws -> WarmState {
        let root = try await readManifest(reference, in: repository)
        try await refuseQuarantined(root.digest)
        var state = WarmState(digest: root.digest)
        var wanted: [Digest: Int64] = [:]
        var (seen, open): (Set<Digest>, [Digest]) = ([root.digest], [root.digest])
        while let digest = open.popLast() {
            state.manifests += 1
            let found: ServedManifest
            do { found = try await manifest(.digest(digest), in: repository) } catch let error as RegistryError {
                guard error.isMiss else { throw error }
                state.missingManifests += 1
                guard let other = try? await readManifest(.digest(digest), in: repository) else { continue }
                found = other
            }
            let parsed = try Manifest(
                parsing: Array(found.bytes.readableBytesView),
                contentType: found.mediaType
            )
            for child in parsed.manifests where child.mediaType.isManifest && seen.insert(child.digest).inserted {
                guard seen.count <= RegistryLimits.warmManifests else {
                    throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
                }
                open.append(child.digest)
            }
            for blob in parsed.blobsNeeded { wanted[blob.digest] = blob.size }
        }
        for (digest, size) in wanted.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            state.blobs += 1
            state.bytes += size
            if case .here = try await translating({ try await catalog.holding(of: digest, in: repository) }) {
                continue
            }
            state.missingBlobs += 1
            state.missingBytes += size
            if let failure = warming.failure(of: digest) { state.reason = failure }
            if isBegun { fetchAhead(digest, size: size, in: repository) }
        }
        return state
    }

    private func fetchAhead(_ digest: Digest, size: Int64, in repository: RepositoryName) {
        guard warming.begin(digest) else { return }
        Task { [self] in
            let sources = await reachableSources(of: repository)
            var failure: String?
            do {
                _ = try await fetchBlob(digest, size: size, in: repository, from: sources, priority: .client)
            } catch {
                failure = "\(error)"
            }
            warming.end(digest, failure: failure)
        }
    }
}
