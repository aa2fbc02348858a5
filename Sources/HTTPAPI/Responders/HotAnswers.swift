// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTP1
import OCI
import Registry
import Synchronization

/// What the hot lane knows of requests that were answered before: which manifest a target names, and that this caller
/// was allowed to have it.
///
/// A permission is used again only under the policy that gave it and until the caller's credentials end; the manifest
/// itself comes from the registry's cache, which is never older than the last acknowledged change. So an answer of the
/// hot lane is one that the responder would give at that moment.
final class HotAnswers: Sendable {
    struct Key: Hashable {
        let target: String
        let authorization: String?
        let address: String?
        let certificateNames: [String]
    }

    struct Permission: Sendable {
        let repository: RepositoryName
        let reference: Reference
        /// nil where everyone may do everything.
        let identity: Identity?
        /// Whether it is another region that asks, which is no pull.
        let isReplica: Bool

        var principal: String { identity?.principal.description ?? "anonymous" }
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

    /// Remembers that a request was allowed and names this manifest. Full shards begin anew: what is hot comes back.
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
        guard transport.isHTTP1, case .manifest(let repository, let reference) = exchange.route,
            exchange.request.method == .get || exchange.request.method == .head
        else { return }
        // Of a mirror it may have to be asked for elsewhere.
        guard !registry.isMirrored(repository) else { return }
        hot.remember(
            exchange.peer.hotKey(
                exchange.request.head.path ?? "",
                access == nil ? nil : exchange.headers[.authorization],
                isJudged: access != nil
            ),
            HotAnswers.Permission(
                repository: repository,
                reference: reference,
                identity: exchange.identity,
                isReplica: exchange.caller.isReplica
            )
        )
    }

    /// What the hot lane looks a request up by; nil where something in its head could change the answer.
    func hotKey(_ head: HTTPRequestHead, from peer: Peer) -> HotAnswers.Key? {
        guard let authorization = Self.hotAuthorization(head) else { return nil }
        return peer.hotKey(head.uri, access == nil ? nil : authorization.value, isJudged: access != nil)
    }

    /// The manifest that the responder would answer with now, if it can be had without waiting.
    ///
    /// - Returns: nil where the request has to take the ordinary way, which is always right.
    func hotAnswer(_ key: HotAnswers.Key, from peer: Peer) -> HotAnswers.Found? {
        guard let permission = hot.find(key),
            let manifest = registry.cachedManifest(permission.reference, in: permission.repository),
            registry.admitsAtOnce(manifest.digest, as: permission.reference, in: permission.repository),
            isCurrent(permission, peer)
        else { return nil }
        return HotAnswers.Found(manifest: manifest, permission: permission)
    }

    /// Whether the permission still stands, and the caller is within his rates.
    private func isCurrent(_ permission: HotAnswers.Permission, _ peer: Peer) -> Bool {
        guard let access else { return permission.identity == nil }
        guard let identity = permission.identity, access.isCurrent(identity), identity.limits.bytesRate == nil else {
            return false
        }
        let limits = identity.limits
        if let rate = limits.addressRate, let address = peer.clientNetwork,
            access.limiter.take(from: "address \(address)", at: rate) != nil
        {
            return false
        }
        if let rate = limits.principalRate, identity.principal.kind != .anonymous,
            access.limiter.take(from: identity.principal.description, at: rate) != nil
        {
            return false
        }
        return true
    }

    /// The request's `Authorization`, if nothing else in its head could change the answer; nil where something could.
    private static func hotAuthorization(_ head: HTTPRequestHead) -> (value: String?, Void)? {
        guard head.method == .GET || head.method == .HEAD, head.version == .http1_1, head.uri.hasPrefix("/v2/"),
            head.uri.utf8.count <= HTTPLimits.hotTarget
        else { return nil }
        var authorization: String?
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 13 where name.lowercased() == "authorization":
                guard authorization == nil else { return nil }
                authorization = value
            case 4, 10, 11, 15:
                // Host, User-Agent, Accept-Encoding, traceparent; also Connection, which ends the connection.
                let name = name.lowercased()
                guard ["host", "user-agent", "accept-encoding", "traceparent"].contains(name) else { return nil }
            case 6 where name.lowercased() == "accept": continue
            default: return nil
            }
        }
        return (authorization, ())
    }

    /// Headers of an answer of the hot lane: those of the responder for the same request.
    func hotHeaders(_ found: HotAnswers.Found, requestID: String) -> HTTPHeaders {
        let manifest = found.manifest
        let control = CacheControl.of(found.permission.reference, for: found.permission.identity)
        return HTTPHeaders([
            ("Content-Type", manifest.mediaType.description),
            ("Docker-Content-Digest", manifest.digestText),
            ("ETag", manifest.entityTag),
            ("Cache-Control", control),
            ("X-Request-Id", requestID),
            ("Docker-Distribution-Api-Version", "registry/2.0"),
            ("X-Content-Type-Options", "nosniff"),
            ("Date", dates.now()),
            ("Content-Length", String(manifest.bytes.readableBytes)),
        ])
    }
}

extension Peer {
    fileprivate func hotKey(_ target: String, _ authorization: String?, isJudged: Bool) -> HotAnswers.Key {
        HotAnswers.Key(
            target: target,
            authorization: authorization,
            address: isJudged ? address : nil,
            certificateNames: isJudged ? certificateNames : []
        )
    }
}
