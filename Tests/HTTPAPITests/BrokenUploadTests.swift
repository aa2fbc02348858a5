// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct BrokenUploadTests {
    @Test(arguments: ["PATCH", "PUT"])
    func whatArrivedOfABrokenBodyStaysAndIsResumed(_ method: String) async throws {
        try await TestServer.with { server in
            let bytes = Sample.bytes(500_000)
            let digest = try Sample.digest(bytes)
            let location = try await server.startUpload()
            let target = method == "PUT" ? "\(location)?digest=\(digest)" : location
            let reply = try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    "\(method) \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: \(bytes.count)\r\n\r\n"
                )
                try await connection.send(Array(bytes[..<200_000]))
                connection.finish()
                return await connection.receiveToEnd()
            }
            #expect(!reply.contains(" 201 ") && !reply.contains(" 202 "))
            let offset = try await Self.settledOffset(location, server)
            #expect(offset > 0 && offset <= 200_000)
            #expect(try await server.send(.HEAD, "/v2/team/app/blobs/\(digest)").status == 404)
            let rest = ByteBuffer(bytes: bytes[offset...])
            let headers = [("Content-Range", "\(offset)-\(bytes.count - 1)")]
            let done = try await server.send(.PUT, "\(location)?digest=\(digest)", headers: headers, body: rest)
            #expect(done.status == 201)
            #expect(try await server.send(.GET, "/v2/team/app/blobs/\(digest)").body == ByteBuffer(bytes: bytes))
        }
    }

    @Test func aBlobThatBreaksOffWithoutASessionLeavesNothing() async throws {
        try await TestServer.with { server in
            let bytes = Sample.bytes(500_000)
            let digest = try Sample.digest(bytes)
            let path = "/v2/team/app/blobs/uploads/?digest=\(digest)"
            let reply = try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(bytes.count)\r\n\r\n"
                )
                try await connection.send(Array(bytes[..<200_000]))
                connection.finish()
                return await connection.receiveToEnd()
            }
            #expect(!reply.contains(" 201 "))
            #expect(try await server.send(.HEAD, "/v2/team/app/blobs/\(digest)").status == 404)
            #expect(server.store.directory.files(in: "uploads").isEmpty)
        }
    }

    @Test func aClientThatAsksIsToldToGoOn() async throws {
        try await TestServer.with { server in
            let bytes = Sample.bytes(1000)
            let digest = try Sample.digest(bytes)
            let location = try await server.startUpload()
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    """
                    PUT \(location)?digest=\(digest) HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\
                    Expect: 100-continue\r\n\r\n
                    """
                )
                let interim = try await connection.receive(through: "\r\n\r\n")
                #expect(interim.hasPrefix("HTTP/1.1 100 "))
                try await connection.send(bytes)
                let reply = try await connection.receiveResponse()
                #expect(reply.head.hasPrefix("HTTP/1.1 201 "))
                try await connection.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.receiveResponse().body == Array("ok\n".utf8))
            }
        }
    }

    @Test func aClientThatAsksIsRefusedBeforeItSends() async throws {
        try await TestServer.with { server in
            let paths = [
                "/v2/team/app/blobs/uploads/6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "/v2/A/blobs/uploads/x", "/nothing",
            ]
            for path in paths {
                let reply = try await RawConnection.with(port: server.port) { connection in
                    try await connection.send(
                        "PATCH \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
                    )
                    // The body was never asked for, so the connection ends with the answer.
                    return await connection.receiveToEnd()
                }
                #expect(reply.hasPrefix("HTTP/1.1 40"), "\(path)")
                #expect(!reply.contains("100 Continue"))
                #expect(reply.lowercased().contains("\r\nconnection: close\r\n"))
            }
        }
    }

    @Test func aSessionTakesOneWriterAtATime() async throws {
        try await TestServer.with { server in
            let location = try await server.startUpload()
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    """
                    PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n
                    """
                )
                // Once told to go on, the first writer has the session.
                _ = try await connection.receive(through: "\r\n\r\n")
                let second = try await server.send(.PATCH, location, text: "abc")
                #expect(second.status == 416)
                #expect(second.errorCode == "BLOB_UPLOAD_INVALID")
                try await connection.send("0123456789")
                #expect(try await connection.receiveResponse().head.hasPrefix("HTTP/1.1 202 "))
            }
            #expect(try await server.send(.GET, location)["Range"] == "0-9")
        }
    }

    @Test func aSessionBelongsToItsRepository() async throws {
        try await TestServer.with { server in
            let location = try await server.startUpload(in: "team/app")
            let elsewhere = location.replacing("team/app", with: "team/other")
            #expect(try await server.send(.GET, elsewhere).errorCode == "BLOB_UPLOAD_UNKNOWN")
            #expect(try await server.send(.PATCH, elsewhere, text: "abc").errorCode == "BLOB_UPLOAD_UNKNOWN")
            #expect(try await server.send(.DELETE, elsewhere).status == 404)
            #expect(try await server.send(.GET, location).status == 204)
            #expect(try await server.send(.DELETE, location).status == 204)
            #expect(try await server.send(.GET, location).status == 404)
        }
    }

    /// The session's offset once the broken request has let it go: while it still has the session, a claim by an empty
    /// chunk is refused.
    private static func settledOffset(_ location: String, _ server: TestServer) async throws -> Int {
        while true {
            let reply = try await server.send(.PATCH, location, body: ByteBuffer())
            guard reply.status == 202 else {
                #expect(reply.status == 416)
                continue
            }
            let range = try #require(reply["Range"])
            return try #require(Int(range.dropFirst(2))) + 1
        }
    }
}
