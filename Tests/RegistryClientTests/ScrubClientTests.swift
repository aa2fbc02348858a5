// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOHTTP1
import OCI
import RegistryClient
import Synchronization
import TestSupport
import Testing

@Suite("A scrub that is asked for")
struct ScrubClientTests {
    private let registry = DoubleRegistry()

    private static func status(_ id: Int, _ state: String, bytes: Int = 0, damaged: Int = 0) -> [UInt8] {
        let run = """
            {"id":\(id),"state":"\(state)","blobs":1,"bytes":\(bytes),"total_blobs":2,"total_bytes":100,"found":0,\
            "healed":0,"damaged":\(damaged),"bytes_per_second":7}
            """
        return Array("{\"enabled\":true,\"found\":3,\"run\":\(run)}".utf8)
    }

    private func ask<Result: Sendable>(
        _ work: @Sendable @escaping (ScrubClient) async throws(ClientError) -> Result
    ) async throws -> (result: Result, requests: [DoubleRequest]) {
        try await registry.ask { remote async throws(ClientError) in try await work(ScrubClient(remote)) }
    }

    @Test func aRunIsAskedForAndWaitedForToItsEnd() async throws {
        let states = Mutex(["waiting", "running", "running", "done"])
        registry.lie { request, _ in
            let state = states.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            let isPost = request.method == .POST
            return .answer(status: isPost ? 202 : 200, body: Self.status(4, state, bytes: 50, damaged: 2))
        }
        let name = try Sample.repository()
        let (seen, requests) = try await ask { client async throws(ClientError) in
            let run = try await client.start(name, rate: 1 << 20)
            var seen: [String] = []
            let end = try await client.wait(for: run) { seen.append($0.state) }
            return (seen, end)
        }
        #expect(seen.0 == ["waiting", "running", "running", "done"])
        #expect(seen.1.damaged == 2 && seen.1.isOver && seen.1.share == 0.5)
        let body = try JSONValue(parsing: requests[0].body)
        #expect(body["repository"]?.text == name.description && body["rate"] == .integer(1 << 20))
    }

    @Test func aRunThatIsGoneIsNoEnd() async throws {
        registry.lie { request, _ in
            request.method == .POST
                ? .answer(status: 202, body: Self.status(4, "running"))
                : .answer(status: 200, body: Self.status(1, "done"))
        }
        await #expect(throws: ClientError.self) {
            try await ask { client async throws(ClientError) in
                try await client.wait(for: try await client.start(nil, rate: nil)) { _ in }
            }
        }
    }
}
