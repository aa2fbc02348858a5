// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOSSL

/// Makes the end of a TLS connection look like any other to the handlers behind it.
///
/// Clients often leave without the closing alert. Nothing is lost by that: messages of HTTP say their own length, so
/// that one cut short is noticed there (RFC 9112, section 9.8). And TLS cannot close the input alone, which is how the
/// framework cancels a connection: all of it is closed then.
final class TLSEndHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case NIOSSLError.uncleanShutdown = error { return }
        context.fireErrorCaught(error)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        context.close(mode: mode == .input ? .all : mode, promise: promise)
    }
}
