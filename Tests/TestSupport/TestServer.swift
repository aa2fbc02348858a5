// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
package import HTTPAPI
import NIOCore
import NIOPosix
package import OCI
import Observability
import Registry
package import ServiceLifecycle

/// The registry behind a real socket on a free port of loopback.
package struct TestServer: Sendable {
    package let store: TestStore
    package let health: Health
    package let port: Int
    private let services: ServiceGroup

    package static let requestIDSeed: UInt64 = 0xABCD

    /// Runs a test with a server, and shuts it down whatever happens.
    package static func with<Result>(
        in directory: TemporaryDirectory? = nil,
        clock: ManualClock = ManualClock(),
        options: TestStore.Options = TestStore.Options(),
        tls: TLSContext? = nil,
        named: [RepositoryName] = [],
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        try await TestStore.with(in: directory, clock: clock, options: options) { store in
            _ = try await store.registry.recover()
            return try await run(on: store, tls: tls, named, body)
        }
    }

    private static func run<Result>(
        on store: TestStore,
        tls: TLSContext?,
        _ named: [RepositoryName],
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        let catalog = store.catalog
        let clock = store.clock
        let health = Health(gauge: store.content.gauge, isCatalogWritable: { catalog.isWritable })
        let responder = Responder(
            registry: store.registry,
            health: health,
            metrics: HTTPMetrics(registry: PrometheusRegistry(), repositories: named),
            accessLog: nil,
            logger: TestStore.silent,
            requestIDs: RequestIDs(seed: requestIDSeed),
            dates: DateHeader(seconds: { clock.wallSeconds })
        )
        return try await serving(responder, tls: tls) { port, services in
            try await body(TestServer(store: store, health: health, port: port, services: services))
        }
    }

    /// Runs a test with what answers requests, and shuts it down whatever happens.
    package static func serving<Result>(
        _ responder: Responder,
        tls: TLSContext? = nil,
        _ body: (_ port: Int, ServiceGroup) async throws -> Result
    ) async throws -> Result {
        let running = AsyncStream<Int>.makeStream()
        let server = HTTPServer(
            host: "127.0.0.1",
            port: 0,
            tls: tls,
            responder: responder,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: TestStore.silent
        ) { channel in
            running.continuation.yield(channel.localAddress?.port ?? 0)
        }
        let group = ServiceGroup(services: [server], logger: TestStore.silent)
        let task = Task {
            defer { running.continuation.finish() }
            try await group.run()
        }
        var ports = running.stream.makeAsyncIterator()
        guard let port = await ports.next() else {
            try await task.value
            throw NotRunning()
        }
        do {
            let result = try await body(port, group)
            await group.triggerGracefulShutdown()
            try await task.value
            return result
        } catch {
            await group.triggerGracefulShutdown()
            try? await task.value
            throw error
        }
    }

    /// Begins the shutdown that a signal begins, and does not wait for its end.
    package func shutDown() async { await services.triggerGracefulShutdown() }

    package struct NotRunning: Error {}
}
