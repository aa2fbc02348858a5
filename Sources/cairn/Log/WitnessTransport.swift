// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import AsyncHTTPClient
import Journal
import NIOCore
import NIOHTTP1
import NIOPosix

/// Requests to witnesses: one client, no redirects, a deadline for each.
final class WitnessTransport: Sendable {
    private static let deadline: TimeAmount = .seconds(5)
    private let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = HTTPClient.Configuration.Timeout(connect: .seconds(3), read: Self.deadline)
        client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    func post(_ url: String, _ body: [UInt8]) async throws -> Cosigners.Reply {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        request.body = .bytes(body)
        let response = try await client.execute(request, timeout: Self.deadline)
        let answer = try await response.body.collect(upTo: JournalLimits.witnessReplyBytes)
        return Cosigners.Reply(status: Int(response.status.code), body: Array(answer.readableBytesView))
    }

    func shutDown() async {
        try? await client.shutdown()
    }
}
