// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

/// Each refusal's status, code and detail, as clients read them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ErrorBodyTests {
    /// `IMAGE` (with the tag `v1`), `LISTED` (in `INDEX`), `LAYER`, `ABSENT` and `ABC` (the digest of `abc`) stand for
    /// digests, `UPLOAD` for the path of an open session.
    struct Case: Sendable, CustomTestStringConvertible {
        let method: HTTPMethod
        let path: String
        var headers: [(String, String)] = []
        var body: [UInt8] = []
        let status: Int
        let code: String
        /// JSON with sorted keys.
        let detail: String?
        var answered: [(String, String)] = []
        var testDescription: String { "\(method.rawValue) \(path) \(headers.map(\.1).joined())" }

        init(
            _ method: HTTPMethod,
            _ path: String,
            _ status: Int,
            _ code: String,
            _ detail: String? = nil,
            headers: [(String, String)] = [],
            body: String = "",
            answered: [(String, String)] = []
        ) {
            (self.method, self.path, self.status, self.code, self.detail) = (method, path, status, code, detail)
            (self.headers, self.body, self.answered) = (headers, Array(body.utf8), answered)
        }
    }

    static let names: [Case] = [
        Case(.GET, "/other", 404, "UNSUPPORTED"), Case(.GET, "/v2/a/tags", 404, "UNSUPPORTED"),
        Case(.GET, "/v2/A/tags/list", 400, "NAME_INVALID", #"{"value":"A"}"#),
        Case(.GET, "/v2/a/manifests/-x", 400, "TAG_INVALID", #"{"value":"-x"}"#),
        Case(.GET, "/v2/a/manifests/sha256:x", 400, "DIGEST_INVALID", #"{"value":"sha256:x"}"#),
        Case(.GET, "/v2/a/blobs/latest", 400, "DIGEST_INVALID", #"{"value":"latest"}"#),
        Case(.GET, "/v2/none/tags/list", 404, "NAME_UNKNOWN", #"{"name":"none"}"#),
        Case(.GET, "/v2/none/manifests/v1", 404, "NAME_UNKNOWN", #"{"name":"none"}"#),
        Case(.GET, "/v2/none/blobs/LAYER", 404, "NAME_UNKNOWN", #"{"name":"none"}"#),
        Case(.DELETE, "/v2/none/manifests/v1", 404, "NAME_UNKNOWN", #"{"name":"none"}"#),
    ]

    static let queries: [Case] = [
        Case(.GET, "/v2/team/app/tags/list?n=x", 400, "UNSUPPORTED"),
        Case(.GET, "/v2/team/app/tags/list?n=", 400, "UNSUPPORTED"),
        Case(.GET, "/v2/team/app/tags/list?n=-1", 400, "UNSUPPORTED"),
        Case(.GET, "/v2/team/app/tags/list?n=%zz", 400, "UNSUPPORTED"),
        Case(.GET, "/v2/team/app/tags/list?last=-x", 400, "TAG_INVALID", #"{"value":"-x"}"#),
        Case(.GET, "/v2/_catalog?n=1.5", 400, "UNSUPPORTED"),
        Case(.GET, "/v2/_catalog?last=A", 400, "NAME_INVALID", #"{"value":"A"}"#),
        Case(.GET, "/v2/team/app/referrers/IMAGE?n=x", 400, "UNSUPPORTED"),
        Case(.GET, "/v2/team/app/referrers/IMAGE?last=x", 400, "DIGEST_INVALID", #"{"value":"x"}"#),
        Case(.GET, "/v2/team/app/referrers/IMAGE?artifactType=x", 400, "UNSUPPORTED"),
    ]

    static let blobs: [Case] = [
        Case(.GET, "/v2/team/app/blobs/ABSENT", 404, "BLOB_UNKNOWN", #"{"digest":"ABSENT"}"#),
        Case(.DELETE, "/v2/team/app/blobs/ABSENT", 404, "BLOB_UNKNOWN", #"{"digest":"ABSENT"}"#),
        Case(
            .DELETE,
            "/v2/team/app/blobs/LAYER",
            405,
            "UNSUPPORTED",
            #"{"digest":"LAYER","manifests":["IMAGE"]}"#,
            answered: [("Allow", "GET, HEAD")]
        ),
        Case(
            .GET,
            "/v2/team/app/blobs/LAYER",
            416,
            "RANGE_INVALID",
            #"{"size":100}"#,
            headers: [("Range", "bytes=100-")],
            answered: [("Content-Range", "bytes */100")]
        ),
    ]

    private static let newUpload = "/v2/team/app/blobs/uploads/"

    static let uploads: [Case] = [
        Case(
            .POST,
            newUpload + "?digest=ABSENT",
            400,
            "DIGEST_INVALID",
            #"{"actual":"ABC","given":"ABSENT"}"#,
            body: "abc"
        ),
        Case(.POST, newUpload + "?digest=md5:0", 400, "DIGEST_INVALID", #"{"value":"md5:0"}"#),
        Case(.POST, newUpload + "?mount=x", 400, "DIGEST_INVALID", #"{"value":"x"}"#),
        Case(.POST, newUpload + "?mount=LAYER&from=A", 400, "NAME_INVALID", #"{"value":"A"}"#),
        Case(.POST, newUpload + "?digest-algorithm=md5", 400, "DIGEST_INVALID", #"{"value":"md5"}"#),
        Case(.GET, newUpload + "x", 404, "BLOB_UPLOAD_UNKNOWN", #"{"session":"x"}"#),
        Case(.PATCH, newUpload + "x", 404, "BLOB_UPLOAD_UNKNOWN", #"{"session":"x"}"#, body: "abc"),
        Case(.PUT, newUpload + "x?digest=ABC", 404, "BLOB_UPLOAD_UNKNOWN", #"{"session":"x"}"#, body: "abc"),
        Case(.DELETE, newUpload + "x", 404, "BLOB_UPLOAD_UNKNOWN", #"{"session":"x"}"#),
        Case(.PUT, "UPLOAD", 400, "DIGEST_INVALID", body: "abc"),
        Case(.PUT, "UPLOAD?digest=abc", 400, "DIGEST_INVALID", #"{"value":"abc"}"#, body: "abc"),
        Case(.PUT, "UPLOAD?digest=ABSENT", 400, "DIGEST_INVALID", #"{"actual":"ABC","given":"ABSENT"}"#, body: "abc"),
        Case(
            .PATCH,
            "UPLOAD",
            400,
            "UNSUPPORTED",
            #"{"header":"Content-Range"}"#,
            headers: [("Content-Range", "0")],
            body: "abc"
        ),
        Case(
            .PATCH,
            "UPLOAD",
            416,
            "BLOB_UPLOAD_INVALID",
            #"{"given":5,"offset":0}"#,
            headers: [("Content-Range", "5-7")],
            body: "abc",
            answered: [("Range", "0-0")]
        ),
        Case(
            .PATCH,
            "UPLOAD",
            400,
            "SIZE_INVALID",
            #"{"declared":10,"offset":0,"received":3}"#,
            headers: [("Content-Range", "0-9")],
            body: "abc"
        ),
    ]

    private static let type = [("Content-Type", Sample.imageType)]

    static let manifests: [Case] = [
        Case(.GET, "/v2/team/app/manifests/v9", 404, "MANIFEST_UNKNOWN", #"{"reference":"v9"}"#),
        Case(.GET, "/v2/team/app/manifests/LAYER", 404, "MANIFEST_UNKNOWN", #"{"reference":"LAYER"}"#),
        Case(.DELETE, "/v2/team/app/manifests/v9", 404, "MANIFEST_UNKNOWN", #"{"reference":"v9"}"#),
        Case(.DELETE, "/v2/team/app/manifests/ABSENT", 404, "MANIFEST_UNKNOWN", #"{"reference":"ABSENT"}"#),
        Case(
            .DELETE,
            "/v2/team/app/manifests/LISTED",
            405,
            "UNSUPPORTED",
            #"{"digest":"LISTED","indexes":["INDEX"]}"#,
            answered: [("Allow", "GET, HEAD, PUT")]
        ),
        Case(
            .DELETE,
            "/v2/team/app/manifests/v1",
            412,
            "DENIED",
            #"{"current":"IMAGE"}"#,
            headers: [("If-Match", "\"LISTED\"")]
        ),
        Case(.DELETE, "/v2/team/app/manifests/v9", 412, "DENIED", #"{"current":"none"}"#, headers: [("If-Match", "*")]),
        Case(
            .PUT,
            "/v2/team/app/manifests/v1",
            400,
            "UNSUPPORTED",
            #"{"header":"If-None-Match"}"#,
            headers: type + [("If-None-Match", "\"IMAGE\"")],
            body: "{}"
        ),
        Case(
            .PUT,
            "/v2/team/app/manifests/v1",
            400,
            "MANIFEST_INVALID",
            #"{"value":"x"}"#,
            headers: [("Content-Type", "x")]
        ),
        Case(.PUT, "/v2/team/app/manifests/v1", 400, "MANIFEST_INVALID", #"{"path":""}"#, headers: type, body: "["),
        Case(
            .PUT,
            "/v2/team/app/manifests/v1",
            400,
            "MANIFEST_INVALID",
            #"{"path":"config.size"}"#,
            headers: type,
            body:
                #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"LAYER","size":-1},"layers":[]}"#
        ),
        Case(
            .PUT,
            "/v2/team/app/manifests/v1",
            400,
            "MANIFEST_BLOB_UNKNOWN",
            #"{"digests":["ABSENT"]}"#,
            headers: type,
            body:
                #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"ABSENT","size":6},"layers":[]}"#
        ),
        Case(
            .PUT,
            "/v2/team/app/manifests/v1",
            400,
            "SIZE_INVALID",
            #"{"declared":99,"digest":"LAYER","stored":100}"#,
            headers: type,
            body:
                #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"LAYER","size":99},"layers":[]}"#
        ),
        Case(
            .PUT,
            "/v2/team/app/manifests/ABSENT",
            400,
            "DIGEST_INVALID",
            #"{"actual":"OWN","given":"ABSENT"}"#,
            headers: type,
            body:
                #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"LAYER","size":100},"layers":[]}"#
        ),
    ]

    @Test(arguments: names + queries + blobs + uploads + manifests)
    func aRefusalSaysWhatWasWrong(_ refused: Case) async throws {
        try await TestServer.with { server in
            let (_, image) = try await server.pushImage(seed: 1, tag: "v1")
            let (listedBytes, listed) = try await server.pushImage(seed: 2)
            let index = try Sample.index([listedBytes])
            let type = [("Content-Type", Sample.indexType)]
            let path = "/v2/team/app/manifests/index"
            let stored = try await server.send(.PUT, path, headers: type, body: ByteBuffer(bytes: index))
            #expect(stored.status == 201)
            let known: [(String, String)] = [
                ("IMAGE", "\(image)"), ("LISTED", "\(listed)"), ("INDEX", "\(try Sample.digest(index))"),
                ("LAYER", "\(try Sample.digest(Sample.bytes(100, seed: 1)))"),
                ("ABSENT", "\(try Sample.digest(Array("absent".utf8)))"),
                ("ABC", "\(try Sample.digest(Array("abc".utf8)))"),
                ("UPLOAD", refused.path.hasPrefix("UPLOAD") ? try await server.startUpload() : ""),
            ]
            let fill = { (text: String) in known.reduce(text) { $0.replacing($1.0, with: $1.1) } }
            let body = Array(fill(String(decoding: refused.body, as: UTF8.self)).utf8)
            let own = try Sample.digest(body)
            let reply = try await server.send(
                refused.method,
                fill(refused.path),
                headers: refused.headers.map { ($0.0, fill($0.1)) },
                body: body.isEmpty ? nil : ByteBuffer(bytes: body)
            )
            #expect(reply.status == refused.status)
            #expect(reply.errorCode == refused.code)
            #expect(reply.errorDetail == refused.detail.map { fill($0.replacing("OWN", with: "\(own)")) })
            #expect(reply.errorMessage?.isEmpty == false)
            #expect(reply["Content-Type"] == "application/json")
            for (name, value) in refused.answered { #expect(reply[name] == value) }
            // The connection is as good as before.
            #expect(try await server.send(.GET, "/livez").status == 200)
        }
    }

    @Test func aManifestThatIsTooLargeIsRefusedByItsLength() async throws {
        try await TestServer.with { server in
            let head = try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    """
                    PUT /v2/team/app/manifests/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: \(Sample.imageType)\r\n\
                    Content-Length: \(OCILimits.manifestBytesLimit + 1)\r\nExpect: 100-continue\r\n\r\n
                    """
                )
                return await connection.receiveToEnd()
            }
            #expect(head.hasPrefix("HTTP/1.1 413 "))
            #expect(head.contains(#""code":"SIZE_INVALID""#))
            #expect(head.contains(#""detail":{"limit":\#(OCILimits.manifestBytesLimit)}"#))
            // One of the very limit is read, and refused for what it is.
            let spaces = ByteBuffer(repeating: UInt8(ascii: " "), count: OCILimits.manifestBytesLimit)
            let whole = try await server.send(.PUT, "/v2/team/app/manifests/v1", body: spaces)
            #expect(whole.status == 400)
            #expect(whole.errorCode == "MANIFEST_INVALID")
        }
    }

    @Test func aBlobThatIsTooLargeIsRefusedHoweverItComes() async throws {
        var options = TestStore.Options()
        options.blobLimit = 300_000
        try await TestServer.with(options: options) { server in
            try await server.push(Sample.bytes(300_000))
            let over = Sample.bytes(300_001)
            let digest = try Sample.digest(over)
            let location = try await server.startUpload()
            let replies = [
                try await server.send(
                    .POST,
                    "/v2/team/app/blobs/uploads/?digest=\(digest)",
                    body: ByteBuffer(bytes: over)
                ),
                try await server.send(.PATCH, location, body: ByteBuffer(bytes: over)),
                try await server.send(.PATCH, location, pieces: [Array(over[..<200_000]), Array(over[200_000...])]),
            ]
            for reply in replies {
                #expect(reply.status == 413)
                #expect(reply.errorCode == "SIZE_INVALID")
                #expect(reply.errorDetail == #"{"limit":300000}"#)
            }
            #expect(try await server.send(.HEAD, "/v2/team/app/blobs/\(digest)").status == 404)
        }
    }

    @Test func tooManyOfAKindAreRefusedWithTheLimit() async throws {
        var options = TestStore.Options()
        options.uploads = 1
        options.tagsPerRepository = 1
        options.indexDepth = 1
        try await TestServer.with(options: options) { server in
            let (image, _) = try await server.pushImage(seed: 1, tag: "v1")
            let tag = try await server.put(image, at: "v2")
            #expect(tag.status == 403)
            #expect(tag.errorCode == "DENIED")
            #expect(tag.errorDetail == #"{"limit":1}"#)
            let inner = try Sample.index([image])
            let outer = try Sample.index([inner], of: Sample.indexType)
            for (bytes, status) in [(inner, 201), (outer, 400)] {
                let path = "/v2/team/app/manifests/\(try Sample.digest(bytes))"
                let reply = try await server.send(.PUT, path, body: ByteBuffer(bytes: bytes))
                #expect(reply.status == status)
                if status == 400 {
                    #expect(reply.errorCode == "MANIFEST_INVALID")
                    #expect(reply.errorDetail == #"{"limit":1}"#)
                }
            }
            _ = try await server.startUpload()
            let upload = try await server.send(.POST, "/v2/team/app/blobs/uploads/")
            #expect(upload.status == 503)
            #expect(upload.errorCode == "TOOMANYREQUESTS")
            #expect(upload["Retry-After"] == "1")
        }
    }

    @Test func aFullDiskIsSaidAndReadsGoOn() async throws {
        let disk = TestDisk()
        var options = TestStore.Options()
        disk.hold(&options)
        try await TestServer.with(options: options) { server in
            let (image, digest) = try await server.pushImage(seed: 1, tag: "v1")
            disk.isFull = true
            let replies = [
                try await server.send(.POST, "/v2/team/app/blobs/uploads/"),
                try await server.send(
                    .POST,
                    "/v2/team/app/blobs/uploads/?digest=\(Sample.digest([7]))",
                    body: ByteBuffer(bytes: [7])
                ),
                try await server.put(image, at: "v2"),
            ]
            for reply in replies {
                #expect(reply.status == 507)
                #expect(reply.errorCode == "UNKNOWN")
                #expect(reply.errorMessage?.hasPrefix("storage_full: ") == true)
                #expect(reply.errorDetail?.contains("\"reason\":") == true)
            }
            let ready = try await server.send(.GET, "/readyz")
            #expect(ready.status == 503)
            #expect(ready.text == #"{"status":"degraded","problems":["storage_full"]}"#)
            #expect(try await server.send(.GET, "/livez").status == 200)
            let reply = try await server.send(.GET, "/v2/team/app/manifests/v1")
            #expect(reply["Docker-Content-Digest"] == "\(digest)")
            #expect(try await server.send(.DELETE, "/v2/team/app/manifests/v1").status == 202)
            disk.isFull = false
            #expect(try await server.put(image, at: "v2").status == 201)
            #expect(try await server.send(.GET, "/readyz").status == 200)
        }
    }
}
