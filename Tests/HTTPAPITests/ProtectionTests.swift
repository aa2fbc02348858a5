// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

/// `/api/v1/pins`, `/api/v1/deployments`, what they make of deletes and pushes, and what counts as a pull.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ProtectionTests {
    private static let pins = "/api/v1/pins"
    private static let deployments = "/api/v1/deployments"

    private static func pin(_ server: TestServer, _ members: String) async throws -> Reply {
        try await server.send(.POST, pins, text: #"{"repository":"team/app","reason":"INC-7",\#(members)}"#)
    }

    private static func report(_ server: TestServer, _ digest: String, _ more: String = "") async throws -> Reply {
        let image = #""image":{"repository":"team/app","digest":"\#(digest)"}"#
        return try await server.send(.POST, deployments, text: #"{"env":"prod","target":"web-3",\#(image)\#(more)}"#)
    }

    // MARK: Pins

    @Test(arguments: ["tag", "digest"])
    func whatIsHeldIsNotDeletedByEitherWay(way: String) async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let subject = way == "tag" ? "v1" : image.digest.description
            let set = try await Self.pin(server, #""\#(way)":"\#(subject)","kind":"hold""#)
            #expect(set.status == 204 && set["Cairn-Event"] != nil)
            let refused = try await server.send(.DELETE, "/v2/team/app/manifests/\(image.digest)")
            #expect(refused.status == 403 && refused.errorCode == "DENIED")
            #expect(refused.errorMessage == "\(subject) is under a legal hold by anonymous: INC-7")
            #expect(refused.errorDetail?.contains(#""kind":"hold","reason":"INC-7""#) == true)
            let untag = try await server.send(.DELETE, "/v2/team/app/manifests/v1")
            #expect(untag.status == (way == "tag" ? 403 : 202))
            let lifted = try await server.send(.DELETE, "\(Self.pins)?repository=team/app&kind=hold&\(way)=\(subject)")
            #expect(lifted.status == 204)
            let deleted = try await server.send(.DELETE, "/v2/team/app/manifests/\(image.digest)")
            #expect(deleted.status == 202)
        }
    }

    @Test func aLockedTagIsNotMoved() async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let set = try await Self.pin(server, #""tag":"v1","kind":"lock","until":"2030-01-01T00:00:00Z""#)
            #expect(set.status == 204)
            let other = try await server.pushImage(seed: 2, tag: "v2")
            let path = "/v2/team/app/manifests/v1"
            let moved = try await server.send(
                .PUT,
                path,
                headers: [("Content-Type", Sample.imageType)],
                body: .init(bytes: other.bytes)
            )
            #expect(moved.status == 403)
            #expect(moved.errorMessage == "v1 is locked until 2030-01-01T00:00:00.000Z by anonymous: INC-7")
            let served = try await server.send(.GET, path)
            #expect(served["Docker-Content-Digest"] == image.digest.description)
            let shorter = try await Self.pin(server, #""tag":"v1","kind":"lock","until":"2029-12-31T23:59:59Z""#)
            #expect(shorter.status == 403 && shorter.errorMessage?.contains("never shortened") == true)
            let removed = try await server.send(.DELETE, "\(Self.pins)?repository=team/app&kind=lock&tag=v1")
            #expect(removed.status == 403)
        }
    }

    @Test(arguments: [
        (#""tag":"v1","kind":"lock""#, 400), (#""tag":"v1","kind":"hold","until":"2030-01-01T00:00:00Z""#, 400),
        (#""tag":"v1","kind":"nail""#, 400), (#""tag":"v1","until":"tomorrow""#, 400), (#""tag":"v1","until":7"#, 400),
        (#""kind":"pin""#, 400), (#""tag":"!","kind":"pin""#, 400), (#""tag":"none""#, 404),
        (#""tag":"v1","until":"2001-01-01T00:00:00Z""#, 400),
    ])
    func whatIsNoPinIsRefused(members: String, status: Int) async throws {
        try await TestServer.with { server in
            try await server.pushImage(seed: 1, tag: "v1")
            let reply = try await Self.pin(server, members)
            #expect(reply.status == status, "\(reply.text)")
        }
    }

    @Test func pinsAreListedByPages() async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            _ = try await Self.pin(server, #""tag":"v1""#)
            _ = try await Self.pin(server, #""digest":"\#(image.digest)""#)
            let first = try await server.send(.GET, "\(Self.pins)?repository=team/app&n=1")
            #expect(first.text.contains(#""tag":"v1","kind":"pin","reason":"INC-7","actor":"anonymous""#))
            #expect(first["Cache-Control"] == "no-store")
            let next = try #require(first.next)
            let second = try await server.send(.GET, next)
            #expect(second.text.contains(image.digest.description) && second.next == nil)
        }
    }

    // MARK: Deployments

    @Test func whatRunsIsReportedListedAndEnded() async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let digest = image.digest.description
            let first = try await Self.report(server, digest, #","service":"shop","expires":3600"#)
            #expect(first.status == 200 && first["Cairn-Event"] != nil, "\(first.text)")
            #expect(first.object?["stale_at"] as? String == "2023-11-14T23:13:20.000Z")
            let again = try await Self.report(server, digest, #","service":"shop","expires":3600"#)
            #expect(again.status == 200 && again["Cairn-Event"] == nil)
            let list = "\(Self.deployments)?repository=team/app&env=prod"
            #expect(try await server.send(.GET, list).text.contains(#""service":"shop""#))
            #expect(try await server.send(.GET, list).text.contains(#""state":"running""#))
            server.store.clock.advance(seconds: 3600)
            #expect(try await server.send(.GET, list).text.contains(#""state":"stale""#))
            let end = "\(Self.deployments)?repository=team/app&env=prod&target=web-3&service=shop"
            let other = try Sample.digest([7])
            let conflict = try await server.send(.DELETE, "\(end)&digest=\(other)")
            #expect(conflict.status == 409 && conflict.errorMessage?.contains(digest) == true)
            #expect(try await server.send(.DELETE, "\(end)&digest=\(digest)").status == 204)
            #expect(try await server.send(.GET, list).text.contains(#""state":"ended""#))
            #expect(try await server.send(.DELETE, end).status == 404)
        }
    }

    @Test func onlyWhatIsThereIsReported() async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let unknown = try await Self.report(server, try Sample.digest([7]).description)
            #expect(unknown.status == 404 && unknown.errorCode == "MANIFEST_UNKNOWN")
            let tag = try await Self.report(server, "v1")
            #expect(tag.status == 400)
            let short = try await Self.report(server, image.digest.description, #","expires":59"#)
            #expect(short.status == 400)
            let name = try await Self.report(server, image.digest.description, #","service":"a b""#)
            #expect(name.status == 400 && name.errorCode == "NAME_INVALID")
            _ = try await server.send(.DELETE, "/v2/team/app/manifests/\(image.digest)")
            let trashed = try await Self.report(server, image.digest.description)
            #expect(trashed.status == 200 && trashed["Warning"]?.contains("deleted") == true)
        }
    }

    // MARK: Pulls

    private static func noted(_ server: TestServer, _ digest: Digest) async throws -> Bool {
        try await server.store.lastPull(of: digest) != nil
    }

    @Test(arguments: [("GET", true, true), ("GET", false, true), ("HEAD", true, true), ("HEAD", false, false)])
    func aPullIsNoted(method: String, byTag: Bool, counts: Bool) async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let path = "/v2/team/app/manifests/" + (byTag ? "v1" : image.digest.description)
            let before = try await Self.noted(server, image.digest)
            #expect(!before)
            _ = try await server.send(.init(rawValue: method), path)
            let after = try await Self.noted(server, image.digest)
            #expect(after == counts)
        }
    }

    @Test func theHotLaneNotesPullsToo() async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            let path = "/v2/team/app/manifests/\(image.digest)"
            try await RawConnection.with(port: server.port) { connection in
                // The first HEAD of a digest fills the cache and is no pull; the GET is answered by the hot lane.
                for method in ["HEAD", "HEAD", "GET"] {
                    let before = try await Self.noted(server, image.digest)
                    #expect(!before)
                    try await connection.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    _ = try await connection.receiveResponse(bodyFollows: method == "GET")
                }
            }
            let metrics = try await server.send(.GET, "/metrics")
            #expect(metrics.text.contains("cairn_http_hot_answers_total 2"))
            let after = try await Self.noted(server, image.digest)
            #expect(after)
        }
    }

    @Test func aCopyThatIsCurrentCountsAndAMissDoesNot() async throws {
        try await TestServer.with { server in
            let image = try await server.pushImage(seed: 1, tag: "v1")
            _ = try await server.send(.GET, "/v2/team/app/manifests/none")
            let before = try await Self.noted(server, image.digest)
            #expect(!before)
            let tag = ("If-None-Match", "\"\(image.digest)\"")
            let reply = try await server.send(.GET, "/v2/team/app/manifests/v1", headers: [tag])
            #expect(reply.status == 304)
            let after = try await Self.noted(server, image.digest)
            #expect(after)
        }
    }
}
