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
    let name: String
    private let follower: LogFollower
    private let pace: BandwidthPace
    private let content = Mutex<RemoteContent?>(nil)

    init(_ name: String, _ follower: LogFollower, _ pace: BandwidthPace) {
        self.pace = pace
        self.name = name
        self.follower = follower
    }

    /// Lets it be asked while `body` runs.
    func connected<Value>(
        _ settings: RegionSettings,
        over transport: Transport,
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        content.withLock { $0 = RemoteContent(settings.remote, over: transport, isLocal: true) }
        defer { content.withLock { $0 = nil } }
        return try await body()
    }

    var isReachable: Bool { content.withLock { $0 != nil } && follower.status.phase == .following }

    func untilKnown() async { await follower.untilKnown() }

    func manifest(_ reference: Reference, in repository: RepositoryName) async throws -> SourceManifest? {
        try await remote.manifest(reference, in: repository)
    }

    func size(of digest: Digest, in repository: RepositoryName) async throws -> Int64? {
        try await remote.size(of: digest, in: repository)
    }

    func blob(
        _ digest: Digest,
        in repository: RepositoryName,
        from offset: Int64,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws {
        try await remote.blob(digest, in: repository, from: offset) { piece in
            try await pace.take(piece.readableBytes)
            try await receive(piece)
        }
    }

    /// Lets the region make a push of immutable tags, since it is the home of the repository.
    ///
    /// - Parameters:
    ///   - push: The push.
    ///   - origin: This registry's own log.
    /// - Returns: What it says.
    /// - Throws: `SourceError` where it does not answer, or has failed.
    func hand(_ push: HomePush, from origin: String) async throws -> HomeAnswer {
        let answer = try await remote.hand(
            HandedManifest(
                digest: push.digest,
                tags: push.tags,
                mediaType: push.mediaType,
                bytes: push.bytes,
                headers: push.headers + [("Cairn-Handed-On-By", origin)]
            ),
            in: push.repository
        )
        switch answer {
        case .stored: return .done
        case .refused(let status, let body): return .refused(status: status, body: body)
        }
    }

    private var remote: RemoteContent {
        get throws {
            guard let content = content.withLock({ $0 }) else {
                throw SourceError(.unavailable, "the region \(name) is not followed at the moment")
            }
            return content
        }
    }
}
