// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI
import Observability
import TestSupport
import Testing

/// The pages for people, by a real server where everyone may do everything.
@Suite(.serialized, .timeLimit(.minutes(1))) struct PageTests {
    private static let policy = """
        default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; \
        base-uri 'none'
        """

    private static func page(_ path: String, _ server: TestServer, status: Int = 200) async throws -> String {
        let reply = try await server.send(.GET, path)
        #expect(reply.status == status, "\(path): \(reply.text.prefix(400))")
        #expect(reply["Content-Type"] == "text/html; charset=utf-8", "\(path)")
        #expect(reply["Content-Security-Policy"] == policy, "\(path)")
        #expect(reply["X-Content-Type-Options"] == "nosniff")
        #expect(reply["Referrer-Policy"] == "no-referrer")
        #expect(reply["Cache-Control"] == "no-store", "\(path)")
        #expect(!reply.text.contains("<script"))
        #expect(!reply.text.contains(" style="), "the policy would block it")
        return reply.text
    }

    @Test func aBrowserIsSentToThePages() async throws {
        try await TestServer.with { server in
            let plain = try await server.send(.GET, "/", headers: [("Accept", "application/json")])
            #expect(plain.status == 404)
            #expect(plain.errorCode == "UNSUPPORTED")
            for method in ["GET", "HEAD"] {
                let reply = try await RawConnection.with(port: server.port) { connection in
                    try await connection.send("\(method) / HTTP/1.1\r\nHost: a\r\nAccept: text/html,*/*\r\n\r\n")
                    return try await connection.receiveResponse(bodyFollows: false)
                }
                #expect(reply.head.hasPrefix("HTTP/1.1 302 "), "\(reply.head)")
                let lines = reply.head.split(separator: "\r\n").map { $0.lowercased() }
                #expect(lines.contains("location: /ui/"), "\(reply.head)")
            }
            #expect(try await server.send(.GET, "/v2/", headers: [("Accept", "text/html")]).text == "{}")
        }
    }

    @Test func everyPageIsThere() async throws {
        try await TestServer.with { server in
            let (_, digest) = try await server.pushImage(seed: 1, tag: "v1")
            let image = #"{"image":{"repository":"team/app","digest":"\#(digest)"},"env":"prod","service":"web"}"#
            #expect(try await server.send(.POST, "/api/v1/promotions", text: image).status == 200)
            let paths = [
                "/ui/environments", "/ui/environments?env=prod",
                "/ui", "/ui/", "/ui/repositories/team/app", "/ui/repositories/team/app/-/v1",
                "/ui/repositories/team/app/-/\(digest)", "/ui/regions", "/ui/audit", "/ui/denials", "/ui/storage",
            ]
            for path in paths {
                let html = try await Self.page(path, server)
                #expect(html.contains("<main id=\"main\""), "\(path)")
                let head = try await server.send(.HEAD, path)
                #expect(head.status == 200)
                #expect(head["Content-Length"].flatMap { Int($0) } ?? 0 > 1_000, "\(path)")
                #expect(head.body.readableBytes == 0)
                for method in [HTTPMethod.POST, .PUT, .DELETE, .PATCH] {
                    let refused = try await server.send(method, path)
                    #expect(refused.status == 405, "\(method) \(path)")
                    #expect(refused["Allow"] == "GET, HEAD")
                }
            }
            let environments = try await Self.page("/ui/environments", server)
            #expect(Self.values(environments, between: "/ui/environments?env=", and: "\"") == ["prod"])
            let environment = try await Self.page("/ui/environments?env=prod", server)
            #expect(Self.values(environment, between: "scope=\"row\">", and: "<") == ["web"])
            #expect(environment.contains("nothing reported") && environment.contains("\(digest)"))
        }
    }

    @Test func anErrorIsAPageWithItsStatus() async throws {
        try await TestServer.with { server in
            try await server.pushImage(seed: 1, tag: "v1")
            let wrong: [(String, Int)] = [
                ("/ui/nothing", 404), ("/ui/repositories/", 400), ("/ui/repositories/Team", 400),
                ("/ui/repositories/none", 404), ("/ui/repositories/team/app/-/none", 404),
                ("/ui/repositories/team/app/-/.x", 400), ("/ui/repositories/team/app/-/v1/other", 404),
                ("/ui/repositories/team/app/-", 404), ("/ui/?after=x", 400), ("/ui/audit?before=x", 400),
                ("/ui/log", 404),
                ("/ui/repositories/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 400),
                ("/ui/audit?repository=%22%3E%3Cscript%3E", 400),
            ]
            for (path, status) in wrong {
                let html = try await Self.page(path, server, status: status)
                #expect(html.contains("<h1><span class=\"quiet\">\(status)</span>"), "\(path)")
            }
        }
    }

    @Test func theStylesheetIsKeptForEver() async throws {
        try await TestServer.with { server in
            let html = try await Self.page("/ui/", server)
            let start = try #require(html.firstRange(of: "href=\"/ui/style-"))
            let path = String(html[html.index(start.lowerBound, offsetBy: 6)...].prefix { $0 != "\"" })
            let reply = try await server.send(.GET, path)
            #expect(reply.status == 200)
            #expect(reply["Content-Type"] == "text/css; charset=utf-8")
            #expect(reply["Cache-Control"] == "public, max-age=31536000, immutable")
            // Of another version this one does not know what it is.
            for other in ["/ui/style-1f.css", "/ui/style-.css", path.replacing(".css", with: "0.css")] {
                let reply = try await server.send(.GET, other)
                #expect(reply.status == 200 && reply["Cache-Control"] == "no-store", "\(other)")
            }
        }
    }

    @Test func everyTimeCanBeWritten() {
        let (first, last) = ("0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z")
        for (seconds, text) in [
            (.min, first), (-62_167_219_201, first), (-62_167_219_200, first), (253_402_300_800, last), (.max, last),
        ] as [(Int64, String)] {
            #expect(Timestamp(seconds: seconds, milliseconds: seconds < 0 ? 0 : 999).description == text)
        }
        for (milliseconds, text) in [
            (.min, first), (-1_001, "1969-12-31T23:59:58.999Z"), (-1_000, "1969-12-31T23:59:59.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"),
            (.max, last),
        ] as [(Int64, String)] {
            #expect(Timestamp(milliseconds: milliseconds).description == text)
        }
        #expect(Timestamp(seconds: 0, milliseconds: .min).description == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp(seconds: 0, milliseconds: .max).description == "1970-01-01T00:00:00.999Z")
    }

    /// A report may say any time of RFC 3339, also one of the year before the first.
    @Test(arguments: [
        ("0000-01-01T00:00:00+01:00", "0000-01-01T00:00:00Z"), ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59Z"),
    ])
    func aReportOfAnyTimeIsShown(_ time: String, _ shown: String) async throws {
        try await TestServer.with { server in
            let (image, _) = try await server.pushImage(seed: 1, tag: "v1")
            let members = #""metadata":{"timestamp":"\#(time)"},"vulnerabilities":[]"#
            let report = Array(#"{"bomFormat":"CycloneDX","specVersion":"1.5",\#(members)}"#.utf8)
            try await server.push(report)
            let type = "application/vnd.cyclonedx+json"
            let attached = try Sample.image(layers: [report], subject: image, artifactType: type)
            #expect(try await server.put(attached, at: Sample.digest(attached).description).status == 201)
            #expect(try await Self.page("/ui/repositories/team/app/-/v1", server).contains("datetime=\"\(shown)\""))
            let inspected = try await server.send(.GET, "/v2/team/app/_cairn/inspect/v1")
            #expect(inspected.status == 200 && inspected.text.contains("\"scanned_at\":\"\(shown.dropLast())"))
        }
    }

    @Test func listsArePagedByTheirLinks() async throws {
        try await TestServer.with { server in
            for number in 0..<120 { try await server.pushImage(seed: 1, tag: "t\(1_000 + number)", in: "a/many") }
            var (path, seen): (String?, [String]) = ("/ui/repositories/a/many?prefix=t1", [])
            var pages = 0
            while let next = path, pages < 10 {
                let html = try await Self.page(next, server)
                seen += Self.values(html, between: "/ui/repositories/a/many/-/t", and: "\"")
                path = Self.values(html, between: "<a rel=\"next\" href=\"", and: "\"").first
                    .map { $0.split(separator: "&amp;").joined(separator: "&") }
                pages += 1
            }
            #expect(seen == (1_000..<1_120).map(String.init))
            #expect(pages == 3)
            let few = try await Self.page("/ui/repositories/a/many?prefix=t111", server)
            #expect(Self.values(few, between: "/ui/repositories/a/many/-/t", and: "\"").count == 10)
        }
    }

    @Test func repositoriesArePagedAndFoundByTheirBeginning() async throws {
        try await TestServer.with { server in
            for number in 0..<60 { try await server.pushImage(seed: 1, tag: "v1", in: "p\(10 + number)/app") }
            let first = try await Self.page("/ui/", server)
            let next = try #require(Self.values(first, between: "<a rel=\"next\" href=\"", and: "\"").first)
            #expect(!next.contains("app"), "a place in the list is no name")
            let second = try await Self.page(next, server)
            let names = [first, second].flatMap { Self.values($0, between: "/ui/repositories/p", and: "\"") }
            #expect(names == (10..<70).map { "\($0)/app" })
            let some = try await Self.page("/ui/?prefix=p2", server)
            #expect(Self.values(some, between: "/ui/repositories/p", and: "\"").count == 10)
            #expect(try await Self.page("/ui/?after=999999", server).contains("no repository here"))
        }
    }

    static func values(_ html: String, between start: String, and end: Character) -> [String] {
        html.ranges(of: start).map { String(html[$0.upperBound...].prefix { $0 != end }) }
    }

    @Test func whatOthersWroteIsText() async throws {
        try await TestServer.with { server in
            let nasty = [
                "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "javascript:alert(document.domain)",
                "\"\u{0301} onfocus=alert(1) autofocus x=\"", "https://example.org/?a=<b>", "https://example.org/ok",
            ]
            try await server.push(Array("{}".utf8))
            let members = nasty.enumerated().map { index, text in
                "\(Self.json("k\(index) \(text)")):\(Self.json(text))"
            }
            let config = try Sample.digest(Array("{}".utf8))
            let manifest = """
                {"schemaVersion":2,"mediaType":"\(Sample.imageType)","config":{"mediaType":"\(Sample.configType)",\
                "digest":"\(config)","size":2},"layers":[],"annotations":{\(members.joined(separator: ","))}}
                """
            let stored = try await server.put(Array(manifest.utf8), at: "v1")
            #expect(stored.status == 201, "\(stored.text)")
            let html = try await Self.page("/ui/repositories/team/app/-/v1", server)
            #expect(!html.contains("<script>"))
            #expect(!html.contains("<img"))
            #expect(html.unicodeScalars.contains("\u{0301}") && !Self.hasMarkedQuote(html))
            #expect(
                Self.values(html, between: "href=\"", and: "\"").allSatisfy {
                    $0.hasPrefix("/") || $0.hasPrefix("#") || $0.hasPrefix("https://example.org/ok")
                        || $0.hasPrefix("data:image/svg+xml")
                }
            )
            #expect(html.contains("<a href=\"https://example.org/ok\" rel=\"noreferrer noopener nofollow\">"))
            #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
            let found = try await Self.page("/ui/?prefix=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", server)
            #expect(found.contains("value=\"&quot;&gt;&lt;script&gt;"))
            let marked = try await Self.page("/ui/?prefix=%22%CC%81%20onfocus=alert(1)", server)
            #expect(marked.unicodeScalars.contains("\u{0301}") && !Self.hasMarkedQuote(marked))
        }
    }

    /// Whether a quote has a mark that joins it: to whoever counts characters it is another one than a quote.
    private static func hasMarkedQuote(_ html: String) -> Bool {
        zip(html.unicodeScalars, html.unicodeScalars.dropFirst()).contains { $0 == "\"" && $1 == "\u{0301}" }
    }

    private static func json(_ text: String) -> String {
        "\"" + text.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }
}
