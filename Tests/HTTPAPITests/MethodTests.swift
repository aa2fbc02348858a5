// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct MethodTests {
    /// `DIGEST` stands for a digest.
    static let endpoints: [(path: String, allowed: String)] = [
        ("/v2/", "GET, HEAD"), ("/v2/a/blobs/DIGEST", "GET, HEAD, DELETE"), ("/v2/a/blobs/uploads/", "POST"),
        ("/v2/a/blobs/uploads/x", "GET, PATCH, PUT, DELETE"), ("/v2/a/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("/v2/a/manifests/DIGEST", "GET, HEAD, PUT, DELETE"), ("/v2/a/tags/list", "GET, HEAD"),
        ("/v2/a/referrers/DIGEST", "GET, HEAD"), ("/v2/_catalog", "GET, HEAD"), ("/livez", "GET, HEAD"),
        ("/readyz", "GET, HEAD"), ("/metrics", "GET, HEAD"),
    ]

    @Test(arguments: endpoints)
    func anEndpointTakesItsMethodsAndNamesThem(_ endpoint: (path: String, allowed: String)) async throws {
        try await TestServer.with { server in
            let path = endpoint.path.replacing("DIGEST", with: "\(try Sample.digest([1]))")
            let allowed = endpoint.allowed.split(separator: ",").map { $0.drop { $0 == " " } }
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                let reply = try await RawConnection.with(port: server.port) { connection in
                    try await connection.send("\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                    return try await connection.receiveResponse(bodyFollows: method != "HEAD")
                }
                let isRefused = reply.head.hasPrefix("HTTP/1.1 405 ")
                #expect(isRefused == !allowed.contains(method[...]), "\(method) \(path)")
                let allow = reply.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("allow: ") }
                #expect(allow?.dropFirst(7) == (isRefused ? endpoint.allowed[...] : nil))
                if isRefused && method != "HEAD" {
                    #expect(String(decoding: reply.body, as: UTF8.self).contains("\"UNSUPPORTED\""))
                }
            }
        }
    }

    /// Methods are compared exactly (RFC 9110, section 9.1).
    @Test func aMethodInSmallLettersIsAnother() async throws {
        try await TestServer.with { server in
            let reply = try await RawConnection.with(port: server.port) { connection in
                try await connection.send("get /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                connection.finish()
                return await connection.receiveToEnd()
            }
            #expect(reply.hasPrefix("HTTP/1.1 40"))
            #expect(!reply.contains("ok\n"))
        }
    }

    /// GET and HEAD answer with the same status and the same headers (RFC 9110, section 9.3.2).
    @Test func headHasTheHeadersOfGet() async throws {
        try await TestServer.with { server in
            let (image, digest) = try await server.pushImage(seed: 1, tag: "v1")
            #expect(try await server.put(Sample.image(subject: image), at: "r").status == 201)
            let layer = try Sample.digest(Sample.bytes(100, seed: 1))
            let empty = try await server.push([])
            let absent = try Sample.digest(Array("absent".utf8))
            let paths = [
                "/v2/", "/v2/team/app/manifests/v1", "/v2/team/app/manifests/\(digest)", "/v2/team/app/blobs/\(layer)",
                "/v2/team/app/blobs/\(digest)", "/v2/team/app/blobs/\(empty)", "/v2/team/app/tags/list",
                "/v2/team/app/tags/list?n=1", "/v2/team/app/referrers/\(digest)",
                "/v2/team/app/referrers/\(digest)?artifactType=a/b", "/v2/_catalog", "/livez", "/readyz",
                "/v2/none/manifests/v1", "/v2/none/tags/list", "/v2/team/app/manifests/v9",
                "/v2/team/app/manifests/\(absent)", "/v2/team/app/blobs/\(absent)", "/v2/none/blobs/\(absent)",
                "/v2/A/tags/list", "/v2/team/app/tags/list?n=x", "/other",
            ]
            // Again and again, so that answers from memory are compared too.
            for path in paths + paths + paths {
                let get = try await server.send(.GET, path)
                let head = try await server.send(.HEAD, path)
                #expect(head.status == get.status, "\(path)")
                let lines = { (reply: Reply) in
                    reply.headers.map { ($0.name.lowercased(), $0.value) }.filter { $0.0 != "x-request-id" }
                        .map { "\($0): \($1)" }.sorted()
                }
                #expect(lines(head) == lines(get), "\(path)")
                #expect(head["X-Request-Id"] != get["X-Request-Id"])
                #expect(get["Content-Length"] == String(get.body.readableBytes))
                #expect(head.body.readableBytes == 0)
            }
        }
    }
}
