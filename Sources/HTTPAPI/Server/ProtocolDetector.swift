// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore

/// Holds a new connection's first bytes back until they show whether the client opens with the HTTP/2 preface, then
/// builds the pipeline for what it speaks and hands those bytes on.
///
/// The decision needs at most 24 bytes, and falls at the first byte that differs from the preface, so an HTTP/1 request
/// is held back for one read only. A client that sends nothing is closed after `HTTPLimits.headerDeadline`.
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
        decided = true
        do {
            negotiated.succeed(try build(matches))
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
