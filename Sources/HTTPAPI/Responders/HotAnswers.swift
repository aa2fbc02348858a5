// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTP1
import OCI
import Registry
import Synchronization

/// What the hot lane knows of requests that were answered before: which manifest a target names.
///
/// The manifest itself comes from the registry's cache, which is never older than the last acknowledged change. So an
/// answer of the hot lane is one that the responder would give at that moment.
final class HotAnswers: Sendable {
    struct Key: Hashable {
        let target: String
    }

    struct Permission: Sendable {
        let repository: RepositoryName
        let reference: Reference
    }

    struct Found: Sendable {
        let manifest: ServedManifest
        let permission: Permission
    }

    private static let shardCount = 8

    private final class Shard: Sendable {
        let permissions = Mutex<[Key: Permission]>([:])
    }

    private let shards = (0..<HotAnswers.shardCount).map { _ in Shard() }

    /// Remembers that a request was answered with this manifest. Full shards begin anew: what is hot comes back.
    func remember(_ key: Key, _ permission: Permission) {
        guard key.target.utf8.count <= HTTPLimits.hotTarget else { return }
        shard(of: key).permissions.withLock { permissions in
            if permissions.count >= HTTPLimits.hotPermissions / Self.shardCount { permissions.removeAll() }
            permissions[key] = permission
        }
    }

    func find(_ key: Key) -> Permission? {
        shard(of: key).permissions.withLock { $0[key] }
    }

    private func shard(of key: Key) -> Shard {
        shards[Int(UInt(bitPattern: key.target.hashValue) % UInt(Self.shardCount))]
    }
}

extension Responder {
    /// Remembers an answered request for the hot lane.
    func remember(_ exchange: Exchange, over transport: Transport) {
        guard transport == .http1, case .manifest(let repository, let reference) = exchange.route,
            exchange.request.method == .get || exchange.request.method == .head
        else { return }
        hot.remember(
            HotAnswers.Key(target: exchange.request.head.path ?? ""),
            HotAnswers.Permission(repository: repository, reference: reference)
        )
    }

    /// What the hot lane looks a request up by; nil where something in its head could change the answer.
    func hotKey(_ head: HTTPRequestHead) -> HotAnswers.Key? {
        guard head.method == .GET || head.method == .HEAD, head.version == .http1_1, head.uri.hasPrefix("/v2/"),
            head.uri.utf8.count <= HTTPLimits.hotTarget
        else { return nil }
        for (name, _) in head.headers {
            switch name.utf8.count {
            case 4, 6, 10, 11, 13, 15:
                guard Self.indifferent.contains(name.lowercased()) else { return nil }
            default: return nil
            }
        }
        return HotAnswers.Key(target: head.uri)
    }

    /// Headers that change nothing about the answer to a request for a manifest.
    private static let indifferent: Set<String> = [
        "host", "accept", "user-agent", "accept-encoding", "authorization", "traceparent",
    ]

    /// The manifest that the responder would answer with now, if it can be had without waiting.
    ///
    /// - Returns: nil where the request has to take the ordinary way, which is always right.
    func hotAnswer(_ key: HotAnswers.Key) -> HotAnswers.Found? {
        guard let permission = hot.find(key),
            let manifest = registry.cachedManifest(permission.reference, in: permission.repository)
        else { return nil }
        return HotAnswers.Found(manifest: manifest, permission: permission)
    }

    /// Headers of an answer of the hot lane: those of the responder for the same request.
    func hotHeaders(_ found: HotAnswers.Found, requestID: String) -> HTTPHeaders {
        let manifest = found.manifest
        return HTTPHeaders([
            ("Content-Type", manifest.mediaType.description),
            ("Docker-Content-Digest", manifest.digestText),
            ("ETag", manifest.entityTag),
            ("Cache-Control", CacheControl.of(found.permission.reference)),
            ("X-Request-Id", requestID),
            ("Docker-Distribution-Api-Version", "registry/2.0"),
            ("X-Content-Type-Options", "nosniff"),
            ("Date", dates.now()),
            ("Content-Length", String(manifest.bytes.readableBytes)),
        ])
    }
}
