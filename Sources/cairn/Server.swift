// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import HTTPAPI
import Logging
import Metrics
import NIOCore
import NIOPosix
import Observability
import Registry
import ServiceLifecycle
import UnixSignals

/// Assembles the registry from its parts and runs it until a signal.
struct Server: Sendable {
    let configuration: Configuration
    let log: LogWriter

    func run() async throws {
        let logger = Logger(label: "cairn")
        let metrics = PrometheusRegistry()
        MetricsCatalogue.declare(in: metrics)
        metrics.registerProcessMetrics()
        metrics.register(log)
        MetricsSystem.bootstrap(metrics)
        ProcessLimits.raiseOpenFiles(logger: logger)

        let store = try await Store.open(
            root: configuration.root,
            unsafeFilesystem: configuration.unsafeFilesystem,
            blobLimit: configuration.maximumBlobBytes
        )
        let recovery = try await store.registry.recover()
        logger.debug(
            "recovered",
            metadata: ["resumable_uploads": "\(recovery.resumable)", "stray_files": "\(recovery.strays)"]
        )

        let health = Health(gauge: store.content.gauge, isCatalogWritable: { store.catalog.isWritable })
        let responder = Responder(
            registry: store.registry,
            health: health,
            metrics: HTTPMetrics(registry: metrics),
            accessLog: configuration.accessLog ? Logger(label: "access") : nil,
            logger: Logger(label: "http"),
            requestIDs: RequestIDs(seed: UInt64.random(in: .min ... .max)),
            dates: DateHeader(seconds: { Int64(Date().timeIntervalSince1970) })
        )
        let address = configuration.listen
        let server = HTTPServer(
            host: address.host,
            port: address.port,
            responder: responder,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "http")
        ) { channel in
            announce(ListenAddress(host: address.host, port: channel.localAddress?.port ?? address.port))
        }
        var group = ServiceGroupConfiguration(
            services: [
                .init(service: Housekeeping(store: store, logger: logger)),
                .init(service: server),
                .init(service: DrainNotice(health: health, logger: logger)),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "lifecycle")
        )
        group.maximumGracefulShutdownDuration = .seconds(configuration.drainSeconds)
        group.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: group).run()
        await store.registry.drain()
        await store.close()
        logger.info("stopped")
    }

    private func announce(_ address: ListenAddress) {
        let root = URL(fileURLWithPath: configuration.root).path
        let host = ["0.0.0.0", "::"].contains(address.host) ? "localhost:\(address.port)" : address.description
        Console.say(
            """
            Cairn \(Cairn.version) listens on http://\(address), data in \(root)
            push:  skopeo copy --dest-tls-verify=false dir:IMAGE docker://\(host)/team/app:v1
            pull:  skopeo copy --src-tls-verify=false docker://\(host)/team/app:v1 dir:COPY
            """
        )
    }
}
