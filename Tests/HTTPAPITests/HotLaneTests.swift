// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

/// The hot lane gives the answers of the responder, in order, and never an old one.
@Suite struct HotLaneTests {
    /// How many answers the lane has given.
    private static func answers(of server: TestServer) async throws -> Int {
        let text = try await server.send(.GET, "/metrics").text
        let line = text.split(separator: "\n").first { $0.hasPrefix("cairn_http_hot_answers_total ") }
        return try #require(line.flatMap { Int($0.split(separator: " ")[1]) })
    }

    private static func request(_ path: String, _ method: String = "GET", _ fields: String = "") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
    }

    /// A response head without what differs from answer to answer.
    private static func comparable(_ head: String) -> [String] {
        head.split(separator: "\r\n").map { $0.lowercased() }.filter {
            !$0.hasPrefix("x-request-id:") && !$0.hasPrefix("date:")
        }.sorted()
    }

    @Test(arguments: ["GET", "HEAD"], [true, false])
    func isTheAnswerOfTheResponder(method: String, byTag: Bool) async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let path = "/v2/team/app/manifests/" + (byTag ? "v1" : image.digest.description)
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(Self.request(path, method))
                let cold = try await connection.receiveResponse(bodyFollows: method == "GET")
                let before = try await Self.answers(of: server)
                try await connection.send(Self.request(path, method))
                let hot = try await connection.receiveResponse(bodyFollows: method == "GET")
                #expect(try await Self.answers(of: server) == before + 1)
                #expect(Self.comparable(hot.head) == Self.comparable(cold.head))
                #expect(hot.body == cold.body)
                #expect(hot.head.lowercased().contains("x-request-id: "))
            }
        }
    }

    @Test func seesTheNextCommit() async throws {
        try await TestServer.with { server in
            let path = "/v2/team/app/manifests/latest"
            try await RawConnection.with(port: server.port) { connection in
                for seed in 1...20 as ClosedRange<UInt64> {
                    let image = try await server.pushImage(seed: seed, tag: "latest")
                    for _ in 0..<3 {
                        try await connection.send(Self.request(path))
                        #expect(try await connection.receiveResponse().body == image.bytes)
                    }
                }
                #expect(try await Self.answers(of: server) >= 40)
                #expect(try await server.send(.DELETE, path).status == 202)
                try await connection.send(Self.request(path))
                #expect(try await connection.receiveResponse().head.hasPrefix("HTTP/1.1 404 "))
            }
        }
    }

    @Test func keepsTheOrderOfPipelinedRequests() async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let (manifest, tags) = ("/v2/team/app/manifests/v1", "/v2/team/app/tags/list")
            _ = try await server.send(.GET, manifest)
            try await RawConnection.with(port: server.port) { connection in
                let paths = [manifest, manifest, tags, manifest, tags, manifest, manifest]
                try await connection.send(paths.map { Self.request($0) }.joined())
                for path in paths {
                    let response = try await connection.receiveResponse()
                    if path == manifest {
                        #expect(response.body == image.bytes)
                    } else {
                        #expect(String(decoding: response.body, as: UTF8.self).contains("\"tags\":[\"v1\"]"))
                    }
                }
            }
        }
    }

    /// What could change the answer takes the ordinary way.
    @Test(arguments: [
        ("If-None-Match: \"DIGEST\"\r\n", "304"), ("Connection: close\r\n", "200"), ("Content-Length: 0\r\n", "200"),
        ("X-Request-Id: mine\r\n", "200"), ("Expect: 100-continue\r\n", "200"), ("If-Match: *\r\n", "200"),
    ])
    func leavesTheRestAlone(field: String, status: String) async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let path = "/v2/team/app/manifests/v1"
            _ = try await server.send(.GET, path)
            let before = try await Self.answers(of: server)
            try await RawConnection.with(port: server.port) { connection in
                let field = field.replacing("DIGEST", with: image.digest.description)
                try await connection.send(Self.request(path, "GET", field))
                let response = try await connection.receiveResponse(bodyFollows: status == "200")
                #expect(response.head.hasPrefix("HTTP/1.1 \(status) "))
                if field.hasPrefix("X-Request-Id") {
                    #expect(response.head.lowercased().contains("x-request-id: mine"))
                }
            }
            #expect(try await Self.answers(of: server) == before)
        }
    }
}
