// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOHTTP1
import OCI
import TestSupport
import Testing

/// `_cairn/inspect`: to whom it tells what, and how much of it.
@Suite(.serialized, .timeLimit(.minutes(1))) struct InspectTests {
    private static let path = "/v2/team/app/_cairn/inspect"

    /// A report of a day of January with a critical vulnerability for each id, made as long with blanks.
    private static func report(_ day: String, _ ids: [String], length: Int = 0) -> [UInt8] {
        let findings = ids.map { #"{"id":"\#($0)","ratings":[{"severity":"critical"}]}"# }.joined(separator: ",")
        let members = #""specVersion":"1.5","metadata":{"timestamp":"2026-01-\#(day)T00:00:00Z"}"#
        let text = #""bomFormat":"CycloneDX",\#(members),"vulnerabilities":[\#(findings)]}"#
        let blanks = [UInt8](repeating: UInt8(ascii: " "), count: max(0, length - text.utf8.count - 1))
        return Array("{".utf8) + blanks + Array(text.utf8)
    }

    @Test func ofTooManyDocumentsTheShortOnesAreTold() async throws {
        try await TestServer.with { server in
            let (image, _) = try await server.pushImage(seed: 1, tag: "v1")
            let small = Self.report("09", ["CVE-1", "CVE-2"])
            let long = ["01", "02"].map { Self.report($0, ["CVE-3"], length: 5 << 20) }
            for (document, isAll) in [(small, true), (long[0], true), (long[1], false)] {
                try await server.push(document)
                let type = "application/vnd.cyclonedx+json"
                let attached = try Sample.image(layers: [document], subject: image, artifactType: type)
                #expect(try await server.put(attached, at: Sample.digest(attached).description).status == 201)
                for _ in 0..<2 {
                    let told = try await server.send(.GET, "\(Self.path)/v1").text
                    #expect(told.contains("\"critical\":2,"), "the newest report is the short one: \(told)")
                    #expect(told.contains("\"more\":\(!isAll)"), "\(told)")
                }
            }
        }
    }

    @Test func tagsThatRulesDenyAreNotShown() async throws {
        let rules = """
            rules:
              - {deny: [pull, pull-by-tag], who: ["robot:ci"], tags: ["internal-*"]}
            """
        try await GuardedServer.with(["pull:team/*"], access: rules) { server in
            let open = try await server.store.putImage(seed: 1, tag: "v1")
            try await server.store.putImage(seed: 1, tag: "internal-x")
            let hidden = try await server.store.putImage(seed: 2, tag: "internal-y")
            let history = try await server.send("/v2/team/app/_cairn/history/internal-x", asRobot: true)
            #expect(history.hasPrefix("HTTP/1.1 403 "), "\(history)")
            let pages = ["\(Self.path)/\(open)", "/ui/repositories/team/app", "/ui/repositories/team/app/-/\(open)"]
            for page in pages {
                let answer = try await server.send(page, asRobot: true)
                #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("v1"), "\(page): \(answer)")
                #expect(!answer.contains("internal-") && !answer.contains(hidden.hex), "\(page): \(answer)")
            }
        }
    }

    @Test func byATagAloneItIsNotTold() async throws {
        for (grant, status) in [("pull-by-tag", 403), ("pull", 200)] {
            try await GuardedServer.with(["\(grant):team/*"]) { server in
                try await server.store.putImage(seed: 1, tag: "v1")
                let manifest = try await server.send("/v2/team/app/manifests/v1", asRobot: true)
                #expect(manifest.hasPrefix("HTTP/1.1 200 "), "\(manifest)")
                let told = try await server.send("\(Self.path)/v1", asRobot: true)
                #expect(told.hasPrefix("HTTP/1.1 \(status) "), "\(grant): \(told)")
            }
        }
    }
}
