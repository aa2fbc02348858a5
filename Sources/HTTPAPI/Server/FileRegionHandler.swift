// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Asks a connection to send a span of a file as the next part of the response body, without a copy through memory.
///
/// Triggered as an outbound user event by the body of a blob response; the event's promise is the write's.
struct SendFileRegion: Sendable {
    let region: FileRegion
}

/// The door through which a file region passes the codec that only knows byte buffers.
///
/// Stands behind `HTTP1ToHTTPServerCodec`, and writes the region at the codec's own place in the pipeline, where parts
/// are still those of HTTP/1 and the response encoder accepts regions. Present on cleartext HTTP/1.1 connections only:
/// TLS and HTTP/2 must never see a region.
final class FileRegionHandler: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = Never

    private static let cork = NIOBSDSocket.Option(rawValue: 3)
    private var codec: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        codec = try? context.pipeline.syncOperations.context(handlerType: HTTP1ToHTTPServerCodec.self)
    }

    /// TCP_CORK of tcp(7). A connection that is going away refuses it, and then nothing depends on it.
    private func setCork(_ isCorked: Bool, _ context: ChannelHandlerContext) {
        try? context.channel.syncOptions?.setOption(.tcpOption(Self.cork), value: isCorked ? 1 : 0)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        codec = nil
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let request = event as? SendFileRegion else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        guard let codec else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        // Full segments only, until the region is through: the kernel sends a region in pieces of a pipe, and would
        // wake the client for each.
        setCork(true, context)
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenComplete { _ in self.setCork(false, context) }
        let part = HTTPServerResponsePart.body(.fileRegion(request.region))
        codec.writeAndFlush(NIOAny(part), promise: written)
    }
}
