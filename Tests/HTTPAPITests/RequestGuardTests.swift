// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct RequestGuardTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let request: String
        let status: Int
        var testDescription: String { name }

        init(_ name: String, _ request: String, _ status: Int) {
            self.name = name
            self.request = request
            self.status = status
        }
    }

    static let refused = [
        Case("two lengths", "PUT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        Case("equal lengths", "PUT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
        Case(
            "length and coding",
            "PUT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        Case("other coding", "PUT /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        Case("unknown coding", "PUT /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        Case("coding of 1.0", "PUT /v2/ HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Case("signed length", "PUT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400),
        Case("negative length", "PUT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        Case("huge length", "PUT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000000\r\n\r\n", 400),
        Case("no host", "GET /v2/ HTTP/1.1\r\n\r\n", 400),
        Case("two hosts", "GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        Case("asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("authority", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("other scheme", "GET ftp://a/v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("fragment", "GET /v2/#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("long target", "GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        Case(
            "large field",
            "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 17_000))\r\n\r\n",
            431
        ),
        Case(
            "many fields",
            "GET /v2/ HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: y\r\n", count: 200))\r\n",
            431
        ),
        Case("no request at all", "\u{1}\u{2}\u{3}\r\n\r\n", 400),
        Case("not a version", "GET /v2/ HTTP/x\r\nHost: a\r\n\r\n", 400),
        Case("space before colon", "GET /v2/ HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ]

    @Test(arguments: refused)
    func anAmbiguousRequestIsRefusedAndTheConnectionCloses(_ refused: Case) async throws {
        try await TestServer.with { server in
            let reply = try await RawConnection.with(port: server.port) { connection in
                // What follows must not be read as a request of its own.
                try await connection.send(refused.request + "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                connection.finish()
                return await connection.receiveToEnd()
            }
            #expect(reply.hasPrefix("HTTP/1.1 \(refused.status) "), "\(reply.prefix(200))")
            #expect(reply.lowercased().contains("\r\nconnection: close\r\n"))
            #expect(reply.ranges(of: "HTTP/1.1 ").count == 1, "one answer")
            #expect(!reply.contains("ok\n"))
        }
    }

    static let served = [
        Case("absolute form", "GET http://other.example/livez HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        Case("absolute form with capitals", "GET HTTP://a:80/livez?x=y HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        Case("1.0 without host", "GET /livez HTTP/1.0\r\n\r\n", 200),
        Case(
            "chunked in capitals",
            "GET /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
            200
        ),
        Case("zero length", "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200),
        Case("empty query", "GET /livez? HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ]

    @Test(arguments: served)
    func aCorrectRequestIsServed(_ served: Case) async throws {
        try await TestServer.with { server in
            let reply = try await RawConnection.with(port: server.port) { connection in
                try await connection.send(served.request)
                return try await connection.receiveResponse()
            }
            #expect(reply.head.hasPrefix("HTTP/1.1 \(served.status) ") || reply.head.hasPrefix("HTTP/1.0 200 "))
            #expect(reply.body == Array("ok\n".utf8))
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { connection in
                let paths = ["/livez", "/v2/", "/nothing", "/livez"]
                try await connection.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
                let statuses = [200, 200, 404, 200]
                for status in statuses {
                    #expect(try await connection.receiveResponse().head.hasPrefix("HTTP/1.1 \(status) "))
                }
            }
        }
    }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct ProtocolDetectorTests {
    @Test(arguments: [1, 2, 3, 4, 14, 16, 18, 22, 23])
    func aPrefaceInTwoPiecesIsUnderstood(_ cut: Int) async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(Array(HTTP2Frames.preface[..<cut]))
                try await connection.send(
                    HTTP2Frames.preface[cut...] + HTTP2Frames.frame(4, flags: 0, stream: 0, [])
                )
                let client = HTTP2Frames(connection)
                #expect(try await client.next().type == 4, "the server's settings come first")
                try await client.get("/livez", stream: 1)
                #expect(try await client.bodies(of: [1])[1] == Array("ok\n".utf8))
            }
        }
    }

    @Test(arguments: ["P", "PR", "PRI", "PRI ", "PRI * HTTP/2.0\r\n", "G", "GET /li"])
    func aBeginningThatIsNotThePrefaceIsHTTP1(_ beginning: String) async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(beginning)
                let rest =
                    switch beginning {
                    case "P": "UT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
                    case "G": "ET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
                    case "GET /li": "vez HTTP/1.1\r\nHost: a\r\n\r\n"
                    default: "X /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"
                    }
                try await connection.send(rest)
                #expect(try await connection.receive(through: "\r\n").hasPrefix("HTTP/1.1 "))
            }
        }
    }

    @Test func aClientThatSaysNothingAndLeavesIsLetGo() async throws {
        try await TestServer.with { server in
            for beginning in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM"] {
                try await RawConnection.with(port: server.port) { connection in
                    if !beginning.isEmpty { try await connection.send(beginning) }
                    connection.finish()
                    #expect(await connection.receiveToEnd().isEmpty)
                }
            }
        }
    }
}
