// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HummingbirdCore
package import Logging
package import NIOCore
import ServiceLifecycle

/// The HTTP front as a service: listens until a graceful shutdown, then finishes what is in flight.
package struct HTTPServer: Service {
    private let server: any Service

    /// With `tls` every connection is one of TLS, else every one is cleartext. `onRunning` is called with the listening
    /// channel, whose address is the real one when port 0 was asked for.
    package init(
        host: String,
        port: Int,
        tls: TLSContext? = nil,
        connectionLimits: ConnectionLimits = ConnectionLimits(),
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
        var channel = RegistryChannel(tls: tls, connectionLimits: connectionLimits) {
            request,
            writer,
            channel,
            transport,
            peer in
            try await responder.respond(request, writer, channel, over: transport, from: peer)
        }
        channel.hotLane = { peer, clock in HotLane(responder: responder, peer: peer, clock: clock) }
        server = channel.server(
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
