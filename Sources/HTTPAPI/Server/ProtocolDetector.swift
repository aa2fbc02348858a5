// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOTLS

/// Finds out what a new connection speaks, then builds the pipeline for it.
///
/// Over TLS the handshake says it (ALPN, RFC 7301). Where there is none, or it names no protocol, the first bytes are
/// held back until they show whether the client opens with the HTTP/2 preface: at most 24, and no more than up to the
/// first that differs, so an HTTP/1 request is held back for one read only. A client that has not said enough by
/// `HTTPLimits.headerDeadline`, or not finished its handshake, is closed.
final class ProtocolDetector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let negotiated: EventLoopPromise<NegotiatedConnection>
    private let build: (_ isHTTP2: Bool) throws -> NegotiatedConnection
    private var held = ByteBuffer()
    private var decided = false
    private var deadline: Scheduled<Void>?

    init(
        negotiated: EventLoopPromise<NegotiatedConnection>,
        build: @escaping (_ isHTTP2: Bool) throws -> NegotiatedConnection
    ) {
        self.negotiated = negotiated
        self.build = build
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: HTTPLimits.headerDeadline) {
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        guard held.readableBytes > 0 else { return }
        context.fireChannelRead(wrapInboundOut(held))
        context.fireChannelReadComplete()
        held.clear()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        held.writeBuffer(&bytes)
        guard !decided else { return }
        let view = held.readableBytesView
        let compared = min(view.count, Self.preface.count)
        let matches = view.prefix(compared).elementsEqual(Self.preface.prefix(compared))
        if matches && compared < Self.preface.count { return }
        decide(isHTTP2: matches, context)
    }

    private func decide(isHTTP2: Bool, _ context: ChannelHandlerContext) {
        decided = true
        do {
            negotiated.succeed(try build(isHTTP2))
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        } catch {
            negotiated.fail(error)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.inputClosed)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted(negotiatedProtocol: let name?) where !decided:
            decide(isHTTP2: name == "h2", context)
        case is ChannelShouldQuiesceEvent where !decided:
            context.close(promise: nil)
        case ChannelEvent.inputClosed where !decided:
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !decided else {
            context.fireErrorCaught(error)
            return
        }
        fail(error)
        context.close(promise: nil)
    }

    private func fail(_ error: any Error) {
        guard !decided else { return }
        decided = true
        negotiated.fail(error)
    }
}
