// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import TestSupport
import Testing

/// Nobody learns the names of repositories in which he may do nothing, nor those of environments in which only such
/// run.
@Suite(.serialized, .timeLimit(.minutes(1))) struct HiddenNameTests {
    private static let order = #"{"env":"prod","service":"web","deployment":"r1"}"#

    @Test func aRollbackNamesOnlyWhereTheCallerMayPromote() async throws {
        try await GuardedServer.with(["promote:open/*"]) { server in
            for name in ["hidden/a", "hidden/b", "open/app"] {
                for seed in 1...2 {
                    let digest = try await server.store.putImage(seed: UInt64(seed), in: name)
                    try await server.promote(digest, of: name, to: "prod", service: "web")
                }
            }
            let nobody = try await server.send("/api/v1/rollbacks", "POST", text: Self.order)
            #expect(nobody.hasPrefix("HTTP/1.1 404 "), "\(nobody)")
            #expect(!nobody.contains("hidden") && !nobody.contains("open/app"), "\(nobody)")
            let nowhere = try await server.send(
                "/api/v1/rollbacks",
                "POST",
                text: #"{"env":"nowhere","service":"web","deployment":"r1"}"#
            )
            #expect(nowhere.hasPrefix("HTTP/1.1 404 "), "as where nothing runs")
            let robot = try await server.send("/api/v1/rollbacks", "POST", asRobot: true, text: Self.order)
            #expect(!robot.hasPrefix("HTTP/1.1 404 ") && robot.contains("open/app"), "\(robot)")
            #expect(!robot.contains("hidden"), "\(robot)")
        }
    }

    @Test func imagesOfAnEnvironmentArePagedPastThoseThatAreHidden() async throws {
        try await GuardedServer.with(["pull:open/*"]) { server in
            for name in ["open/a", "hidden/b", "hidden/c", "open/d", "hidden/e"] {
                let digest = try await server.store.putImage(seed: 1, in: name)
                for service in [nil, "web-of-\(name.prefix { $0 != "/" })"] {
                    try await server.promote(digest, of: name, to: "prod", service: service)
                }
            }
            for length in 1...5 {
                var (path, seen): (String?, [String]) = ("/api/v1/environments/prod/images?n=\(length)", [])
                var pages = 0
                while let next = path, pages < 10 {
                    let answer = try await server.send(next, asRobot: true)
                    #expect(answer.hasPrefix("HTTP/1.1 200 ") && !answer.contains("hidden"), "\(answer)")
                    seen += PageTests.values(answer, between: "\"repository\":\"", and: "\"")
                    path = Self.link(answer)
                    pages += 1
                }
                #expect(seen == ["open/a", "open/a", "open/d", "open/d"] && path == nil, "\(length): \(seen)")
            }
            let one = try await server.send("/api/v1/environments/prod/images?repository=open/d", asRobot: true)
            #expect(PageTests.values(one, between: "\"repository\":\"", and: "\"") == ["open/d", "open/d"])
            let nobody = try await server.send("/api/v1/environments/prod/images")
            #expect(nobody.hasPrefix("HTTP/1.1 200 ") && !nobody.contains("hidden") && !nobody.contains("open"))
            for place in ["x", "1/%20", "open%2Fa"] {
                let wrong = try await server.send("/api/v1/environments/prod/images?after=\(place)", asRobot: true)
                #expect(wrong.hasPrefix("HTTP/1.1 400 "), "\(place)")
            }
        }
    }

    /// The target of the `Link` header.
    private static func link(_ answer: String) -> String? {
        let line = answer.split(whereSeparator: \.isNewline).first { $0.lowercased().hasPrefix("link: <") }
        return line.map { String($0.dropFirst("link: <".count).prefix { $0 != ">" }) }
    }

    @Test func environmentsArePagedPastThoseThatAreHidden() async throws {
        try await GuardedServer.with(["pull:open/*"]) { server in
            let hidden = try await server.store.putImage(seed: 1, in: "hidden/app")
            let open = try await server.store.putImage(seed: 1, in: "open/app")
            let names = (0..<60).map { "e\(100 + $0)" }
            for name in names {
                try await server.promote(open, of: "open/app", to: name)
                try await server.promote(hidden, of: "hidden/app", to: name)
                try await server.promote(hidden, of: "hidden/app", to: "\(name)-secret")
            }
            let pages = try await Self.pages("/ui/environments", server)
            #expect(pages.count == 2)
            #expect(pages.flatMap { PageTests.values($0, between: "/ui/environments?env=", and: "\"") } == names)
            #expect(pages.allSatisfy { !$0.contains("secret") && !$0.contains("hidden/") })
            let nobody = try await server.send("/ui/environments")
            #expect(nobody.contains("Nothing is deployed that can be shown to you."), "\(nobody)")
            for place in ["x", "1/x", "-1"] {
                let wrong = try await server.send("/ui/environments?after=\(place)", asRobot: true)
                #expect(wrong.hasPrefix("HTTP/1.1 400 "), "\(place)")
            }
            let far = try await server.send("/ui/environments?after=999999999", asRobot: true)
            #expect(far.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func allServicesOfAnEnvironmentCanBeSeen() async throws {
        try await GuardedServer.with(["pull:open/*"]) { server in
            let hidden = try await server.store.putImage(seed: 1, in: "hidden/app")
            let open = try await server.store.putImage(seed: 1, in: "open/app")
            let services = (0..<60).map { "s\(100 + $0)" }
            for service in services {
                try await server.promote(hidden, of: "hidden/app", to: "prod", service: "secret-\(service)")
                try await server.promote(open, of: "open/app", to: "prod", service: service)
            }
            let pages = try await Self.pages("/ui/environments?env=prod", server)
            #expect(pages.count == 2)
            #expect(pages.flatMap { PageTests.values($0, between: "scope=\"row\">", and: "<") } == services)
            #expect(pages.allSatisfy { !$0.contains("secret") && !$0.contains("hidden/") })
            let other = try await server.send("/ui/environments?env=other", asRobot: true)
            #expect(other.contains("Nothing is to run there that can be shown to you."))
        }
    }

    /// A page and those that follow it by their links.
    private static func pages(_ path: String, _ server: GuardedServer) async throws -> [String] {
        var (path, pages): (String?, [String]) = (path, [])
        while let next = path, pages.count < 10 {
            let html = try await server.send(next, asRobot: true)
            #expect(html.hasPrefix("HTTP/1.1 200 "), "\(next)")
            pages.append(html)
            path = PageTests.values(html, between: "<a rel=\"next\" href=\"", and: "\"").first
                .map { $0.split(separator: "&amp;").joined(separator: "&") }
        }
        return pages
    }
}
