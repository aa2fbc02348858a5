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

    private var remote: RemoteContent {
        get throws {
            guard let content = content.withLock({ $0 }) else {
                throw SourceError(.unavailable, "the region \(name) is not followed at the moment")
            }
            return content
        }
    }
}
