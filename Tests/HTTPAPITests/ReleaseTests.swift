// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOHTTP1
import OCI
import TestSupport
import Testing

/// The release record over HTTP: what is accepted, what is refused, and what it says afterwards.
@Suite struct ReleaseTests {
    private static let name = "team/app"

    /// Pushes images under the tags v1 and so on; answers with their digests.
    private static func images(_ count: Int, _ server: TestServer) async throws -> [Digest] {
        var digests: [Digest] = []
        for number in 1...count {
            digests.append(try await server.pushImage(seed: UInt64(number), tag: "v\(number)").digest)
        }
        return digests
    }

    private static func image(_ digest: Digest) -> String {
        #""image":{"repository":"\#(name)","digest":"\#(digest)"}"#
    }

    @discardableResult
    private static func step(
        _ phase: String,
        _ digest: Digest,
        _ deployment: String,
        _ server: TestServer,
        more: String = ""
    ) async throws -> Reply {
        let names = #""deployment":"\#(deployment)","env":"prod","service":"web","phase":"\#(phase)""#
        return try await server.send(.POST, "/api/v1/rollouts", text: "{\(image(digest)),\(names)\(more)}")
    }

    @Test func aStoryOfAReleaseIsTold() async throws {
        try await TestServer.with { server in
            let images = try await Self.images(3, server)
            let build = #"{\#(Self.image(images[0])),"outcome":"succeeded","revision":"abc","build":"1"}"#
            let first = try await server.send(.POST, "/api/v1/builds", text: build)
            #expect(first.status == 200 && first.document["recorded"] == .bool(true))
            #expect(first["Cairn-Event"] != nil)
            let again = try await server.send(.POST, "/api/v1/builds", text: build)
            #expect(again.document["recorded"] == .bool(false) && again["Cairn-Event"] == nil)
            for (number, digest) in images.enumerated() {
                try await Self.step("started", digest, "d\(number)", server)
                try await Self.step("healthy", digest, "d\(number)", server)
            }
            let order = #"{"env":"prod","service":"web","deployment":"r1"}"#
            let back = try await server.send(.POST, "/api/v1/rollbacks", text: order)
            #expect(back.status == 200, "\(back)")
            #expect(back.document["digest"]?.text == images[1].description)
            #expect(back.document["former"]?.text == images[2].description)
            #expect(back.document["proven"] == .bool(true))
            let list = try await server.send(.GET, "/api/v1/environments/prod/images")
            let desired = list.document["images"]?.elements?.first
            #expect(desired?["digest"]?.text == images[1].description)
            #expect(desired?["rollback"]?.elements?.compactMap(\.text) == [images[0].description])
            let figures = try await server.send(.GET, "/api/v1/figures?env=prod")
            #expect(figures.document["m2"]?["counts"]?["good"] == .integer(3))
            #expect(figures.document["m6"]?["counts"]?["open"] == .integer(1))
            let inspected = try await server.send(.GET, "/v2/\(Self.name)/_cairn/inspect/v2")
            #expect(inspected.document["desired"]?.elements?.first?["former"]?.text == images[0].description)
            let entries = try await server.send(.GET, "/api/v1/releases?repository=\(Self.name)&n=2")
            #expect(entries.document["releases"]?.elements?.count == 2)
            #expect(entries["Link"]?.contains("before=") == true)
        }
    }

    @Test(arguments: [
        ("/api/v1/builds", #"{"outcome":"succeeded"}"#, 400),
        ("/api/v1/builds", #"{"image":{"repository":"team/app"},"outcome":"succeeded"}"#, 400),
        ("/api/v1/builds", #"{"image":{"repository":"team/app"},"outcome":"perhaps"}"#, 400),
        ("/api/v1/builds", #"{"image":{"repository":"TEAM"},"outcome":"failed"}"#, 400),
        ("/api/v1/builds", #"{"image":{"repository":"team/app"},"outcome":"failed","started_at":7}"#, 400),
        ("/api/v1/promotions", #"{"image":{"repository":"team/app"},"env":"prod"}"#, 400),
        ("/api/v1/promotions", "[]", 400), ("/api/v1/rollouts", "{}", 400),
        ("/api/v1/rollbacks", #"{"env":"nowhere","deployment":"r"}"#, 404),
        ("/api/v1/rollouts/traffic", #"{"repository":"team/app","role":"canary"}"#, 400),
    ])
    func whatIsWrongIsSaidSo(path: String, body: String, status: Int) async throws {
        try await TestServer.with { server in
            let reply = try await server.send(.POST, path, text: body)
            #expect(reply.status == status, "\(reply)")
        }
    }

    @Test func whatIsNotThereCannotBePromoted() async throws {
        try await TestServer.with { server in
            _ = try await Self.images(1, server)
            let strange = try Digest(parsing: "sha256:" + String(repeating: "a", count: 64))
            let told = [
                ("/api/v1/builds", #""outcome":"succeeded""#), ("/api/v1/promotions", #""env":"prod""#),
                ("/api/v1/rollouts", #""env":"prod","deployment":"d","phase":"started""#),
            ]
            for (path, members) in told {
                let reply = try await server.send(.POST, path, text: "{\(Self.image(strange)),\(members)}")
                #expect(reply.status == 404 && reply.errorCode == "MANIFEST_UNKNOWN", "\(path): \(reply)")
            }
        }
    }

    @Test func phasesOfInstancesNeedATarget() async throws {
        try await TestServer.with { server in
            let images = try await Self.images(1, server)
            let refused = try await Self.step("booted", images[0], "d", server)
            #expect(refused.status == 400)
            let told = try await Self.step("booted", images[0], "d", server, more: #","target":"web-1""#)
            #expect(told.status == 200)
        }
    }

    @Test func aVerdictIsByWhatWasReported() async throws {
        try await TestServer.with { server in
            _ = try await Self.images(1, server)
            let key = #""repository":"\#(Self.name)","env":"prod","deployment":"d""#
            for (role, errors) in [("canary", 300), ("baseline", 10)] {
                let body = #"{\#(key),"role":"\#(role)","requests":1000,"errors":\#(errors)}"#
                let reply = try await server.send(.POST, "/api/v1/rollouts/traffic", text: body)
                #expect(reply.status == 204)
            }
            let query = "repository=\(Self.name)&env=prod&deployment=d"
            let verdict = try await server.send(.GET, "/api/v1/rollouts/verdict?\(query)")
            #expect(verdict.document["verdict"]?.text == "roll-back")
            let none = try await server.send(.GET, "/api/v1/rollouts/verdict?\(query)x")
            #expect(none.document["verdict"]?.text == "hold")
        }
    }

    @Test func hooksThatAreNotThereAreNotFound() async throws {
        try await TestServer.with { server in
            let list = try await server.send(.GET, "/api/v1/webhooks")
            #expect(list.status == 200 && list.document["webhooks"]?.elements == [])
            let dead = try await server.send(.GET, "/api/v1/webhooks/x/dead")
            #expect(dead.status == 404)
            let wrong = try await server.send(.GET, "/api/v1/webhooks/x/retry")
            #expect(wrong.status == 405)
        }
    }
}

extension Reply {
    /// The body as JSON; null where it is none.
    fileprivate var document: JSONValue { (try? JSONValue(parsing: Array(text.utf8))) ?? .null }
}
