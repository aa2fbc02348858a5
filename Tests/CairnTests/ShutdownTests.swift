// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import OCI
import TestSupport
import Testing

/// What becomes of work that is under way when the process is told to end.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ShutdownTests {
    private static func serve(_ directory: TemporaryDirectory, _ environment: [String: String] = [:]) async throws
        -> (process: CairnProcess, port: Int)
    {
        let process = try CairnProcess(
            ["serve", "--unsafe-filesystem", "--listen", "127.0.0.1:0"],
            environment: environment,
            directory: directory.path
        )
        guard let port = await process.port() else {
            let result = await process.end()
            throw NotServing(errors: result.errors)
        }
        return (process, port)
    }

    struct NotServing: Error {
        let errors: String
    }

    /// Opens a session and begins to send a chunk of 1000 bytes. Returns once the server waits for the rest of them.
    private static func begin(_ connection: RawConnection, _ bytes: ArraySlice<UInt8>) async throws -> String {
        try await connection.send(
            "POST /v2/team/app/blobs/uploads/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        )
        let head = try await connection.receiveResponse().head
        let line = try #require(head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("location: ") })
        let location = String(line.dropFirst("location: ".count))
        try await connection.send(
            "PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(try await connection.receive(through: "\r\n\r\n").hasPrefix("HTTP/1.1 100 "))
        try await connection.send(Array(bytes))
        return location
    }

    @Test func whatIsUnderWayIsFinishedAndTheSessionOutlivesTheRestart() async throws {
        let directory = try TemporaryDirectory()
        let bytes = Sample.bytes(1500)
        let digest = try Sample.digest(bytes)
        let (process, port) = try await Self.serve(directory)
        let location = try await RawConnection.with(port: port) { connection in
            let location = try await Self.begin(connection, bytes[..<400])
            process.terminate()
            await process.error { $0.contains("\"draining\"") }
            try await connection.send(Array(bytes[400..<1000]))
            #expect(try await connection.receiveResponse().head.hasPrefix("HTTP/1.1 202 "))
            #expect(await connection.receiveToEnd().isEmpty)
            return location
        }
        #expect(await process.end().status == 0)

        let (next, nextPort) = try await Self.serve(directory)
        try await RawConnection.with(port: nextPort) { connection in
            try await connection.send("GET \(location) HTTP/1.1\r\nHost: a\r\n\r\n")
            let session = try await connection.receiveResponse().head.lowercased()
            #expect(session.hasPrefix("http/1.1 204 "))
            #expect(session.contains("\r\nrange: 0-999\r\n"))
            try await connection.send(
                "PUT \(location)?digest=\(digest) HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n"
            )
            try await connection.send(Array(bytes[1000...]))
            #expect(try await connection.receiveResponse().head.hasPrefix("HTTP/1.1 201 "))
            try await connection.send("GET /v2/team/app/blobs/\(digest) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await connection.receiveResponse().body == bytes)
        }
        next.terminate()
        #expect(await next.end().status == 0)
    }

    @Test func whatTakesTooLongIsBrokenOff() async throws {
        let directory = try TemporaryDirectory()
        let (process, port) = try await Self.serve(directory, ["CAIRN_DRAIN_SECONDS": "1"])
        try await RawConnection.with(port: port) { connection in
            _ = try await Self.begin(connection, Sample.bytes(400)[...])
            process.terminate()
            let rest = await connection.receiveToEnd()
            #expect(!rest.contains(" 202 "))
            // The client goes on waiting: it must not keep the process.
            #expect(await process.end().status == 0)
        }
        #expect(try await CairnProcess.run(["fsck", "--deep"], directory: directory.path).status == 0)
    }
}
