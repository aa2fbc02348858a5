// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import OCI

/// Refuses, with an answer that says why, what the HTTP/1 decoder lets through or fails on: shapes on which two
/// implementations may disagree where a message ends or whom it is for (RFC 9112, sections 3.2, 6.1 and 6.3).
///
/// A refused connection is closed. Its remaining input is read and dropped for a moment first, so that the client gets
/// to see the answer and not a reset.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private struct Refusal {
        let status: HTTPResponseStatus
        let message: String
    }

    private var answersOwed = 0
    /// Whether a request's head has been passed on and its end has not.
    private var inRequest = false
    private var refused = false
    /// What to refuse the rest of the input with, once the answers to what came before it are written.
    private var pending: Refusal?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !refused, pending == nil else { return }
        guard case .head(var head) = unwrapInboundIn(data) else {
            if case .end = unwrapInboundIn(data) { inRequest = false }
            context.fireChannelRead(data)
            return
        }
        head.uri = Self.originForm(head.uri)
        if let refusal = Self.check(head) {
            refuseInOrder(context: context, refusal)
            return
        }
        if !head.isKeepAlive { head.headers.replaceOrAdd(name: "connection", value: "close") }
        answersOwed += 1
        inRequest = true
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        guard case .end = unwrapOutboundIn(data) else { return }
        answersOwed -= 1
        if let pending, answersOwed == 0 { refuse(context: context, pending) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !refused else { return }
        guard error is HTTPParserError, !inRequest else {
            // Whoever reads that request's body hears of it there.
            context.fireErrorCaught(error)
            return
        }
        let isOverflow = (error as? HTTPParserError) == .headerOverflow
        refuseInOrder(
            context: context,
            isOverflow
                ? Refusal(
                    status: .requestHeaderFieldsTooLarge,
                    message:
                        "the request head is over \(HTTPLimits.headerList) bytes or \(HTTPLimits.headerFields) fields"
                )
                : Refusal(status: .badRequest, message: "the request is not valid HTTP/1.1: \(error)")
        )
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if refused, case ChannelEvent.inputClosed = event {
            context.close(promise: nil)
            return
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// The path and query of a target in absolute form, which servers have to accept (RFC 9112, section 3.2.2); its
    /// authority is not looked at, since one registry is served under every name.
    private static func originForm(_ target: String) -> String {
        guard target.utf8.first != UInt8(ascii: "/") else { return target }
        let lowered = target.prefix(8).lowercased()
        guard let scheme = ["http://", "https://"].first(where: lowered.hasPrefix) else { return target }
        let rest = target.dropFirst(scheme.count)
        guard let slash = rest.firstIndex(of: "/"), slash != rest.startIndex else { return target }
        return String(rest[slash...])
    }

    private static func check(_ head: HTTPRequestHead) -> Refusal? {
        let headers = head.headers
        if head.uri.utf8.count > HTTPLimits.requestTarget {
            return Refusal(
                status: .uriTooLong,
                message: "the request target is over \(HTTPLimits.requestTarget) bytes"
            )
        }
        guard head.uri.utf8.first == UInt8(ascii: "/") else {
            return Refusal(status: .badRequest, message: "the request target must be a path")
        }
        if head.uri.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7f || $0 == UInt8(ascii: "#") }) {
            return Refusal(status: .badRequest, message: "the request target holds a byte that must be percent-encoded")
        }
        if headers["host"].count != 1 && !(head.version.minor == 0 && headers["host"].isEmpty) {
            return Refusal(status: .badRequest, message: "exactly one Host header is required")
        }
        let lengths = headers["content-length"]
        let codings = headers["transfer-encoding"]
        if !codings.isEmpty {
            guard lengths.isEmpty else {
                return Refusal(
                    status: .badRequest,
                    message: "Content-Length and Transfer-Encoding exclude each other"
                )
            }
            guard codings.count == 1, codings[0].lowercased() == "chunked", head.version.minor > 0 else {
                return Refusal(status: .badRequest, message: "the only transfer coding understood is 'chunked'")
            }
        }
        if lengths.count > 1 {
            return Refusal(status: .badRequest, message: "more than one Content-Length")
        }
        if let length = lengths.first, DecimalNumber.parse(length) == nil {
            return Refusal(status: .badRequest, message: "Content-Length is not a number of bytes below 10^18")
        }
        return nil
    }

    private func refuseInOrder(context: ChannelHandlerContext, _ refusal: Refusal) {
        if answersOwed == 0 {
            refuse(context: context, refusal)
        } else {
            pending = refusal
        }
    }

    private func refuse(context: ChannelHandlerContext, _ refusal: Refusal) {
        refused = true
        let body = ErrorBody.encode([.init(code: .unsupported, message: refusal.message)])
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: "application/json")
        headers.add(name: "Content-Length", value: String(body.count))
        headers.add(name: "Connection", value: "close")
        let head = HTTPResponseHead(version: .http1_1, status: refusal.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
        context.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if refused {
            context.read()
        } else {
            context.fireChannelReadComplete()
        }
    }
}
