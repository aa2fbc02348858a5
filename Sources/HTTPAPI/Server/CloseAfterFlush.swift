// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore

/// Lets everything written reach the socket before the output is closed.
///
/// Where the client has ended its side already, closing the other one closes the whole connection at once, with what a
/// slow client has not taken yet. Only closing the output waits; a deadline, which closes everything, does not.
final class CloseAfterFlush: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .output = mode else {
            context.close(mode: mode, promise: promise)
            return
        }
        let flushed = context.eventLoop.makePromise(of: Void.self)
        flushed.futureResult.assumeIsolated().whenComplete { _ in context.close(mode: .output, promise: promise) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: flushed)
    }
}
