// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOHTTP1
import OCI
import RegistryClient
import Releases
import TestSupport
import Testing

/// What is asked once, and what a registry says that nobody expects.
@Suite struct ServerWordsTests {
    private let registry = DoubleRegistry()

    /// How often something is asked for where the registry has no time.
    private func tries(
        _ work: @Sendable @escaping (RemoteRegistry) async throws(ClientError) -> Void
    ) async throws -> Int {
        registry.lie { _, _ in .status(503) }
        let (_, requests) = try await registry.ask { registry async throws(ClientError) in
            do throws(ClientError) { try await work(registry) } catch { #expect(error.code == .network) }
        }
        return requests.count { $0.method == .POST }
    }

    @Test func whatCountsEachTimeIsSentOnce() async throws {
        let retries = try await tries { registry async throws(ClientError) in
            _ = try await WebhookClient(registry).retry("a")
        }
        let tests = try await tries { registry async throws(ClientError) in
            _ = try await WebhookClient(registry).test("a")
        }
        let repository = try RepositoryName(parsing: "team/app")
        let unnamed = try await tries { registry async throws(ClientError) in
            let report = BuildReport(succeeded: false)
            _ = try await ReleaseClient(registry).reportBuild(report, of: nil, in: repository)
        }
        let run = try PlaceName(parsing: "run-1")
        let named = try await tries { registry async throws(ClientError) in
            let report = BuildReport(succeeded: false, build: run)
            _ = try await ReleaseClient(registry).reportBuild(report, of: nil, in: repository)
        }
        #expect(retries == 1 && tests == 1 && unnamed == 1 && named == 5)
    }

    static let replies: [(body: String, isAccepted: Bool)] = [
        (#"{"reply":"it answered 204","accepted":true}"#, true), (#"{"reply":"it answered 204"}"#, true),
        (#"{"reply":"it answered 404","accepted":false}"#, false), (#"{"reply":"it answered 404"}"#, false),
        (#"{"reply":"it cannot be reached"}"#, false),
    ]

    @Test(arguments: replies) func aTestIsAcceptedOrNot(_ body: String, _ isAccepted: Bool) async throws {
        registry.lie { _, _ in .answer(status: 200, body: Array(body.utf8)) }
        let (test, _) = try await registry.ask { registry async throws(ClientError) in
            try await WebhookClient(registry).test("a")
        }
        #expect(test.isAccepted == isAccepted)
        #expect(try JSONValue(parsing: Array(test.json.utf8))["accepted"] == .bool(isAccepted))
    }

    @Test func numbersOfAnySizeAreShown() throws {
        let text = #"{"m1":{"name":"x","unit":"ratio","value":1e300,"counts":{"builds":1e300,"most":1e999,"bad":3}}}"#
        let lines = FiguresText.lines(try JSONValue(parsing: Array(text.utf8)))
        #expect(lines.contains { $0.contains("3 bad") })
    }

    @Test func alertsAreShownSafely() async throws {
        let alert = #"{"severity":"page\u001b]0;x\u0007","rule":"a\nb"}"#
        let body = #"{"objectives":[{"name":"a","region":"b","alert":\#(alert)}]}"#
        registry.lie { _, _ in .answer(status: 200, body: Array(body.utf8)) }
        let (report, _) = try await registry.ask { registry async throws(ClientError) in
            try await ObjectivesClient(registry).report()
        }
        #expect(report.lines.count == 2)
        #expect(report.lines.last?.contains(#"page\u{1b}]0;x\u{7} (a\u{a}b)"#) == true)
    }
}
