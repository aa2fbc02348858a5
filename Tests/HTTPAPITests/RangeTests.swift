// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct RangeTests {
    /// Larger than two spans of sendfile, and not a multiple of anything.
    static let size = 2 * Int(HTTPLimits.sendfileSpan) + 1_234_567

    private static func pushLarge(_ server: TestServer) async throws -> (bytes: ByteBuffer, path: String) {
        let bytes = Sample.large(size)
        let digest = try Sample.digest(bytes)
        let reply = try await server.send(.POST, "/v2/team/app/blobs/uploads/?digest=\(digest)", body: bytes)
        #expect(reply.status == 201)
        return (bytes, "/v2/team/app/blobs/\(digest)")
    }

    private static func expect(
        _ range: Range<Int>,
        of bytes: ByteBuffer,
        at path: String,
        from server: TestServer
    ) async throws {
        let header = ("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        let reply = try await server.send(.GET, path, headers: [header])
        #expect(reply.status == 206)
        #expect(reply["Content-Range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.readableBytes)")
        #expect(reply["Content-Length"] == String(range.count))
        #expect(reply.body == bytes.getSlice(at: range.lowerBound, length: range.count), "\(range)")
    }

    @Test func largeBlobsAndManyStreamsOfThemAreSentByteForByte() async throws {
        try await TestServer.with { server in
            let (bytes, path) = try await Self.pushLarge(server)
            #expect(try await server.send(.GET, path).body == bytes)
            let span = Int(HTTPLimits.sendfileSpan)
            let ranges = [
                0..<1, 0..<span, 1..<span + 1, span - 1..<span + 1, span..<2 * span, 100..<Self.size,
                Self.size - 1..<Self.size, 2 * span - 7..<2 * span + 7, 12_345..<1_234_567,
            ]
            for range in ranges { try await Self.expect(range, of: bytes, at: path, from: server) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for range in ranges {
                    group.addTask { try await Self.expect(range, of: bytes, at: path, from: server) }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aBlobIsSentByteForByteOverHTTP2() async throws {
        try await TestServer.with { server in
            let bytes = Sample.bytes(3 * HTTPLimits.readChunk + 77)
            let digest = try await server.push(bytes)
            try await RawConnection.with(port: server.port) { connection in
                let client = HTTP2Frames(connection)
                try await client.open()
                let streams = [1, 3, 5]
                for stream in streams { try await client.get("/v2/team/app/blobs/\(digest)", stream: stream) }
                let bodies = try await client.bodies(of: streams)
                for stream in streams { #expect(bodies[stream] == bytes) }
            }
        }
    }

    @Test func aClientThatLeavesInTheMiddleHarmsNobody() async throws {
        try await TestServer.with { server in
            let (bytes, path) = try await Self.pushLarge(server)
            for _ in 0..<3 {
                try await RawConnection.with(port: server.port) { connection in
                    try await connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                    _ = try await connection.receive(through: "\r\n\r\n")
                    _ = try await connection.receive(100_000)
                    try await connection.abort()
                }
            }
            #expect(try await server.send(.GET, path).body == bytes)
        }
    }

    @Test func rangesAreAnsweredAsTheSpecificationHasThem() async throws {
        try await TestServer.with { server in
            let bytes = Sample.bytes(1000)
            let digest = try await server.push(bytes)
            let path = "/v2/team/app/blobs/\(digest)"
            let table: [(header: String, status: Int, range: Range<Int>)] = [
                ("bytes=500-699", 206, 500..<700), ("bytes=990-", 206, 990..<1000), ("bytes=-10", 206, 990..<1000),
                ("bytes=900-5000", 206, 900..<1000), ("bytes=0-0,5-6", 200, 0..<1000), ("lines=1-2", 200, 0..<1000),
            ]
            for (header, status, range) in table {
                let reply = try await server.send(.GET, path, headers: [("Range", header)])
                #expect(reply.status == status)
                #expect(reply.body == ByteBuffer(bytes: bytes[range]))
            }
            for header in ["bytes=1000-", "bytes=500-0", "bytes=-0"] {
                let reply = try await server.send(.GET, path, headers: [("Range", header)])
                #expect(reply.status == 416)
                #expect(reply["Content-Range"] == "bytes */1000")
                #expect(reply.errorCode == "RANGE_INVALID")
            }
            let stale = try await server.send(.GET, path, headers: [("Range", "bytes=0-1"), ("If-Range", "\"x\"")])
            #expect(stale.status == 200)
            let fresh = [("Range", "bytes=0-1"), ("If-Range", "\"\(digest)\"")]
            #expect(try await server.send(.GET, path, headers: fresh).status == 206)
        }
    }

    @Test func anEmptyBlobHasAnEmptyBody() async throws {
        try await TestServer.with { server in
            let digest = try await server.push([])
            let reply = try await server.send(.GET, "/v2/team/app/blobs/\(digest)")
            #expect(reply.status == 200)
            #expect(reply["Content-Length"] == "0")
            #expect(reply.body.readableBytes == 0)
        }
    }
}
