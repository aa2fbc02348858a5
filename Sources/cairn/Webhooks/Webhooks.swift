// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import AsyncHTTPClient
import Catalog
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Webhooks

/// Tells receivers what happens while the server runs.
struct TellingHooks: Service {
    let hooks: [Hook]
    private let clients: [HTTPClient]
    private static let answerBytes = 64 << 10

    init(_ settings: [HookSettings], _ catalog: Catalog, logger: Logger) throws {
        let environment = Hook.Environment(
            now: { Int64(Date().timeIntervalSince1970 * 1_000) },
            sleep: { try await Task.sleep(for: $0) },
            random: { $0 > 0 ? Int64.random(in: 0..<$0) : 0 },
            logger: logger
        )
        let made = try settings.map { hook in (hook, try Self.client(hook)) }
        clients = made.map(\.1)
        hooks = made.map { hook, client in
            Hook(hook, catalog, environment) { headers, body in
                await Self.post(hook.url, headers, body, by: client)
            }
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                for hook in hooks { group.addTask { await hook.run() } }
            }
        }
        // With nobody to tell there is nothing to do, which is no reason to end.
        try? await gracefulShutdown()
        for client in clients { try? await client.shutdown() }
    }

    private static func client(_ hook: HookSettings) throws -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        // Where an event goes is what the settings say, not what a receiver says.
        configuration.redirectConfiguration = .disallow
        configuration.timeout = HTTPClient.Configuration.Timeout(connect: .seconds(5))
        if let file = hook.authorities {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMFile(file))]
            configuration.tlsConfiguration = tls
        }
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    /// Delivers once, within `HookLimits.answerSeconds` from the connection to what is read of the answer.
    private static func post(
        _ url: String,
        _ headers: [(name: String, value: String)],
        _ body: [UInt8],
        by client: HTTPClient
    ) async -> HookReply {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.headers.add(name: "user-agent", value: "cairn/\(Cairn.version)")
        request.body = .bytes(body)
        let deadline = NIODeadline.now() + .seconds(HookLimits.answerSeconds)
        do {
            // The client's deadline ends with the head of the answer.
            let response = try await client.execute(request, deadline: deadline)
            let rest = min(deadline - NIODeadline.now(), .seconds(HookLimits.bodySeconds))
            await pass(over: response.body, within: rest)
            let wait = response.headers.first(name: "retry-after").flatMap { Int64($0) }
            return .status(Int(response.status.code), retryAfter: wait)
        } catch {
            return .unreachable("it cannot be reached: \(error)")
        }
    }

    /// Reads what follows the status, so that the connection can be used again. What is longer than `answerBytes`, or
    /// does not come in time, is left, and the connection is closed.
    private static func pass(over body: HTTPClientResponse.Body, within time: TimeAmount) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await body.collect(upTo: Self.answerBytes) }
            group.addTask { try? await Task.sleep(for: .nanoseconds(time.nanoseconds)) }
            await group.next()
            group.cancelAll()
        }
    }
}
