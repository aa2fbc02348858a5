// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct HeaderTests {
    /// Checked with `date -u -d @SECONDS`.
    static let dates: [(seconds: Int64, text: String)] = [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (68_169_599, "Mon, 28 Feb 1972 23:59:59 GMT"),
        (68_169_600, "Tue, 29 Feb 1972 00:00:00 GMT"),
        (68_256_000, "Wed, 01 Mar 1972 00:00:00 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (946_684_799, "Fri, 31 Dec 1999 23:59:59 GMT"),
        (978_220_800, "Sun, 31 Dec 2000 00:00:00 GMT"),
        (978_307_200, "Mon, 01 Jan 2001 00:00:00 GMT"),
        (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (2_147_483_647, "Tue, 19 Jan 2038 03:14:07 GMT"),
        (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ]

    @Test func theDateFollowsTheCalendar() async throws {
        try await TestServer.with { server in
            for (seconds, text) in Self.dates {
                server.store.clock.setWall(seconds: seconds)
                let reply = try await server.send(.GET, "/livez")
                #expect(reply["Date"] == text)
            }
        }
    }

    @Test func aPlainRequestIDIsKept() async throws {
        try await TestServer.with { server in
            let longest = String(repeating: "a", count: 64)
            for given in ["1", "Abc-1_2.3", longest] {
                let reply = try await server.send(.GET, "/livez", headers: [("X-Request-Id", given)])
                #expect(reply["X-Request-Id"] == given)
            }
        }
    }

    @Test func anyOtherRequestIDIsReplacedByAFreshOne() async throws {
        try await TestServer.with { server in
            var seen: Set<String> = []
            let prefix = "000000000000abcd-"
            for given in ["", " ", "a b", "a/b", "a\"b", "a{b}", String(repeating: "a", count: 65), nil, nil] {
                let headers = given.map { [("X-Request-Id", $0)] } ?? []
                let reply = try await server.send(.GET, "/livez", headers: headers)
                let id = try #require(reply["X-Request-Id"])
                #expect(id.hasPrefix(prefix))
                #expect(seen.insert(id).inserted)
            }
        }
    }

    @Test func everyAnswerSaysTheVersionAndThatItsTypeIsMeant() async throws {
        try await TestServer.with { server in
            for path in ["/v2/", "/nothing", "/v2/a/manifests/t", "/v2/A/tags/list", "/livez"] {
                let reply = try await server.send(.GET, path)
                #expect(reply["Docker-Distribution-Api-Version"] == "registry/2.0")
                #expect(reply["X-Content-Type-Options"] == "nosniff")
            }
        }
    }
}
