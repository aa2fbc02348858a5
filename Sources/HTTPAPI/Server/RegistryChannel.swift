// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
package import NIOHTTP2
package import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOHTTPTypesHTTP2
import NIOSSL

/// One exchange of messages: an HTTP/1.1 connection, or one stream of an HTTP/2 connection.
package typealias Exchange = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

/// What a connection turned out to speak, and with whom.
package enum NegotiatedConnection: Sendable {
    case http1(Exchange, Peer)
    case http2(NIOHTTP2Handler.AsyncStreamMultiplexer<Exchange>, Peer)
}

/// A connection whose protocol may not be known yet.
package struct PendingConnection: ServerChildChannelValue {
    package let negotiated: EventLoopFuture<NegotiatedConnection>
    package let channel: any Channel
}

/// The server's side of a connection, in cleartext or over TLS: HTTP/1.1 or HTTP/2, as the client asks for by ALPN or
/// by opening with the preface of HTTP/2 (RFC 9113, sections 3.2 and 3.3).
///
/// Differs from the framework's own channels in what it bounds (head size and time, body rate, idle time, connections
/// of an address), in a receive buffer and HTTP/2 windows sized for layers, and in the door for `sendfile`
/// (`FileRegionHandler`).
package struct RegistryChannel: ServerChildChannel {
    package typealias Value = PendingConnection
    /// Answers a request that came over this transport from this peer.
    package typealias Respond =
        @Sendable (Request, consuming ResponseWriter, any Channel, Responder.Transport, Peer) async throws -> Void

    private struct TooManyConnections: Error {}

    private let tls: TLSContext?
    private let connectionLimits: ConnectionLimits
    private let respond: Respond
    /// Makes the handler that answers some requests of an HTTP/1.1 connection before they become tasks.
    var hotLane: (@Sendable (Peer, ConnectionClock) -> HotLane)?

    package init(tls: TLSContext? = nil, connectionLimits: ConnectionLimits, respond: @escaping Respond) {
        self.tls = tls
        self.connectionLimits = connectionLimits
        self.respond = respond
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<PendingConnection> {
        let negotiated = channel.eventLoop.makePromise(of: NegotiatedConnection.self)
        let pending = PendingConnection(negotiated: negotiated.futureResult, channel: channel)
        guard connectionLimits.admit(channel) else {
            negotiated.fail(TooManyConnections())
            channel.close(promise: nil)
            return channel.eventLoop.makeSucceededFuture(pending)
        }
        let setup = channel.eventLoop.makeCompletedFuture {
            let options = channel.syncOptions
            try options?.setOption(.recvAllocator, value: Self.receiveAllocator)
            try options?.setOption(.maxMessagesPerRead, value: 1)
            try options?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            try addDetector(to: channel, negotiated, logger: logger)
            return pending
        }
        setup.cascadeFailure(to: negotiated)
        return setup
    }

    /// Adds TLS, where it is spoken, and what finds out the protocol within.
    private func addDetector(
        to channel: any Channel,
        _ negotiated: EventLoopPromise<NegotiatedConnection>,
        logger: Logger
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        var findPeer = { Peer(of: channel) }
        if let tls {
            let handler = NIOSSLServerHandler(context: tls.current)
            try pipeline.addHandler(PlaintextGuard())
            try pipeline.addHandler(handler)
            try pipeline.addHandler(TLSEndHandler())
            findPeer = { Peer(of: channel, securedBy: handler, now: tls.now()) }
        }
        try pipeline.addHandler(CloseAfterFlush())
        let detector = ProtocolDetector(negotiated: negotiated) { [findPeer] isHTTP2 in
            let peer = findPeer()
            if isHTTP2 {
                return .http2(try Self.setUpHTTP2(channel, logger: logger), peer)
            }
            return .http1(try setUpHTTP1(channel, peer, logger: logger), peer)
        }
        try pipeline.addHandler(detector)
    }

    package func handle(value: PendingConnection, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http1(let exchange, let peer):
                let loop = requestLoop(over: peer.isTLS ? .http1TLS : .http1, peer)
                await loop.handle(value: exchange, logger: logger)
            case .http2(let multiplexer, let peer):
                await handleStreams(multiplexer, requestLoop(over: .http2, peer), logger: logger)
            }
        } catch {
            logger.trace("connection ended before its protocol was known", metadata: ["error": "\(error)"])
        }
    }

    private func requestLoop(over transport: Responder.Transport, _ peer: Peer) -> RequestLoop {
        RequestLoop { [respond] request, writer, channel in
            try await respond(request, writer, channel, transport, peer)
        }
    }

    private func handleStreams(
        _ multiplexer: NIOHTTP2Handler.AsyncStreamMultiplexer<Exchange>,
        _ loop: RequestLoop,
        logger: Logger
    ) async {
        do {
            try await withThrowingDiscardingTaskGroup { group in
                for try await exchange in multiplexer.inbound {
                    group.addTask { await loop.handle(value: exchange, logger: logger) }
                }
            }
        } catch {
            logger.trace("HTTP/2 connection ended", metadata: ["error": "\(error)"])
        }
    }

    /// Grows with what a connection really sends, so that an idle one costs little and an upload is read in large
    /// pieces.
    private static var receiveAllocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 16 * 1024, maximum: HTTPLimits.receiveBuffer)
    }

    private func setUpHTTP1(_ channel: any Channel, _ peer: Peer, logger: Logger) throws -> Exchange {
        let clock = ConnectionClock(eventLoop: channel.eventLoop)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(FirstByteHandler(clock: clock))
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = HTTPLimits.headerField
        limits.maxHeaderListSize = HTTPLimits.headerList
        limits.maxHeaderFieldCount = HTTPLimits.headerFields
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false,
            withErrorHandling: false,
            withOutboundHeaderValidation: false,
            withEncoderConfiguration: .init(),
            withDecoderLimitConfiguration: limits
        )
        try pipeline.addHandler(RequestGuard())
        if let hotLane { try pipeline.addHandler(hotLane(peer, clock)) }
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: peer.isTLS))
        if !peer.isTLS { try pipeline.addHandler(FileRegionHandler()) }
        try pipeline.addHandler(InterimResponseHandler())
        try pipeline.addHandler(DeadlineHandler(clock: clock, isStream: false))
        try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
        return try Exchange(
            wrappingChannelSynchronously: channel,
            configuration: .init(
                backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2),
                isOutboundHalfClosureEnabled: true
            )
        )
    }

    private static func setUpHTTP2(
        _ channel: any Channel,
        logger: Logger
    ) throws -> NIOHTTP2Handler.AsyncStreamMultiplexer<Exchange> {
        // A client whose side has ended cannot widen windows either, and nothing behind would notice it is gone.
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(
                maxIdleTime: HTTPLimits.idleDeadline,
                maxAge: nil,
                maxGraceTime: nil,
                keepalive: nil
            )
        )
        var configuration = NIOHTTP2Handler.Configuration()
        configuration.connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: HTTPLimits.http2Streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: HTTPLimits.headerList),
            HTTP2Setting(parameter: .initialWindowSize, value: HTTPLimits.http2StreamWindow),
        ]
        configuration.connection.targetWindowSize = HTTPLimits.http2ConnectionWindow
        configuration.stream.targetWindowSize = HTTPLimits.http2StreamWindow
        configuration.stream.outboundBufferSizeHighWatermark = HTTPLimits.readChunk
        configuration.stream.outboundBufferSizeLowWatermark = HTTPLimits.readChunk / 2
        let multiplexer = try channel.pipeline.syncOperations.configureAsyncHTTP2Pipeline(
            mode: .server,
            streamDelegate: management.http2StreamDelegate,
            configuration: configuration
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let pipeline = stream.pipeline.syncOperations
                try pipeline.addHandler(HTTP2FramePayloadToHTTPServerCodec())
                try pipeline.addHandler(InterimResponseHandler())
                let clock = ConnectionClock(eventLoop: stream.eventLoop)
                try pipeline.addHandler(DeadlineHandler(clock: clock, isStream: true))
                try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
                return try Exchange(
                    wrappingChannelSynchronously: stream,
                    configuration: .init(isOutboundHalfClosureEnabled: true)
                )
            }
        }
        let frames = try channel.pipeline.syncOperations.handler(type: NIOHTTP2Handler.self)
        try channel.pipeline.syncOperations.addHandler(management, position: .after(frames))
        try channel.pipeline.syncOperations.addHandler(CloseOnError())
        return multiplexer
    }
}
