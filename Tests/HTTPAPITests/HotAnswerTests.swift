// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

/// A manifest that is asked for again is answered from memory; nobody may notice but by the time that it takes.
@Suite(.serialized, .timeLimit(.minutes(1))) struct HotAnswerTests {
    private static func get(_ reference: String, _ connection: RawConnection) async throws -> (
        head: String, body: [UInt8]
    ) {
        try await connection.send("GET /v2/team/app/manifests/\(reference) HTTP/1.1\r\nHost: a\r\n\r\n")
        return try await connection.receiveResponse()
    }

    @Test func aChangeIsSeenByTheNextRequest() async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { connection in
                for seed in 1...10 {
                    let (bytes, digest) = try await server.pushImage(seed: UInt64(seed), tag: "v1")
                    for _ in 0..<3 {
                        let reply = try await Self.get("v1", connection)
                        #expect(reply.head.hasPrefix("HTTP/1.1 200 "))
                        #expect(reply.body == bytes)
                        #expect(reply.head.lowercased().contains("\r\ndocker-content-digest: \(digest)\r\n"))
                    }
                    guard seed.isMultiple(of: 3) else { continue }
                    #expect(try await Self.get("\(digest)", connection).body == bytes)
                    #expect(try await server.send(.DELETE, "/v2/team/app/manifests/v1").status == 202)
                    #expect(try await Self.get("v1", connection).head.hasPrefix("HTTP/1.1 404 "))
                    #expect(try await Self.get("\(digest)", connection).body == bytes)
                    #expect(try await server.send(.DELETE, "/v2/team/app/manifests/\(digest)").status == 202)
                    #expect(try await Self.get("\(digest)", connection).head.hasPrefix("HTTP/1.1 404 "))
                }
            }
        }
    }

    @Test func aRequestThatDiffersInItsHeadIsAnsweredForWhatItIs() async throws {
        try await TestServer.with { server in
            let (bytes, digest) = try await server.pushImage(seed: 1, tag: "v1")
            let line = "/v2/team/app/manifests/v1 HTTP/1.1\r\nHost: a\r\n"
            let table: [(request: String, status: Int, body: [UInt8])] = [
                ("GET \(line)\r\n", 200, bytes), ("GET \(line)Accept: \(Sample.imageType)\r\n\r\n", 200, bytes),
                ("GET \(line)If-None-Match: \"\(digest)\"\r\n\r\n", 304, []),
                ("GET \(line)If-None-Match: \"x\"\r\n\r\n", 200, bytes),
                ("GET \(line)Content-Length: 3\r\n\r\nabc", 200, bytes),
                ("GET /v2/team/app/manifests/v1?n=% HTTP/1.1\r\nHost: a\r\n\r\n", 400, []),
                ("GET /v2/team/app/manifests/V1 HTTP/1.1\r\nHost: a\r\n\r\n", 404, []),
                ("GET /v2/team/app/manifests/v%31 HTTP/1.1\r\nHost: a\r\n\r\n", 200, bytes),
                ("GET http://b/v2/team/app/manifests/v1 HTTP/1.1\r\nHost: a\r\n\r\n", 200, bytes),
            ]
            try await RawConnection.with(port: server.port) { connection in
                for (request, status, body) in table + table + table {
                    try await connection.send(request)
                    let reply = try await connection.receiveResponse(bodyFollows: status != 304)
                    #expect(reply.head.hasPrefix("HTTP/1.1 \(status) "), "\(request)")
                    if status != 400 && status != 404 { #expect(reply.body == body, "\(request)") }
                }
            }
        }
    }

    /// The length of what the client goes on to send is not known, so the connection is not used again.
    @Test func aRequestWithAChunkedBodyThatNobodyReadsEndsTheConnection() async throws {
        try await TestServer.with { server in
            let (bytes, _) = try await server.pushImage(seed: 1, tag: "v1")
            let reply = try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    "GET /v2/team/app/manifests/v1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "3\r\nabc\r\n0\r\n\r\n"
                )
                return try await connection.receiveResponse()
            }
            #expect(reply.head.hasPrefix("HTTP/1.1 200 ") && reply.body == bytes)
            #expect(reply.head.lowercased().contains("\r\nconnection: close"))
        }
    }

    @Test func answersKeepTheirOrderWhicheverWayTheyTake() async throws {
        try await TestServer.with { server in
            let (bytes, _) = try await server.pushImage(seed: 1, tag: "v1")
            let layer = Sample.bytes(100, seed: 1)
            let digest = try Sample.digest(layer)
            let manifest = (path: "/v2/team/app/manifests/v1", body: bytes)
            let blob = (path: "/v2/team/app/blobs/\(digest)", body: layer)
            let live = (path: "/livez", body: Array("ok\n".utf8))
            let order = [manifest, manifest, blob, manifest, live, manifest, manifest, blob, blob, live, manifest]
            try await RawConnection.with(port: server.port) { connection in
                for _ in 0..<20 {
                    let requests = order.map { "GET \($0.path) HTTP/1.1\r\nHost: a\r\n\r\n" }
                    try await connection.send(requests.joined())
                    for (path, body) in order {
                        #expect(try await connection.receiveResponse().body == body, "\(path)")
                    }
                }
            }
        }
    }

    @Test func aHeadInPiecesIsAnsweredToo() async throws {
        try await TestServer.with { server in
            let (bytes, _) = try await server.pushImage(seed: 1, tag: "v1")
            try await RawConnection.with(port: server.port) { connection in
                let request = "GET /v2/team/app/manifests/v1 HTTP/1.1\r\nHost: a\r\n\r\n"
                for cut in stride(from: 1, to: request.utf8.count, by: 5) {
                    try await connection.send(String(request.prefix(cut)))
                    try await connection.send(String(request.dropFirst(cut)))
                    #expect(try await connection.receiveResponse().body == bytes)
                }
            }
        }
    }

    @Test func whatIsAnsweredFromMemoryIsCountedToo() async throws {
        try await TestServer.with { server in
            try await server.pushImage(seed: 1, tag: "v1")
            try await RawConnection.with(port: server.port) { connection in
                for _ in 0..<10 { _ = try await Self.get("v1", connection) }
            }
            let text = try await server.send(.GET, "/metrics").text
            let line = #"cairn_http_requests_total{code="200",method="GET",route="manifest"} 10"#
            #expect(text.contains("\n\(line)\n"))
        }
    }
}
