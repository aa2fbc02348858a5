// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import OCI
import Registry
import RegistryClient
import Replication
import Synchronization

/// What another region has, while it is followed.
final class PeerSource: ContentSource {
    private struct Link {
        let settings: RegionSettings
        let transport: Transport
        /// Each keeps its token.
        var repositories: [RepositoryName: RemoteRepository] = [:]
    }

    private static let repositoriesKept = 4_096

    let name: String
    private let follower: LogFollower
    private let link = Mutex<Link?>(nil)

    init(_ name: String, _ follower: LogFollower) {
        self.name = name
        self.follower = follower
    }

    /// Lets it be asked while `body` runs.
    func connected<Value>(
        _ settings: RegionSettings,
        over transport: Transport,
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        link.withLock { $0 = Link(settings: settings, transport: transport) }
        defer { link.withLock { $0 = nil } }
        return try await body()
    }

    var isReachable: Bool { link.withLock { $0 != nil } && follower.status.phase == .following }

    func untilKnown() async { await follower.untilKnown() }

    func manifest(_ reference: Reference, in repository: RepositoryName) async throws -> SourceManifest? {
        do throws(ClientError) {
            let found = try await remote(repository).manifestIfPresent(reference)
            return found.map { found in
                SourceManifest(
                    digest: found.digest,
                    mediaType: found.manifest.mediaType,
                    bytes: found.manifest.bytes
                )
            }
        } catch {
            throw SourceError(error)
        }
    }

    func size(of digest: Digest, in repository: RepositoryName) async throws -> Int64? {
        do throws(ClientError) {
            return try await remote(repository).size(ofBlob: digest)
        } catch {
            throw SourceError(error)
        }
    }

    func blob(
        _ digest: Digest,
        in repository: RepositoryName,
        from offset: Int64,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws {
        do {
            try await remote(repository).stream(digest, from: offset, receive)
        } catch let error as ClientError {
            throw SourceError(error)
        }
    }

    private func remote(_ repository: RepositoryName) throws(ClientError) -> RemoteRepository {
        let found = link.withLock { link in link.map { ($0.settings, $0.transport, $0.repositories[repository]) } }
        guard let (settings, transport, known) = found else {
            throw ClientError(.network, "the region \(name) is not followed at the moment", retry: .later)
        }
        if let known { return known }
        let made = try RemoteRepository(
            origin: settings.origin,
            name: repository,
            credentials: CredentialSource(given: settings.credentials, environment: [:]),
            transport: transport,
            isLocal: true
        )
        link.withLock { link in
            if link?.repositories.count ?? 0 >= Self.repositoriesKept { link?.repositories = [:] }
            link?.repositories[repository] = made
        }
        return made
    }
}

extension SourceError {
    init(_ error: ClientError) {
        let code: Code =
            switch error.code {
            case .notFound: .absent
            case .denied, .keptBack, .policy, .refused: .refused
            case .integrity: .misbehaved
            case .network, .usage, .storage: .unavailable
            }
        self.init(code, error.reason)
    }
}
