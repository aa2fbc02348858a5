// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import OCI
import Registry
import RegistryClient
import Synchronization

/// What another registry has, by the distribution API.
final class RemoteContent: Sendable {
    private static let repositoriesKept = 4_096

    private let settings: RemoteSettings
    private let transport: Transport
    private let isLocal: Bool
    /// Each keeps its token.
    private let repositories = Mutex<[RepositoryName: RemoteRepository]>([:])

    /// `isLocal` asks for what the registry itself has, and not for what it would fetch from others.
    init(_ settings: RemoteSettings, over transport: Transport, isLocal: Bool) {
        self.settings = settings
        self.transport = transport
        self.isLocal = isLocal
    }

    func manifest(_ reference: Reference, in name: RepositoryName) async throws -> SourceManifest? {
        do throws(ClientError) {
            return try await repository(name).manifestIfPresent(reference).map { SourceManifest($0) }
        } catch {
            throw SourceError(error)
        }
    }

    func stand(of tag: Tag, known: Digest?, in name: RepositoryName) async throws -> SourceTag {
        do throws(ClientError) {
            switch try await repository(name).stand(of: tag, known: known) {
            case .absent: return .absent
            case .digest(let digest): return .digest(digest)
            case .manifest(let found): return .manifest(SourceManifest(found))
            }
        } catch {
            throw SourceError(error)
        }
    }

    func size(of digest: Digest, in name: RepositoryName) async throws -> Int64? {
        do throws(ClientError) {
            return try await repository(name).size(ofBlob: digest)
        } catch {
            throw SourceError(error)
        }
    }

    func blob(
        _ digest: Digest,
        in name: RepositoryName,
        from offset: Int64,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws {
        do {
            try await repository(name).stream(digest, from: offset, receive)
        } catch let error as ClientError {
            throw SourceError(error)
        }
    }

    func hand(_ push: HandedManifest, in name: RepositoryName) async throws -> HandedAnswer {
        do throws(ClientError) {
            return try await repository(name).hand(push)
        } catch {
            throw SourceError(error)
        }
    }

    private func repository(_ name: RepositoryName) throws(ClientError) -> RemoteRepository {
        if let known = repositories.withLock({ $0[name] }) { return known }
        let made = try RemoteRepository(
            origin: settings.origin,
            name: name,
            credentials: CredentialSource(given: settings.credentials, environment: [:]),
            transport: transport,
            isLocal: isLocal
        )
        repositories.withLock { repositories in
            if repositories.count >= Self.repositoriesKept { repositories = [:] }
            repositories[name] = made
        }
        return made
    }
}

extension SourceManifest {
    fileprivate init(_ found: FetchedManifest) {
        self.init(digest: found.digest, mediaType: found.manifest.mediaType, bytes: found.manifest.bytes)
    }
}

extension SourceError {
    fileprivate init(_ error: ClientError) {
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
