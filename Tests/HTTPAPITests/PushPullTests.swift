// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct PushPullTests {
    @Test func anImageComesBackAsItWasPushed() async throws {
        try await TestServer.with { server in
            let (manifest, digest) = try await server.pushImage(seed: 1, tag: "v1")
            for reference in ["v1", digest.description] {
                let reply = try await server.send(.GET, "/v2/team/app/manifests/\(reference)")
                #expect(reply.status == 200)
                #expect(reply.body == ByteBuffer(bytes: manifest))
                #expect(reply["Content-Type"] == Sample.imageType)
                #expect(reply["Docker-Content-Digest"] == digest.description)
                #expect(reply["ETag"] == "\"\(digest)\"")
            }
            let layer = Sample.bytes(100, seed: 1)
            let blob = try await server.send(.GET, "/v2/team/app/blobs/\(Sample.digest(layer))")
            #expect(blob.status == 200)
            #expect(blob.body == ByteBuffer(bytes: layer))
            #expect(blob["Content-Type"] == "application/octet-stream")
            #expect(blob["Accept-Ranges"] == "bytes")
            let tags = try await server.send(.GET, "/v2/team/app/tags/list")
            #expect(tags.text == #"{"name":"team/app","tags":["v1"]}"#)
        }
    }

    @Test func anAnswerToHeadHasNoBodyAndTheLengthOfOne() async throws {
        try await TestServer.with { server in
            let (manifest, digest) = try await server.pushImage(seed: 1, tag: "v1")
            let layer = Sample.bytes(100, seed: 1)
            let paths = [
                ("/v2/team/app/manifests/v1", manifest.count, digest),
                ("/v2/team/app/blobs/\(try Sample.digest(layer))", 100, try Sample.digest(layer)),
            ]
            try await RawConnection.with(port: server.port) { connection in
                // One connection: a body that was sent would be read as the beginning of the next answer.
                for (path, length, digest) in paths + paths {
                    try await connection.send("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                    let head = try await connection.receiveResponse(bodyFollows: false).head.lowercased()
                    #expect(head.hasPrefix("http/1.1 200 "))
                    #expect(head.contains("\r\ncontent-length: \(length)\r\n"))
                    #expect(head.contains("\r\ndocker-content-digest: \(digest)\r\n"))
                }
                try await connection.send("HEAD /v2/team/app/manifests/none HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.receiveResponse(bodyFollows: false).head.hasPrefix("HTTP/1.1 404 "))
                try await connection.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.receiveResponse().body == Array("ok\n".utf8))
            }
        }
    }

    @Test func aBlobArrivesInChunksToo() async throws {
        try await TestServer.with { server in
            let bytes = Sample.bytes(300_000)
            let digest = try Sample.digest(bytes)
            let location = try await server.startUpload()
            let first = try await server.send(
                .PATCH,
                location,
                headers: [("Content-Range", "0-99999")],
                body: ByteBuffer(bytes: bytes[..<100_000])
            )
            #expect(first.status == 202)
            #expect(first["Range"] == "0-99999")
            let wrong = try await server.send(
                .PATCH,
                location,
                headers: [("Content-Range", "200000-299999")],
                body: ByteBuffer(bytes: bytes[200_000...])
            )
            #expect(wrong.status == 416)
            #expect(wrong["Range"] == "0-99999")
            let rest = ByteBuffer(bytes: bytes[100_000...])
            let last = try await server.send(.PUT, "\(location)?digest=\(digest)", body: rest)
            #expect(last.status == 201)
            #expect(last["Docker-Content-Digest"] == digest.description)
            #expect(try await server.send(.GET, last["Location"] ?? "").body == ByteBuffer(bytes: bytes))
        }
    }

    @Test func bytesThatAreNotTheirDigestAreNotStored() async throws {
        try await TestServer.with { server in
            let other = try Sample.digest(Sample.bytes(10, seed: 2))
            let body = ByteBuffer(bytes: Sample.bytes(10, seed: 1))
            let whole = try await server.send(.POST, "/v2/team/app/blobs/uploads/?digest=\(other)", body: body)
            #expect(whole.status == 400)
            #expect(whole.errorCode == "DIGEST_INVALID")
            let location = try await server.startUpload()
            let closing = try await server.send(.PUT, "\(location)?digest=\(other)", body: body)
            #expect(closing.status == 400)
            #expect(closing.errorCode == "DIGEST_INVALID")
            #expect(try await server.send(.GET, location).status == 404)
            #expect(try await server.send(.HEAD, "/v2/team/app/blobs/\(other)").status == 404)
            #expect(server.store.directory.files(in: "blobs/sha256").isEmpty)
        }
    }

    @Test func aDeletedTagIsGoneAtOnce() async throws {
        try await TestServer.with { server in
            let (_, digest) = try await server.pushImage(seed: 1, tag: "v1")
            #expect(try await server.send(.GET, "/v2/team/app/manifests/v1").status == 200)
            #expect(try await server.send(.DELETE, "/v2/team/app/manifests/v1").status == 202)
            #expect(try await server.send(.GET, "/v2/team/app/manifests/v1").errorCode == "MANIFEST_UNKNOWN")
            #expect(try await server.send(.HEAD, "/v2/team/app/manifests/\(digest)").status == 200)
        }
    }

    @Test func whatFailsSaysItsCode() async throws {
        try await TestServer.with { server in
            try await server.pushImage(seed: 1, tag: "v1")
            let absent = try Sample.digest(Array("absent".utf8))
            let table: [(path: String, status: Int, code: String)] = [
                ("/v2/none/manifests/v1", 404, "NAME_UNKNOWN"), ("/v2/none/tags/list", 404, "NAME_UNKNOWN"),
                ("/v2/team/app/manifests/v2", 404, "MANIFEST_UNKNOWN"),
                ("/v2/team/app/blobs/\(absent)", 404, "BLOB_UNKNOWN"), ("/v2/A/tags/list", 400, "NAME_INVALID"),
                ("/v2/a/blobs/sha256:0", 400, "DIGEST_INVALID"), ("/v2/a/manifests/.", 400, "TAG_INVALID"),
                ("/v2/team/app/blobs/uploads/x", 404, "BLOB_UPLOAD_UNKNOWN"), ("/other", 404, "UNSUPPORTED"),
                ("/v2/team/app/tags/list?n=x", 400, "UNSUPPORTED"), ("/v2/team/app/tags/list?n=%", 400, "UNSUPPORTED"),
            ]
            for (path, status, code) in table {
                let reply = try await server.send(.GET, path)
                #expect(reply.status == status, "\(path)")
                #expect(reply.errorCode == code, "\(path)")
            }
            let method = try await server.send(.POST, "/v2/team/app/tags/list")
            #expect(method.status == 405)
            #expect(method["Allow"] == "GET, HEAD")
        }
    }

    @Test func aServerThatDrainsIsNotReady() async throws {
        try await TestServer.with { server in
            let before = try await server.send(.GET, "/readyz")
            #expect(before.status == 200)
            #expect(before.text == #"{"status":"ready"}"#)
            server.health.beginDraining()
            let after = try await server.send(.GET, "/readyz")
            #expect(after.status == 503)
            #expect(after.text == #"{"status":"degraded","problems":["draining"]}"#)
            #expect(try await server.send(.GET, "/livez").status == 200)
            #expect(try await server.send(.GET, "/v2/").status == 200)
        }
    }
}
