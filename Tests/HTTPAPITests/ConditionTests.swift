// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct ConditionTests {
    /// What a condition is said of: the digest that the tag has now, and one that it does not have.
    struct Case: Sendable, CustomTestStringConvertible {
        let header: String
        /// `CURRENT` and `OTHER` stand for digests.
        let value: String
        /// Status when the tag exists, and when it does not.
        let present: Int
        let absent: Int
        var testDescription: String { "\(header): \(value)" }

        init(_ header: String, _ value: String, _ present: Int, _ absent: Int) {
            self.header = header
            self.value = value
            self.present = present
            self.absent = absent
        }
    }

    static let changes = [
        Case("If-Match", "\"CURRENT\"", 201, 412), Case("If-Match", "\"OTHER\"", 412, 412),
        Case("If-Match", "*", 201, 412), Case("If-None-Match", "*", 412, 201),
        Case("If-None-Match", "\"CURRENT\"", 400, 400), Case("If-Match", "CURRENT", 400, 400),
        Case("If-Match", "\"CURRENT\", \"OTHER\"", 400, 400), Case("If-Match", "W/\"CURRENT\"", 400, 400),
        Case("If-Match", "\"latest\"", 400, 400), Case("If-Match", "\"\"", 400, 400), Case("If-Match", "\"", 400, 400),
        Case("X-Nothing", "x", 201, 201),
    ]

    @Test(arguments: changes)
    func aChangeHappensOnlyUnderItsCondition(_ change: Case) async throws {
        try await TestServer.with { server in
            let (_, current) = try await server.pushImage(seed: 1, tag: "v1")
            let (next, wanted) = try await server.pushImage(seed: 2)
            let value = change.value.replacing("CURRENT", with: "\(current)").replacing("OTHER", with: "\(wanted)")
            let present = try await server.put(next, at: "v1", headers: [(change.header, value)])
            #expect(present.status == change.present)
            let now = try await server.send(.HEAD, "/v2/team/app/manifests/v1")["Docker-Content-Digest"]
            #expect(now == (change.present == 201 ? wanted : current).description)
            let absent = try await server.put(next, at: "v2", headers: [(change.header, value)])
            #expect(absent.status == change.absent)
            let made = try await server.send(.HEAD, "/v2/team/app/manifests/v2").status
            #expect(made == (change.absent == 201 ? 200 : 404))
        }
    }

    @Test func ofManyWhoSwapFromTheSameValueOneWins() async throws {
        try await TestServer.with { server in
            let (_, first) = try await server.pushImage(seed: 100, tag: "v1")
            var manifests: [[UInt8]] = []
            for seed in 1...12 { manifests.append(try await server.pushImage(seed: UInt64(seed)).bytes) }
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for manifest in manifests {
                    group.addTask {
                        try await server.put(manifest, at: "v1", headers: [("If-Match", "\"\(first)\"")]).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.count { $0 == 201 } == 1)
            #expect(statuses.count { $0 == 412 } == 11)
        }
    }

    @Test func aDeletionHasConditionsToo() async throws {
        try await TestServer.with { server in
            let (_, current) = try await server.pushImage(seed: 1, tag: "v1")
            let (_, other) = try await server.pushImage(seed: 2)
            let path = "/v2/team/app/manifests/v1"
            let refused = try await server.send(.DELETE, path, headers: [("If-Match", "\"\(other)\"")])
            #expect(refused.status == 412)
            #expect(try await server.send(.HEAD, path).status == 200)
            let done = try await server.send(.DELETE, path, headers: [("If-Match", "\"\(current)\"")])
            #expect(done.status == 202)
            #expect(try await server.send(.HEAD, path).status == 404)
        }
    }

    @Test(arguments: [
        ("\"CURRENT\"", 304), ("W/\"CURRENT\"", 304), ("*", 304), ("\"x\", \"CURRENT\"", 304),
        ("\"x\" , W/\"CURRENT\" ", 304), ("\"x\"", 200), ("CURRENT", 200), ("", 200), ("\"CURRENT", 200),
    ])
    func whatTheClientHasIsNotSentAgain(_ value: String, _ status: Int) async throws {
        try await TestServer.with { server in
            let (_, manifest) = try await server.pushImage(seed: 1, tag: "v1")
            let layer = try Sample.digest(Sample.bytes(100, seed: 1))
            let paths = [("manifests/v1", manifest), ("manifests/\(manifest)", manifest), ("blobs/\(layer)", layer)]
            for (path, digest) in paths {
                for method in ["GET", "HEAD"] {
                    let tag = value.replacing("CURRENT", with: "\(digest)")
                    try await RawConnection.with(port: server.port) { connection in
                        try await connection.send(
                            "\(method) /v2/team/app/\(path) HTTP/1.1\r\nHost: a\r\nIf-None-Match: \(tag)\r\n\r\n"
                        )
                        let follows = status == 200 && method == "GET"
                        let reply = try await connection.receiveResponse(bodyFollows: follows)
                        #expect(reply.head.hasPrefix("HTTP/1.1 \(status) "), "\(method) \(path)")
                        #expect(reply.head.lowercased().contains("\r\netag: \"\(digest)\"\r\n"))
                        // Nothing of a body was sent: the next answer follows at once.
                        try await connection.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                        #expect(try await connection.receiveResponse().body == Array("ok\n".utf8))
                    }
                }
            }
        }
    }
}
