// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

/// Mounts, and pushes of a manifest by digest that set tags.
@Suite(.serialized, .timeLimit(.minutes(1))) struct PushVariantTests {
    private static let uploads = "/v2/team/new/blobs/uploads/"

    @Test(arguments: ["&from=team/app", "&from=team%2Fapp", ""])
    func aMountAnswersAsAPushDoes(_ source: String) async throws {
        try await TestServer.with { server in
            let digest = try await server.push([1, 2, 3])
            let reply = try await server.send(.POST, "\(Self.uploads)?mount=\(digest)\(source)")
            #expect(reply.status == 201)
            #expect(reply["Location"] == "/v2/team/new/blobs/\(digest)")
            #expect(reply["Docker-Content-Digest"] == "\(digest)")
            #expect(reply["Docker-Upload-UUID"] == nil)
            #expect(try await server.send(.GET, reply["Location"] ?? "").body == ByteBuffer(bytes: [1, 2, 3]))
            #expect(server.store.directory.files(in: "uploads").isEmpty)
        }
    }

    @Test(arguments: ["ABSENT&from=team/app", "ABSENT", "LINKED&from=team/other", "LINKED&from=unknown"])
    func whatCannotBeMountedIsToBePushed(_ query: String) async throws {
        try await TestServer.with { server in
            let bytes = Array("absent".utf8)
            let (absent, linked) = (try Sample.digest(bytes), try await server.push([1, 2, 3]))
            try await server.push([4], in: "team/other")
            let filled = query.replacing("ABSENT", with: "\(absent)").replacing("LINKED", with: "\(linked)")
            let reply = try await server.send(.POST, "\(Self.uploads)?mount=\(filled)")
            #expect(reply.status == 202)
            let location = try #require(reply["Location"])
            let id = try #require(reply["Docker-Upload-UUID"])
            #expect(location == Self.uploads + id)
            #expect(reply["Range"] == "0-0")
            #expect(reply["Docker-Content-Digest"] == nil)
            let pushed = try await server.send(
                .PUT,
                "\(location)?digest=\(absent)",
                body: ByteBuffer(bytes: bytes)
            )
            #expect(pushed.status == 201)
            #expect(try await server.send(.HEAD, "/v2/team/new/blobs/\(linked)").status == 404)
        }
    }

    private static func by(_ digest: Digest, _ query: String) -> String { "\(digest)?\(query)" }

    @Test func aPushByDigestSetsTags() async throws {
        try await TestServer.with { server in
            let (bytes, digest) = try await server.pushImage(seed: 1)
            let reply = try await server.put(bytes, at: Self.by(digest, "tag=a&tag=b&tag=a&tag=c%2Ed"))
            #expect(reply.status == 201)
            #expect(reply["OCI-Tag"] == "a, b, c.d")
            #expect(reply["Docker-Content-Digest"] == "\(digest)")
            #expect(reply["Location"] == "/v2/team/app/manifests/\(digest)")
            #expect(reply["ETag"] == "\"\(digest)\"")
            #expect(reply["Cairn-Event"]?.isEmpty == false)
            for tag in ["a", "b", "c.d"] {
                let head = try await server.send(.HEAD, "/v2/team/app/manifests/\(tag)")
                #expect(head["Docker-Content-Digest"] == "\(digest)")
            }
            let plain = try await server.put(bytes, at: "\(digest)")
            #expect(plain["OCI-Tag"] == nil)
        }
    }

    @Test func asManyTagsAsAllowedAreSetAtOnceAndNoMore() async throws {
        try await TestServer.with { server in
            let (bytes, digest) = try await server.pushImage(seed: 1)
            let most = (1...HTTPLimits.tagsPerPush).map { "tag=t\($0)" }.joined(separator: "&")
            let over = try await server.put(bytes, at: Self.by(digest, most + "&tag=x"))
            #expect(over.status == 414)
            #expect(try await server.send(.GET, "/v2/team/app/tags/list").object?["tags"] as? [String] == [])
            #expect(try await server.put(bytes, at: Self.by(digest, most)).status == 201)
            let tags = try await server.send(.GET, "/v2/team/app/tags/list").object?["tags"] as? [String]
            #expect(tags?.count == HTTPLimits.tagsPerPush)
        }
    }

    @Test func aConditionIsOneOfAllTagsTogether() async throws {
        try await TestServer.with { server in
            let (_, old) = try await server.pushImage(seed: 1, tag: "b")
            let (bytes, new) = try await server.pushImage(seed: 2)
            let absent = [("If-None-Match", "*")]
            let refused = try await server.put(bytes, at: Self.by(new, "tag=a&tag=b&tag=c"), headers: absent)
            #expect(refused.status == 412)
            #expect(refused.errorDetail == #"{"current":"\#(old)"}"#)
            let tags = try await server.send(.GET, "/v2/team/app/tags/list").object?["tags"] as? [String]
            #expect(tags == ["b"])
            #expect(try await server.put(bytes, at: Self.by(new, "tag=a&tag=c"), headers: absent).status == 201)
        }
    }

    /// A tag in the path goes with no tag in the query, and a bad one sets none.
    @Test(arguments: [
        ("v1?tag=v2", "UNSUPPORTED"), ("DIGEST?tag=ok&tag=-x", "TAG_INVALID"), ("DIGEST?tag=", "TAG_INVALID"),
    ])
    func aWrongTagSetsNone(_ reference: String, _ code: String) async throws {
        try await TestServer.with { server in
            let (bytes, digest) = try await server.pushImage(seed: 1)
            let reply = try await server.put(bytes, at: reference.replacing("DIGEST", with: "\(digest)"))
            #expect(reply.status == 400)
            #expect(reply.errorCode == code)
            #expect(try await server.send(.GET, "/v2/team/app/tags/list").text == #"{"name":"team/app","tags":[]}"#)
        }
    }

    @Test func theTypeOfAManifestIsThatOfItsPush() async throws {
        try await TestServer.with { server in
            let (image, digest) = try await server.pushImage(seed: 1)
            let path = "/v2/team/app/manifests/v1"
            let other = try await server.send(
                .PUT,
                path,
                headers: [("Content-Type", Sample.indexType)],
                body: ByteBuffer(bytes: image)
            )
            #expect(other.status == 400)
            #expect(other.errorCode == "MANIFEST_INVALID")
            let none = try await server.send(.PUT, path, body: ByteBuffer(bytes: image))
            #expect(none.status == 201)
            let get = try await server.send(.GET, path, headers: [("Accept", "text/plain")])
            #expect(get["Content-Type"] == Sample.imageType)
            #expect(get["Docker-Content-Digest"] == "\(digest)")
        }
    }
}
