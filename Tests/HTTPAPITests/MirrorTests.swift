// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import Registry
import TestSupport
import Testing

/// Mirrors as clients see them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct MirrorTests {
    private let time = FetchTime()
    private let config = Array("{}".utf8)
    private let layer = Sample.bytes(5000)

    private func image(_ seed: Int = 0) throws -> [UInt8] {
        try Sample.image(config: config, layers: [layer], annotations: ["seed": "\(seed)"])
    }

    private func with(_ mirror: ScriptedMirror, _ work: (TestServer) async throws -> Void) async throws {
        var options = TestStore.Options()
        options.fetching = time.options()
        try await TestServer.with(options: options) { server in
            server.store.registry.setMirrors([
                MirroredRegistry(
                    name: try Sample.repository("docker.io"),
                    source: mirror,
                    fresh: .seconds(300),
                    defaultPrefix: "library"
                )
            ])
            try await work(server)
        }
    }

    @Test func anImageIsPulledByItsNamespaceOrItsName() async throws {
        let mirror = try ScriptedMirror([config, layer])
        let digest = try mirror.add(try image(), tag: "v")
        try await with(mirror) { server in
            let paths = [
                "/v2/app/manifests/v?ns=docker.io", "/v2/library/app/manifests/v?ns=docker.io",
                "/v2/docker.io/app/manifests/v", "/v2/docker.io/library/app/manifests/\(digest)",
            ]
            for path in paths {
                let reply = try await server.send(.GET, path)
                #expect(reply.status == 200)
                #expect(reply["Docker-Content-Digest"] == digest.description)
                #expect(reply["OCI-Namespace"] == "docker.io")
                #expect(reply["Warning"] == nil)
                #expect(try Array(reply.body.readableBytesView) == image())
            }
            let blob = try Sample.digest(layer)
            let path = "/v2/app/blobs/\(blob)?ns=docker.io"
            let head = try await server.send(.HEAD, path)
            #expect(head.status == 200)
            #expect(head["Content-Length"] == "5000")
            #expect(mirror.blobs.asked == [])
            for _ in 0..<2 {
                let reply = try await server.send(.GET, path)
                #expect(Array(reply.body.readableBytesView) == layer)
            }
            #expect(mirror.blobs.asked == [0])
            #expect(mirror.asked == ["v", "manifest"])
        }
    }

    @Test func anUnknownNamespaceIsNotServedFromWhatIsHere() async throws {
        try await with(try ScriptedMirror()) { server in
            try await server.store.putImage(seed: 1, tag: "v", in: "library/app")
            let reply = try await server.send(.GET, "/v2/library/app/manifests/v?ns=quay.io")
            #expect(reply.status == 404)
            #expect(reply.text.contains("NAME_UNKNOWN"))
            #expect(reply.text.contains("docker.io"))
            let mirrored = try await server.send(.GET, "/v2/library/app/manifests/v?ns=docker.io")
            #expect(mirrored.status == 404)
            let ping = try await server.send(.GET, "/v2/?ns=quay.io")
            #expect(ping.status == 200)
        }
    }

    @Test func pushesAreRefused() async throws {
        let mirror = try ScriptedMirror()
        try mirror.add(try image(), tag: "v")
        try await with(mirror) { server in
            let digest = try Sample.digest(layer)
            let pushes: [(HTTPMethod, String)] = [
                (.POST, "/v2/docker.io/app/blobs/uploads/"),
                (.POST, "/v2/app/blobs/uploads/?ns=docker.io"),
                (.POST, "/v2/docker.io/app/blobs/uploads/?mount=\(digest)&from=team/app"),
                (.PUT, "/v2/docker.io/app/manifests/v"),
            ]
            for (method, path) in pushes {
                let reply = try await server.send(method, path, text: "{}")
                #expect(reply.status == 405)
                #expect(reply.text.contains("UNSUPPORTED"))
            }
            #expect(mirror.asked == [])
            let pulled = try await server.send(.GET, "/v2/docker.io/app/manifests/v")
            #expect(pulled.status == 200)
            let deleted = try await server.send(.DELETE, "/v2/docker.io/app/manifests/v")
            #expect(deleted.status == 202)
        }
    }

    /// What was asked for often is answered from memory, but not a tag that may have moved elsewhere.
    @Test func aMovedTagIsSeenAndAFailureToldOf() async throws {
        let mirror = try ScriptedMirror()
        let first = try mirror.add(try image(1), tag: "v")
        try await with(mirror) { server in
            let path = "/v2/docker.io/app/manifests/v"
            for _ in 0..<3 {
                let reply = try await server.send(.GET, path)
                #expect(reply["Docker-Content-Digest"] == first.description)
            }
            let second = try mirror.add(try image(2), tag: "v")
            time.advance(by: .seconds(301))
            for _ in 0..<3 {
                let moved = try await server.send(.GET, path)
                #expect(moved["Docker-Content-Digest"] == second.description)
            }
            mirror.failure = .unavailable
            time.advance(by: .seconds(301))
            for _ in 0..<3 {
                let stale = try await server.send(.GET, path)
                #expect(stale.status == 200)
                #expect(stale["Warning"]?.hasPrefix("110 - \"docker.io ") == true)
            }
            let absent = try await server.send(.GET, "/v2/docker.io/app/manifests/w")
            #expect(absent.status == 503)
            mirror.failure = .refused
            let refused = try await server.send(.GET, "/v2/docker.io/app/manifests/x")
            #expect(refused.status == 403)
        }
    }

    /// Another registry that fetches from this one asks for what is here.
    @Test func whoAsksForWhatIsHereMakesNothingBeFetched() async throws {
        let mirror = try ScriptedMirror()
        try mirror.add(try image(), tag: "v")
        try await with(mirror) { server in
            let reply = try await server.send(
                .GET,
                "/v2/docker.io/app/manifests/v",
                headers: [("Cache-Control", "only-if-cached")]
            )
            #expect(reply.status == 404)
            #expect(mirror.asked == [])
        }
    }
}
