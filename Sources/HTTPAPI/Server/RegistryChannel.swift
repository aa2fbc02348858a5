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

/// One exchange of messages: an HTTP/1.1 connection, or one stream of an HTTP/2 connection.
package typealias Exchange = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

/// What a connection turned out to speak.
package enum NegotiatedConnection: Sendable {
    case http1(Exchange)
    case http2(NIOHTTP2Handler.AsyncStreamMultiplexer<Exchange>)
}

/// A connection whose protocol may not be known yet.
package struct PendingConnection: ServerChildChannelValue {
    package let negotiated: EventLoopFuture<NegotiatedConnection>
    package let channel: any Channel
}

/// The server's side of a cleartext connection: HTTP/1.1, or HTTP/2 where the client opens with its preface
/// (RFC 9113, section 3.3).
///
/// Differs from the framework's own channels in what it bounds (head size and time, body rate, idle time), in a receive
/// buffer and HTTP/2 windows sized for layers, and in the door for `sendfile` (`FileRegionHandler`).
package struct RegistryChannel: HTTPChannelHandler {
    package typealias Value = PendingConnection

    /// Answers the requests of HTTP/1.1 connections.
    package let responder: HTTPChannelHandler.Responder
    /// Answers those of HTTP/2 streams.
    let streamResponder: HTTPChannelHandler.Responder
    /// Answers on the hot lane; without it there is none.
    let hot: HTTPAPI.Responder?

    package init(
        responder: @escaping HTTPChannelHandler.Responder,
        streamResponder: @escaping HTTPChannelHandler.Responder,
        hot: HTTPAPI.Responder? = nil
    ) {
        self.hot = hot
        self.responder = responder
        self.streamResponder = streamResponder
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<PendingConnection> {
        let negotiated = channel.eventLoop.makePromise(of: NegotiatedConnection.self)
        return channel.eventLoop.makeCompletedFuture {
            let options = channel.syncOptions
            try options?.setOption(.recvAllocator, value: Self.receiveAllocator)
            try options?.setOption(.maxMessagesPerRead, value: 1)
            try options?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            let detector = ProtocolDetector(negotiated: negotiated) { isHTTP2 in
                if isHTTP2 {
                    .http2(try Self.setUpHTTP2(channel, logger: logger))
                } else {
                    .http1(try setUpHTTP1(channel, logger: logger))
                }
            }
            try channel.pipeline.syncOperations.addHandler(detector)
            return PendingConnection(negotiated: negotiated.futureResult, channel: channel)
        }
    }

    package func handle(value: PendingConnection, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http1(let exchange):
                await handleHTTP(asyncChannel: exchange, logger: logger)
            case .http2(let multiplexer):
                await handleStreams(multiplexer, logger: logger)
            }
        } catch {
            logger.trace("connection ended before its protocol was known", metadata: ["error": "\(error)"])
        }
    }

    private func handleStreams(
        _ multiplexer: NIOHTTP2Handler.AsyncStreamMultiplexer<Exchange>,
        logger: Logger
    ) async {
        let streams = RegistryChannel(responder: streamResponder, streamResponder: streamResponder)
        do {
            try await withThrowingDiscardingTaskGroup { group in
                for try await exchange in multiplexer.inbound {
                    group.addTask { await streams.handleHTTP(asyncChannel: exchange, logger: logger) }
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

    private func setUpHTTP1(_ channel: any Channel, logger: Logger) throws -> Exchange {
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
        if let hot { try pipeline.addHandler(HotLane(responder: hot, clock: clock)) }
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try pipeline.addHandler(FileRegionHandler())
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
