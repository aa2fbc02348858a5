// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTPTypes

/// Where a connection stands, as both of its deadline handlers see it. Confined to the connection's event loop.
final class ConnectionClock {
    enum Phase {
        /// Nothing of a next request has arrived.
        case idle
        /// A request head has begun.
        case head
        /// A request body is arriving.
        case body
        /// The request is complete; the answer is the server's to give.
        case answering
    }

    private let eventLoop: any EventLoop
    var phase = Phase.idle
    /// When the phase, or in `body` the current window, began.
    var since: NIODeadline
    var windowBytes = 0
    /// Whether the server has asked for more and not received it yet: only then is slowness the client's.
    var readPending = false
    /// Whether the server was seen not reading in the current window.
    var paused = false

    /// Time is that of the event loop, in whose hands a test has it.
    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        since = eventLoop.now
    }

    /// How long the phase, or in `body` the current window, has lasted.
    var elapsed: TimeAmount { eventLoop.now - since }

    func enter(_ next: Phase) {
        phase = next
        since = eventLoop.now
        windowBytes = 0
        paused = false
    }
}

/// Notes the first byte of a request head. Stands before the HTTP/1 decoder.
final class FirstByteHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let clock: ConnectionClock

    init(clock: ConnectionClock) {
        self.clock = clock
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if clock.phase == .idle { clock.enter(.head) }
        context.fireChannelRead(data)
    }
}

/// Ends a connection whose client takes too long over a head, drips its body, or has nothing more to say.
///
/// One timer a connection looks at timestamps every `HTTPLimits.deadlineTick`, so a request costs no timer of its own.
/// Time in which the server itself was not reading (back-pressure of a slow disk) never counts against a client.
final class DeadlineHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let clock: ConnectionClock
    private let isStream: Bool
    private var tick: RepeatedTask?
    private var answered = false

    init(clock: ConnectionClock, isStream: Bool) {
        self.clock = clock
        self.isStream = isStream
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let view = NIOLoopBound(self, eventLoop: context.eventLoop)
        let channel = context.channel
        tick = context.eventLoop.scheduleRepeatedTask(
            initialDelay: HTTPLimits.deadlineTick,
            delay: HTTPLimits.deadlineTick
        ) { _ in
            if view.value.isOverdue() { channel.close(promise: nil) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        tick?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        tick?.cancel()
        context.fireChannelInactive()
    }

    func read(context: ChannelHandlerContext) {
        clock.readPending = true
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            answered = false
            clock.enter(.body)
        case .body(let bytes):
            clock.windowBytes += bytes.readableBytes
            clock.readPending = false
        case .end:
            clock.enter(answered ? .idle : .answering)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            answered = true
            if clock.phase == .answering { clock.enter(.idle) }
        }
        context.write(data, promise: promise)
    }

    private func isOverdue() -> Bool {
        let elapsed = clock.elapsed
        switch clock.phase {
        case .idle: return !isStream && elapsed > HTTPLimits.idleDeadline
        case .head: return elapsed > HTTPLimits.headerDeadline
        case .answering: return false
        case .body:
            if !clock.readPending { clock.paused = true }
            guard elapsed > HTTPLimits.bodyWindow else { return false }
            let starved = !clock.paused && clock.windowBytes < HTTPLimits.bodyWindowBytes
            clock.enter(.body)
            return starved
        }
    }
}
