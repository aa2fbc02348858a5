// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
internal import Synchronization
package import Transparency

/// Reads another registry's log as it grows (C2SP tlog-tiles). Nothing that it returns is verified.
package struct LogFeed: Sendable {
    let registry: RemoteRegistry
    /// Hears what the registry says of the traces of entries, before anybody has the entries.
    private let traced: @Sendable (String) -> Void

    package init(_ registry: RemoteRegistry, traced: @escaping @Sendable (String) -> Void = { _ in }) {
        self.registry = registry
        self.traced = traced
    }

    /// The newest checkpoint, a signed note; nil where nothing was ever written to the log. With a size the registry
    /// answers once its log has more entries than that, or after some seconds. One attempt: a follower asks again.
    package func checkpoint(after size: Int64? = nil) async throws(ClientError) -> [UInt8]? {
        let call = RemoteRegistry.Call(
            target: "/log/checkpoint" + (size.map { "?after=\($0)" } ?? ""),
            purpose: "asking for the newest checkpoint",
            attempts: 1
        )
        do {
            return try await registry.fetch(call, .log, limit: TransparencyLimits.noteBytesLimit).body
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// How much of a log the registry has, by that log's checkpoint with the registry's cosignature; nil where it does
    /// not follow that log, and empty where it does and nothing counts there. With a size it answers once it has more
    /// than that, or after some seconds.
    package func confirmation(of origin: String, after size: Int64?) async throws(ClientError) -> [UInt8]? {
        var call = RemoteRegistry.Call(
            target: "/log/mirror/\(MirrorPath.name(of: origin))/applied" + (size.map { "?after=\($0)" } ?? ""),
            purpose: "asking what is there of the log \(origin)",
            attempts: 1
        )
        call.accepted = [200, 204]
        do {
            return try await registry.fetch(call, .log, limit: TransparencyLimits.noteBytesLimit).body
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// The entries of a bundle; where a partial one is gone because the log grew, the beginning of the full one.
    package func entries(_ path: TilePath) async throws(ClientError) -> [[UInt8]] {
        do {
            return try await fetch(path)
        } catch {
            guard error.code == .notFound, path.isPartial, let full = path.full else { throw error }
            return Array(try await fetch(full).prefix(path.width))
        }
    }

    /// The entries of bundles, a few fetched at a time.
    package func entries(_ paths: [TilePath]) async throws(ClientError) -> [[[UInt8]]] {
        let bundles = Mutex<[TilePath: [[UInt8]]]>([:])
        try await Parallel.forEach(paths, width: ClientLimits.parallelTiles) { path throws(ClientError) in
            let bundle = try await entries(path)
            bundles.withLock { $0[path] = bundle }
        }
        return bundles.withLock { found in paths.compactMap { found[$0] } }
    }

    private func fetch(_ path: TilePath) async throws(ClientError) -> [[UInt8]] {
        let call = RemoteRegistry.Call(target: "/log/\(path)", purpose: "fetching \(path) of the log")
        let excess = ClientError(.integrity, "\(registry.origin) serves as \(path) what is too long for a bundle")
        let (answer, body) = try await registry.fetch(call, .log, limit: ClientLimits.bundleBytes, excess: excess)
        if let traces = answer["Cairn-Traces"] { traced(traces) }
        do {
            return try EntryBundle.entries(from: body, width: path.width)
        } catch {
            throw ClientError(.integrity, "\(registry.origin) serves as \(path) what is no bundle: \(error.reason)")
        }
    }
}
