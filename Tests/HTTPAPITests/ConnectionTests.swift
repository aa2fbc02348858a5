// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

/// When a connection goes on and when it ends, and what is said before a body is sent.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ConnectionTests {
    private static let live = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Whether the connection takes another request after one that is answered with a status.
    private static func goesOn(after request: String, answeredBy status: Int, _ server: TestServer) async throws -> Bool
    {
        try await RawConnection.with(port: server.port) { connection in
            try await connection.send(request)
            let reply = try await connection.receiveResponse()
            #expect(reply.head.split(separator: " ").dropFirst().first == "\(status)", "\(reply.head)")
            guard !reply.head.lowercased().contains("\r\nconnection: close\r\n") else {
                #expect(await connection.receiveToEnd().isEmpty)
                return false
            }
            try await connection.send(live)
            return try await connection.receiveResponse().body == Array("ok\n".utf8)
        }
    }

    /// A request, its status, and whether the connection lives on. `BODY` stands for 1000 bytes.
    static let requests: [(request: String, status: Int, goesOn: Bool)] = [
        ("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 200, true),
        ("GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 200, true),
        ("GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, false),
        ("GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", 200, false),
        ("GET /v2/team/app/manifests/v1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, false),
        ("GET /v2/ HTTP/1.0\r\n\r\n", 200, false), ("GET /v2/team/app/manifests/v1 HTTP/1.0\r\n\r\n", 200, false),
        ("GET /v2/none/tags/list HTTP/1.0\r\nHost: a\r\n\r\n", 404, false),
        ("GET /v2/none/tags/list HTTP/1.1\r\nHost: a\r\n\r\n", 404, true),
        ("PUT /v2/A/manifests/v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nBODY", 400, true),
        ("POST /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nBODY", 405, true),
        ("PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nBODY", 404, true),
        ("GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nBODY", 200, true),
        (
            "PUT /v2/A/manifests/v1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            400, false
        ),
        ("PUT /v2/A/manifests/v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", 400, false),
        ("PUT /v2/A/manifests/v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", 400, false),
    ]

    @Test(arguments: requests)
    func aConnectionEndsWhenItMust(_ sent: (request: String, status: Int, goesOn: Bool)) async throws {
        try await TestServer.with { server in
            try await server.pushImage(seed: 1, tag: "v1")
            let request = sent.request.replacing("BODY", with: String(repeating: "x", count: 1000))
            // The second one may be answered from memory.
            for _ in 0..<2 {
                let goesOn = try await Self.goesOn(after: request, answeredBy: sent.status, server)
                #expect(goesOn == sent.goesOn)
            }
        }
    }

    /// `SESSION` stands for the path of an open session.
    static let unwanted: [(head: String, status: Int)] = [
        ("PATCH SESSION HTTP/1.1\r\nContent-Range: 5-14\r\nContent-Length: 10", 416),
        ("PATCH SESSION HTTP/1.1\r\nContent-Range: 0-4\r\nContent-Length: 10", 400),
        ("PUT SESSION HTTP/1.1\r\nContent-Length: 10", 400),
        ("PUT SESSION?digest=x HTTP/1.1\r\nContent-Length: 10", 400),
        ("POST SESSION HTTP/1.1\r\nContent-Length: 10", 405),
        ("PUT /v2/a/manifests/v1?tag=v2 HTTP/1.1\r\nContent-Length: 10", 400),
        ("PUT /v2/a/manifests/v1 HTTP/1.1\r\nIf-Match: x\r\nContent-Length: 10", 400),
        ("PUT /v2/a/manifests/v1 HTTP/1.1\r\nContent-Type: x\r\nContent-Length: 10", 400),
        ("POST /v2/a/blobs/uploads/?digest=x HTTP/1.1\r\nContent-Length: 10", 400),
    ]

    @Test(arguments: unwanted)
    func aBodyThatIsNotWantedIsNotAskedFor(_ unwanted: (head: String, status: Int)) async throws {
        try await TestServer.with { server in
            let head = unwanted.head.replacing("SESSION", with: try await server.startUpload())
            let reply = try await RawConnection.with(port: server.port) { connection in
                try await connection.send(head + "\r\nHost: a\r\nExpect: 100-continue\r\n\r\n")
                return await connection.receiveToEnd()
            }
            #expect(reply.hasPrefix("HTTP/1.1 \(unwanted.status) "), "\(reply.prefix(100))")
            #expect(reply.ranges(of: "HTTP/1.1 ").count == 1)
        }
    }

    /// Each way in which a body comes, by a client that waits to be asked for it.
    @Test(arguments: ["POST", "PATCH", "PUT", "manifest"])
    func aBodyThatIsWantedIsAskedForOnce(_ way: String) async throws {
        try await TestServer.with { server in
            let bytes = way == "manifest" ? try Sample.image(config: [1]) : Sample.bytes(300_000)
            let digest = try Sample.digest(bytes)
            try await server.push([1])
            let target =
                switch way {
                case "POST": "POST /v2/team/app/blobs/uploads/?digest=\(digest)"
                case "PATCH": "PATCH \(try await server.startUpload())"
                case "PUT": "PUT \(try await server.startUpload())?digest=\(digest)"
                default: "PUT /v2/team/app/manifests/v1"
                }
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    "\(target) HTTP/1.1\r\nHost: a\r\nContent-Length: \(bytes.count)\r\nExpect: 100-Continue\r\n\r\n"
                )
                #expect(try await connection.receive(through: "\r\n\r\n").hasPrefix("HTTP/1.1 100 "))
                try await connection.send(bytes)
                let reply = try await connection.receiveResponse()
                #expect(reply.head.hasPrefix("HTTP/1.1 \(way == "PATCH" ? 202 : 201) "))
                try await connection.send(Self.live)
                #expect(try await connection.receiveResponse().body == Array("ok\n".utf8))
            }
        }
    }

    /// A client that was heard before the shutdown began gets its answer, and the connection ends with it.
    @Test func aRequestUnderWayIsFinishedByAShutdown() async throws {
        try await TestServer.with { server in
            let bytes = Sample.bytes(1000)
            let digest = try Sample.digest(bytes)
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    """
                    POST /v2/team/app/blobs/uploads/?digest=\(digest) HTTP/1.1\r\nHost: a\r\n\
                    Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n
                    """
                )
                _ = try await connection.receive(through: "\r\n\r\n")
                await server.shutDown()
                try await connection.send(bytes)
                #expect(try await connection.receiveResponse().head.hasPrefix("HTTP/1.1 201 "))
                #expect(await connection.receiveToEnd().isEmpty)
            }
        }
    }

    @Test func healthIsToldWhileTheServerDrains() async throws {
        try await TestServer.with { server in
            server.health.beginDraining()
            for _ in 0..<2 {
                let live = try await server.send(.GET, "/livez")
                #expect(live.status == 200)
                #expect(live.text == "ok\n")
                #expect(live["Content-Type"] == "text/plain; charset=utf-8")
                let ready = try await server.send(.GET, "/readyz")
                #expect(ready.status == 503)
                #expect(ready.text == #"{"status":"degraded","problems":["draining"]}"#)
                #expect(ready["Content-Type"] == "application/json")
                #expect(ready["Cache-Control"] == "no-store")
                #expect(try await server.send(.HEAD, "/readyz").status == 503)
                #expect(try await server.send(.GET, "/metrics").status == 200)
                // What still arrives is served.
                try await server.pushImage(seed: 1, tag: "v1")
                #expect(try await server.send(.GET, "/v2/team/app/manifests/v1").status == 200)
            }
        }
    }

    @Test func theFiguresCountWhatWasAnswered() async throws {
        try await TestServer.with { server in
            try await server.pushImage(seed: 1, tag: "v1")
            for _ in 0..<5 { _ = try await server.send(.GET, "/v2/team/app/manifests/v1") }
            _ = try await server.send(.GET, "/v2/none/manifests/v1")
            _ = try await server.send(.OPTIONS, "/v2/")
            let text = try await server.send(.GET, "/metrics").text
            let wanted = [
                #"cairn_http_requests_total{code="200",method="GET",route="manifest"} 5"#,
                #"cairn_http_requests_total{code="404",method="GET",route="manifest"} 1"#,
                #"cairn_http_requests_total{code="201",method="PUT",route="manifest"} 1"#,
                #"cairn_http_requests_total{code="201",method="POST",route="uploads"} 2"#,
                #"cairn_http_requests_total{code="405",method="other",route="base"} 1"#,
                "cairn_http_requests_in_flight 1",
            ]
            for line in wanted { #expect(text.contains("\n\(line)\n"), "\(line)") }
        }
    }
}
