// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import Registry

/// Answers requests for manifests that were asked for before, on the event loop and without a task: what a client or a
/// load balancer asks for a thousand times a second then costs no more than its bytes.
///
/// Stands before everything that knows of requests but the guard. What it cannot answer at once passes on untouched,
/// and so does every request that follows one whose answer is still owed: answers keep their order.
final class HotLane: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let responder: Responder
    private let peer: Peer
    private let clock: ConnectionClock
    /// Requests passed on whose answers have not gone out.
    private var owed = 0
    /// The request whose end has to come before its answer goes.
    private var pending: (head: HTTPRequestHead, key: HotAnswers.Key)?
    private var hasWritten = false
    /// Whether the connection is to end: then nothing new is answered here.
    private var isQuiescing = false

    init(responder: Responder, peer: Peer, clock: ConnectionClock) {
        self.responder = responder
        self.peer = peer
        self.clock = clock
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if owed == 0, !isQuiescing, context.channel.isWritable, let key = responder.hotKey(head, from: peer) {
                pending = (head, key)
            } else {
                owed += 1
                context.fireChannelRead(data)
            }
        case .body:
            // Only a request without a body is held back.
            passOn(context)
            context.fireChannelRead(data)
        case .end:
            if let (head, key) = pending, answer(head, key, context) { return }
            passOn(context)
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if hasWritten {
            hasWritten = false
            context.flush()
        }
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { owed -= 1 }
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { isQuiescing = true }
        context.fireUserInboundEventTriggered(event)
    }

    /// Hands a head that was held back to the ordinary way.
    private func passOn(_ context: ChannelHandlerContext) {
        guard let (head, _) = pending else { return }
        pending = nil
        owed += 1
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// - Returns: Whether it was answered.
    private func answer(_ head: HTTPRequestHead, _ key: HotAnswers.Key, _ context: ChannelHandlerContext) -> Bool {
        let start = ContinuousClock.now
        guard let found = responder.hotAnswer(key, from: peer) else { return false }
        pending = nil
        responder.notePull(found, isHead: head.method == .HEAD)
        let requestID = responder.requestIDs.id(for: nil)
        let response = HTTPResponseHead(
            version: .http1_1,
            status: .ok,
            headers: responder.hotHeaders(found, requestID: requestID)
        )
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        if head.method == .GET {
            context.write(wrapOutboundOut(.body(.byteBuffer(found.manifest.bytes))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        hasWritten = true
        clock.enter(.idle)
        responder.recordHot(head, found, requestID: requestID, elapsed: ContinuousClock.now - start)
        return true
    }
}
