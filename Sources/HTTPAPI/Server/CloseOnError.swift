// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP2

/// Closes an HTTP/2 connection after an error of the connection itself (RFC 9113, section 5.4.1). The codec has sent
/// its GOAWAY by then and leaves the closing to the end of the pipeline, where this handler stands. What it cannot
/// tell from such an error, a stream on which the client broke the protocol, ends the connection too.
final class CloseOnError: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOHTTP2Errors.StreamError { return }
        context.close(promise: nil)
    }
}
