// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HummingbirdCore
package import Logging
package import NIOCore
import ServiceLifecycle

/// The HTTP front as a service: listens until a graceful shutdown, then finishes what is in flight.
package struct HTTPServer: Service {
    private let server: any Service

    /// `onRunning` is called with the listening channel, whose address is the real one when port 0 was asked for.
    package init(
        host: String,
        port: Int,
        responder: Responder,
        eventLoopGroup: any EventLoopGroup,
        logger: Logger,
        onRunning: @escaping @Sendable (any Channel) async -> Void
    ) {
        let configuration = ServerConfiguration(
            address: .hostname(host, port: port),
            backlog: 1024,
            availableConnectionsDelegate: .maximum(HTTPLimits.connections, logger: logger)
        )
        server = RegistryChannel(
            responder: { request, writer, channel in
                try await responder.respond(request, writer, channel, over: .http1)
            },
            streamResponder: { request, writer, channel in
                try await responder.respond(request, writer, channel, over: .http2)
            },
            hot: responder
        ).server(
            configuration: configuration,
            onServerRunning: onRunning,
            eventLoopGroup: eventLoopGroup,
            logger: logger
        )
    }

    package func run() async throws {
        try await server.run()
    }
}
