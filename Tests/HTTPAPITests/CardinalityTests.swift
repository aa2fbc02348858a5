// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOHTTP1
import OCI
import TestSupport
import Testing

/// Clients and their repositories make no series.
@Suite(.timeLimit(.minutes(1))) struct CardinalityTests {
    private static func lines(_ server: TestServer) async throws -> [String] {
        try await server.send(.GET, "/metrics").text.split(separator: "\n").map(String.init).filter {
            !$0.hasPrefix("#")
        }
    }

    private static func ask(_ server: TestServer, _ names: some Sequence<String>) async throws {
        for name in names {
            for method: HTTPMethod in [.GET, .HEAD, .PUT, .POST, .DELETE, .RAW(value: "X\(name.count)")] {
                _ = try await server.send(method, "/v2/\(name)/manifests/v1")
            }
            _ = try await server.send(.GET, "/v2/\(name)/tags/list")
            _ = try await server.send(.GET, "/\(name)")
        }
    }

    @Test func thatOfAServerWithManyRepositoriesIsThatOfOneWithOne() async throws {
        try await TestServer.with { server in
            try await Self.ask(server, ["first"])
            _ = try await Self.lines(server)
            let few = try await Self.lines(server).count
            try await Self.ask(server, (0..<50).map { "team\($0)/app-\($0)" })
            let many = try await Self.lines(server)
            #expect(many.count == few)
            #expect(many.count < 8_000)
            #expect(!many.contains { $0.contains("team") })
        }
    }

    @Test func namedRepositoriesAreCountedAndNoOthers() async throws {
        let named = [try RepositoryName(parsing: "team"), try RepositoryName(parsing: "team/a")]
        try await TestServer.with(named: named) { server in
            for name in ["team/a/b", "team/a", "team/c", "team", "teams", "x/team", "other"] {
                _ = try await server.send(.GET, "/v2/\(name)/tags/list")
                _ = try await server.send(.GET, "/v2/\(name)/manifests/v1")
            }
            _ = try await server.pushImage(seed: 1, tag: "v1", in: "team/c")
            let lines = try await Self.lines(server).filter { $0.hasPrefix("cairn_repository_") }
            #expect(lines.count == 3 * 7)
            let value = { (operation: String, repository: String) in
                lines.first {
                    $0.hasPrefix(
                        "cairn_repository_requests_total{operation=\"\(operation)\",repository=\"\(repository)\"} "
                    )
                }?.split(separator: " ").last
            }
            #expect(value("list", "team/a") == "2" && value("list", "team") == "2" && value("list", "other") == "3")
            #expect(value("pull", "team/a") == "2" && value("pull", "other") == "3")
            #expect(value("push", "team") != "0" && value("push", "team/a") == "0" && value("push", "other") == "0")
        }
    }
}
