// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct ListTests {
    static let tags = ["0", "A", "B.1", "_x", "a", "aa", "b"]

    /// Follows a list's links to its end.
    private static func pages(_ path: String, _ server: TestServer) async throws -> [Reply] {
        var replies: [Reply] = []
        var next: String? = path
        while let path = next {
            let reply = try await server.send(.GET, path)
            #expect(reply.status == 200, "\(path): \(reply.text)")
            replies.append(reply)
            #expect((reply["Link"] == nil) == (reply.next == nil), "the form of a link")
            next = reply.next
            guard replies.count <= 50 else { throw UnexpectedStatus(reply: reply) }
        }
        return replies
    }

    @Test(arguments: 1...8)
    func tagsComeInPages(_ length: Int) async throws {
        try await TestServer.with { server in
            for tag in Self.tags.reversed() { try await server.pushImage(seed: 1, tag: tag) }
            let pages = try await Self.pages("/v2/team/app/tags/list?n=\(length)", server)
            let lists = pages.map { $0.object?["tags"] as? [String] ?? [] }
            #expect(lists.flatMap { $0 } == Self.tags)
            #expect(lists.dropLast().allSatisfy { $0.count == length })
            #expect(lists.last?.isEmpty == false, "no link to an empty page")
            for page in pages {
                #expect(page["Content-Type"] == "application/json")
                #expect(page.object?["name"] as? String == "team/app")
            }
        }
    }

    /// Query, and the list and link that answer it.
    static let queries: [(query: String, tags: [String], link: String?)] = [
        ("", tags, nil), ("?n=7", tags, nil), ("?n=1000000000", tags, nil), ("?last=", tags, nil), ("?n=0", [], nil),
        ("?n=2", ["0", "A"], "?n=2&last=A"), ("?n=2&last=A", ["B.1", "_x"], "?n=2&last=_x"),
        ("?last=A&n=3", ["B.1", "_x", "a"], "?n=3&last=a"), ("?last=b", [], nil), ("?last=zzz&n=1", [], nil),
        ("?last=AA", Array(tags[2...]), nil), ("?n=6", Array(tags[..<6]), "?n=6&last=aa"),
    ]

    @Test(arguments: queries)
    func aPageIsThatOfItsQuery(_ query: (query: String, tags: [String], link: String?)) async throws {
        try await TestServer.with { server in
            for tag in Self.tags { try await server.pushImage(seed: 1, tag: tag) }
            let reply = try await server.send(.GET, "/v2/team/app/tags/list\(query.query)")
            #expect(reply.status == 200)
            #expect(reply.object?["tags"] as? [String] == query.tags)
            #expect(reply.next == query.link.map { "/v2/team/app/tags/list\($0)" })
        }
    }

    @Test func repositoriesComeInPages() async throws {
        try await TestServer.with { server in
            let empty = try await server.send(.GET, "/v2/_catalog")
            #expect(empty.text == #"{"repositories":[]}"#)
            let names = ["a", "a-b", "a/b", "a/b/c", "b"]
            for name in names.reversed() { try await server.pushImage(seed: 1, in: name) }
            // A repository that holds no manifest is not listed.
            try await server.push([1], in: "blobs/only")
            for length in 1...6 {
                let pages = try await Self.pages("/v2/_catalog?n=\(length)", server)
                let lists = pages.map { $0.object?["repositories"] as? [String] ?? [] }
                #expect(lists.flatMap { $0 } == names)
                #expect(lists.dropLast().allSatisfy { $0.count == length })
            }
            let page = try await server.send(.GET, "/v2/_catalog?n=1&last=a-b")
            #expect(page.text == #"{"repositories":["a/b"]}"#)
            #expect(page.next == "/v2/_catalog?n=1&last=a%2Fb")
        }
    }

    private static let signature = "application/vnd.example.signature.v1+json"
    private static let sbom = "application/vnd.example.sbom"

    /// Pushes an image and, for each type, a manifest that names it as its subject. Answers with the digests by type.
    private static func pushReferrers(_ types: [String], _ server: TestServer) async throws
        -> (subject: Digest, digests: [String: Set<String>])
    {
        let (image, subject) = try await server.pushImage(seed: 1, tag: "v1")
        var digests: [String: Set<String>] = [:]
        for (number, type) in types.enumerated() {
            let manifest = try Sample.image(
                subject: image,
                artifactType: type,
                annotations: ["number": "\(number)", "text": "\"é\\"]
            )
            let digest = try Sample.digest(manifest)
            let reply = try await server.put(manifest, at: "\(digest)")
            #expect(reply.status == 201)
            #expect(reply["OCI-Subject"] == "\(subject)")
            digests[type, default: []].insert("\(digest)")
        }
        return (subject, digests)
    }

    private static func descriptors(_ reply: Reply) -> [[String: Any]] {
        reply.object?["manifests"] as? [[String: Any]] ?? []
    }

    @Test func referrersComeInPages() async throws {
        try await TestServer.with { server in
            let types = [Self.signature, Self.sbom, Self.signature, Self.signature, Self.sbom]
            let (subject, digests) = try await Self.pushReferrers(types, server)
            let path = "/v2/team/app/referrers/\(subject)"
            let encoded = Self.signature.replacing("/", with: "%2F").replacing("+", with: "%2B")
            for length in 1...6 {
                for filter in [nil, encoded] {
                    let query = "?n=\(length)" + (filter.map { "&artifactType=\($0)" } ?? "")
                    let pages = try await Self.pages(path + query, server)
                    let lists = pages.map { Self.descriptors($0).compactMap { $0["digest"] as? String } }
                    let wanted = filter == nil ? Set(digests.values.joined()) : digests[Self.signature] ?? []
                    #expect(lists.flatMap { $0 } == wanted.sorted())
                    #expect(lists.dropLast().allSatisfy { $0.count == length })
                    for page in pages {
                        #expect(page.headers["Content-Type"] == [Sample.indexType])
                        #expect(page["OCI-Filters-Applied"] == (filter == nil ? nil : "artifactType"))
                    }
                }
            }
        }
    }

    @Test func aReferrersDescriptorSaysWhatTheSpecificationAsksFor() async throws {
        try await TestServer.with { server in
            let (subject, digests) = try await Self.pushReferrers([Self.sbom], server)
            let reply = try await server.send(.GET, "/v2/team/app/referrers/\(subject)")
            #expect(reply.object?["schemaVersion"] as? Int == 2)
            #expect(reply.object?["mediaType"] as? String == Sample.indexType)
            let descriptor = try #require(Self.descriptors(reply).first)
            let digest = try #require(digests[Self.sbom]?.first)
            let manifest = try await server.send(.GET, "/v2/team/app/manifests/\(digest)")
            #expect(descriptor["mediaType"] as? String == Sample.imageType)
            #expect(descriptor["digest"] as? String == digest)
            #expect(descriptor["size"] as? Int == manifest.body.readableBytes)
            #expect(descriptor["artifactType"] as? String == Self.sbom)
            #expect(descriptor["annotations"] as? [String: String] == ["number": "0", "text": "\"é\\"])
            #expect(descriptor.count == 5)
        }
    }

    @Test func aSubjectWithoutReferrersHasAnEmptyIndex() async throws {
        try await TestServer.with { server in
            let (image, subject) = try await server.pushImage(seed: 1)
            let absent = try Sample.digest(Array("absent".utf8))
            let empty = #"{"schemaVersion":2,"mediaType":"\#(Sample.indexType)","manifests":[]}"#
            for path in ["team/app/referrers/\(subject)", "team/app/referrers/\(absent)", "none/referrers/\(subject)"] {
                let reply = try await server.send(.GET, "/v2/\(path)")
                #expect(reply.status == 200, "\(path)")
                #expect(reply.text == empty)
                #expect(reply.headers["Content-Type"] == [Sample.indexType])
            }
            // One that is deleted is listed no longer, and the subject need not be there.
            let referrer = try Sample.image(subject: image)
            #expect(try await server.put(referrer, at: "r").status == 201)
            #expect(try await server.send(.DELETE, "/v2/team/app/manifests/\(subject)").status == 202)
            let path = "/v2/team/app/referrers/\(subject)"
            #expect(try await Self.descriptors(server.send(.GET, path)).count == 1)
            #expect(try await server.send(.DELETE, "/v2/team/app/manifests/\(Sample.digest(referrer))").status == 202)
            #expect(try await server.send(.GET, path).text == empty)
        }
    }
}
