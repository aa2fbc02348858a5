// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore

/// Tells a client that speaks HTTP without TLS what is wrong, which the alert that it would get otherwise does not.
///
/// Stands before TLS and looks at one byte: TLS opens with a record of type 22 (RFC 8446, section 5.1), a request with
/// the first letter of its method.
final class PlaintextGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let message = "This port speaks HTTPS; begin the address with https://\n"
    private static let answer = """
        HTTP/1.1 400 Bad Request\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Length: \(message.utf8.count)\r
        Connection: close\r
        \r
        \(message)
        """

    private var refused = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !refused else { return }
        let first = unwrapInboundIn(data).readableBytesView.first
        guard let first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) else {
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
            return
        }
        refused = true
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: Self.answer)), promise: nil)
        context.close(promise: nil)
    }
}
