// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Glibc
import NIOCore
import NIOHTTP1
import OCI
import Registry
import TestSupport
import Testing

/// What is not here is served while it is fetched, once for all who ask, and never wrong to its end.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ReadThroughTests {
    /// Text, so that a raw connection can look for marks in it.
    private let bytes = Array(String(repeating: "0123456789abcdef", count: 1000).utf8)
    private let time = FetchTime()
    private let body = "\r\n\r\n"

    private func with(
        _ sources: any ContentSource...,
        remote: Bool = true,
        _ work: (TestServer, Digest) async throws -> Void
    ) async throws {
        var options = TestStore.Options()
        var limits = FetchLimits()
        limits.holdback = 100
        limits.rounds = 1
        options.fetching = time.options(limits)
        try await TestServer.with(options: options) { server in
            let digest = try Sample.digest(bytes)
            try await server.store.push(Array("{}".utf8))
            if remote {
                try await server.store.push(bytes)
                try await server.store.makeRemote(digest)
            }
            server.store.registry.setSources { name in name.description == "team/app" ? sources : [] }
            try await work(server, digest)
        }
    }

    private func path(_ digest: Digest) -> String { "/v2/team/app/blobs/\(digest)" }

    private func request(_ digest: Digest, _ headers: String = "") -> String {
        "GET \(path(digest)) HTTP/1.1\r\nHost: a\r\n\(headers)\r\n"
    }

    @Test func aRemoteBlobIsServedAndStored() async throws {
        let source = try ScriptedSource("there", [bytes])
        try await with(source) { server, digest in
            for _ in 0..<2 {
                let reply = try await server.send(.GET, path(digest))
                #expect(reply.status == 200)
                #expect(reply["Content-Length"] == "16000")
                #expect(reply["Docker-Content-Digest"] == digest.description)
                #expect(Array(reply.body.readableBytesView) == bytes)
            }
            #expect(source.asked == [0])
            #expect(source.askedSizes == 0)
        }
    }

    @Test func aBlobThatOnlyASourceKnowsIsServed() async throws {
        let (empty, source) = (try ScriptedSource("empty"), try ScriptedSource("there", [bytes]))
        try await with(empty, source, remote: false) { server, digest in
            let reply = try await server.send(.GET, path(digest))
            #expect(reply.status == 200)
            #expect(Array(reply.body.readableBytesView) == bytes)
            let other = try await server.send(.GET, "/v2/team/other/blobs/\(digest)")
            #expect(other.status == 404)
            #expect(empty.asked == [0])
        }
    }

    @Test func bytesGoOutBeforeTheLastHaveCome() async throws {
        let gate = TestGate()
        let source = try ScriptedSource("there", [bytes], .pause(after: 5000, gate))
        try await with(source) { server, digest in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(request(digest))
                _ = try await connection.receive(through: body)
                let first = try await connection.receive(5000)
                #expect(first == Array(bytes.prefix(5000)))
                gate.open()
                let rest = try await connection.receive(11_000)
                #expect(rest == Array(bytes.dropFirst(5000)))
            }
        }
    }

    /// All but the last bytes may have gone out when it proves wrong: whoever counts sees that it is not whole.
    @Test func wrongBytesNeverComeToTheirEnd() async throws {
        let lie = Array(String(repeating: "x", count: 16_000).utf8)
        let gate = TestGate()
        let liar = try ScriptedSource("liar", [bytes], .lieInParts(lie, after: 16_000, gate))
        try await with(liar) { server, digest in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(request(digest))
                let head = try await connection.receive(through: body)
                #expect(head.contains("16000"))
                let lied = try await connection.receive(15_900)
                #expect(lied == Array(lie.prefix(15_900)))
                gate.open()
                let rest = await connection.receiveToEnd()
                #expect(rest.isEmpty)
            }
            let again = try await server.send(.HEAD, path(digest))
            #expect(again.status == 404)
        }
    }

    /// Bytes of two attempts are never mixed in one answer.
    @Test func aReaderOfAnAttemptThatProvedWrongIsBrokenOff() async throws {
        let lie = Array(String(repeating: "x", count: 20_000).utf8)
        let (end, gate) = (TestGate(), TestGate())
        let liar = try ScriptedSource("liar", [bytes], piece: 20_000, .lieInParts(lie, after: 2000, end))
        let honest = try ScriptedSource("honest", [bytes], .wait(gate))
        try await with(liar, honest) { server, digest in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(request(digest))
                _ = try await connection.receive(through: body)
                let lied = try await connection.receive(2000)
                #expect(lied == Array(lie.prefix(2000)))
                // What comes then is more than the blob has: all of it is fetched from the other.
                end.open()
                await honest.events.wait()
                gate.open()
                let rest = await connection.receiveToEnd()
                #expect(rest.isEmpty)
            }
        }
    }

    @Test func aRangeWaitsForItsOffset() async throws {
        let gate = TestGate()
        let source = try ScriptedSource("there", [bytes], .pause(after: 5000, gate))
        try await with(source) { server, digest in
            async let early = server.send(.GET, path(digest), headers: [("Range", "bytes=1000-1999")])
            let first = try await early
            #expect(first.status == 206)
            #expect(first["Content-Range"] == "bytes 1000-1999/16000")
            #expect(Array(first.body.readableBytesView) == Array(bytes[1000..<2000]))
        }
        let second = try ScriptedSource("there", [bytes], .pause(after: 5000, gate))
        try await with(second) { server, digest in
            async let late = server.send(.GET, path(digest), headers: [("Range", "bytes=-16")])
            await second.events.wait { $0 == "paused" }
            gate.open()
            let reply = try await late
            #expect(reply.text == "0123456789abcdef")
            let beyond = try await server.send(.GET, path(digest), headers: [("Range", "bytes=16000-")])
            #expect(beyond.status == 416)
        }
    }

    @Test func allWhoAskShareOneFetch() async throws {
        let gate = TestGate()
        let source = try ScriptedSource("there", [bytes], .wait(gate))
        try await with(source) { server, digest in
            try await withThrowingTaskGroup(of: Reply.self) { group in
                for _ in 0..<8 { group.addTask { try await server.send(.GET, path(digest)) } }
                while server.store.registry.fetchesAwaited < 8 { await Task.yield() }
                gate.open()
                for try await reply in group {
                    #expect(reply.status == 200)
                    #expect(Array(reply.body.readableBytesView) == bytes)
                }
            }
            #expect(source.asked == [0])
        }
    }

    @Test func theFetchEndsWithItsReaders() async throws {
        let gate = TestGate()
        let source = try ScriptedSource("there", [bytes], .pause(after: 5000, gate))
        try await with(source) { server, digest in
            try await RawConnection.with(port: server.port) { channel in
                // Closing it then is a reset: the end of the client, not only of what it says.
                _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            } _: { connection in
                try await connection.send(request(digest))
                _ = try await connection.receive(through: body)
                try await connection.abort()
            }
            while server.store.registry.fetchesAwaited > 0 { await Task.yield() }
            let reply = try await server.send(.GET, path(digest))
            #expect(reply.status == 200)
            #expect(source.asked == [0, 0])
        }
    }

    @Test func whatIsElsewhereIsNotHereForWhoPushes() async throws {
        let source = try ScriptedSource("there", [bytes])
        try await with(source) { server, digest in
            let head = try await server.send(.HEAD, path(digest))
            #expect(head.status == 404)
            let mount = try await server.send(.POST, "/v2/team/x/blobs/uploads/?mount=\(digest)&from=team/app")
            #expect(mount.status == 202)
            let peer = try await server.send(.GET, path(digest), headers: [("Cache-Control", "only-if-cached")])
            #expect(peer.status == 404)
            #expect(source.asked == [])
        }
    }

    @Test func whatCannotBeFetchedIsSaidToBeElsewhere() async throws {
        let source = try ScriptedSource("there", [bytes], .fail(.unavailable))
        try await with(source) { server, digest in
            let failed = try await server.send(.GET, path(digest))
            #expect(failed.status == 503)
            #expect(failed["Retry-After"] == "1")
            source.isReachable = false
            let down = try await server.send(.GET, path(digest))
            #expect(down.status == 503)
            #expect(source.asked == [0])
        }
        source.isReachable = true
        try await with(source, remote: false) { server, _ in
            let unknown = try Sample.digest(Array("?".utf8))
            for _ in 0..<3 {
                let reply = try await server.send(.GET, path(unknown))
                #expect(reply.status == 404)
            }
            #expect(source.askedSizes == 1)
            time.advance(by: .seconds(1))
            _ = try await server.send(.GET, path(unknown))
            #expect(source.askedSizes == 2)
        }
    }

    @Test func aDeletedBlobStaysDeleted() async throws {
        let source = try ScriptedSource("there", [bytes])
        try await with(source, remote: false) { server, digest in
            try await server.store.push(bytes)
            let deleted = try await server.send(.DELETE, path(digest))
            #expect(deleted.status == 202)
            let reply = try await server.send(.GET, path(digest))
            #expect(reply.status == 404)
            #expect(source.askedSizes == 0)
        }
    }

    @Test func aManifestIsServedFromWhereItIs() async throws {
        let source = try ScriptedSource("there", [bytes])
        let image = try Sample.image(layers: [bytes])
        let digest = try Sample.digest(image)
        try source.add(image, as: .digest(digest))
        let none = try Sample.digest(Array("none".utf8))
        try source.add(image, as: .tag(Sample.tag("v1")))
        try await with(source, remote: false) { server, _ in
            for method in [HTTPMethod.GET, .HEAD] {
                let reply = try await server.send(method, "/v2/team/app/manifests/\(digest)")
                #expect(reply.status == 200)
                #expect(reply["Docker-Content-Digest"] == digest.description)
                if method == .GET { #expect(Array(reply.body.readableBytesView) == image) }
            }
            let before = source.askedManifests.count
            for _ in 0..<2 {
                let reply = try await server.send(.GET, "/v2/team/app/manifests/\(none)")
                #expect(reply.status == 404)
            }
            #expect(source.askedManifests.count == before + 1, "that it has none is remembered for a moment")
            // What a tag is, only a signed log says.
            let tag = try await server.send(.GET, "/v2/team/app/manifests/v1")
            #expect(tag.status == 404)
            #expect(source.askedManifests.count == before + 1)
        }
    }

    @Test func otherBytesThanTheDigestsAreNoManifest() async throws {
        let source = try ScriptedSource("there", [bytes])
        let digest = try Sample.digest(Sample.image(layers: [bytes]))
        try source.add(Sample.image(layers: []), as: .digest(digest))
        try await with(source, remote: false) { server, _ in
            let reply = try await server.send(.GET, "/v2/team/app/manifests/\(digest)")
            #expect(reply.status == 404)
            #expect(source.askedManifests == [digest.description])
        }
    }

    @Test func aDeletedTagOrManifestStaysDeleted() async throws {
        let source = try ScriptedSource("there", [bytes])
        let image = try Sample.image(layers: [bytes])
        try await with(source, remote: false) { server, _ in
            try await server.store.push(bytes)
            let digest = try await server.store.put(image, tag: "v1")
            try source.add(image, as: .tag(Sample.tag("v1")))
            try source.add(image, as: .digest(digest))
            for reference in ["v1", digest.description] {
                let deleted = try await server.send(.DELETE, "/v2/team/app/manifests/\(reference)")
                #expect(deleted.status == 202)
                let reply = try await server.send(.GET, "/v2/team/app/manifests/\(reference)")
                #expect(reply.status == 404)
            }
            #expect(source.askedManifests == [])
        }
    }
}
