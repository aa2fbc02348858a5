// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOHTTP1
import NIOPosix
import RegistryClient
import Synchronization

/// A request as the double received it.
struct DoubleRequest: Sendable {
    let method: HTTPMethod
    /// Path and query.
    let target: String
    let headers: HTTPHeaders
    let body: [UInt8]

    var path: String { String(target.prefix { $0 != "?" }) }

    subscript(name: String) -> String? { headers.first(name: name) }
}

/// What the double does with a request.
enum DoubleReply: Sendable {
    case answer(status: Int, headers: [(String, String)] = [], body: [UInt8] = [])
    /// A body without `Content-Length`, ended in order.
    case chunked([UInt8])
    /// Promises all of the body, sends a part of it, and closes the connection.
    case cut(status: Int, headers: [(String, String)] = [], body: [UInt8], after: Int)
    /// Promises all of the body, sends a part of it, and then nothing.
    case stall(status: Int, headers: [(String, String)] = [], body: [UInt8], after: Int)
    /// Closes the connection without an answer.
    case drop

    static func status(_ status: Int, _ headers: [(String, String)] = []) -> DoubleReply {
        .answer(status: status, headers: headers)
    }
}

/// An HTTP server on a free port of loopback whose every answer the test decides.
final class DoubleServer: Sendable {
    private let received = Mutex<[DoubleRequest]>([])
    let port: Int
    private let channel: any Channel

    private init(channel: any Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    var authority: String { "127.0.0.1:\(port)" }
    var requests: [DoubleRequest] { received.withLock { $0 } }

    /// Runs a test with a server, and closes it whatever happens.
    static func with<Result>(
        _ answer: @escaping @Sendable (DoubleRequest) -> DoubleReply,
        _ body: (DoubleServer) async throws -> Result
    ) async throws -> Result {
        let box = ServerBox()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        DoubleHandler { request in
                            box.server.withLock { $0 }?.received.withLock { $0.append(request) }
                            return answer(request)
                        }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = DoubleServer(channel: channel)
        box.server.withLock { $0 = server }
        defer { box.server.withLock { $0 = nil } }
        do {
            let result = try await body(server)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    private final class ServerBox: Sendable {
        let server = Mutex<DoubleServer?>(nil)
    }
}

private final class DoubleHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: @Sendable (DoubleRequest) -> DoubleReply
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ answer: @escaping @Sendable (DoubleRequest) -> DoubleReply) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let part): body += part.readableBytesView
        case .end:
            guard let head else { return }
            let request = DoubleRequest(method: head.method, target: head.uri, headers: head.headers, body: body)
            reply(answer(request), isHead: head.method == .HEAD, context)
        }
    }

    private func reply(_ reply: DoubleReply, isHead: Bool, _ context: ChannelHandlerContext) {
        switch reply {
        case .answer(let status, let headers, let body):
            write(status, headers, length: body.count, isHead ? [] : body, context)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .chunked(let body):
            write(200, [], length: nil, body, context)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .cut(let status, let headers, let body, let count):
            write(status, headers, length: body.count, Array(body.prefix(count)), context)
            context.flush()
            context.close(promise: nil)
        case .stall(let status, let headers, let body, let count):
            write(status, headers, length: body.count, Array(body.prefix(count)), context)
            context.flush()
        case .drop:
            context.close(promise: nil)
        }
    }

    private func write(
        _ status: Int,
        _ fields: [(String, String)],
        length: Int?,
        _ body: [UInt8],
        _ context: ChannelHandlerContext
    ) {
        var headers = HTTPHeaders(fields)
        if let length { headers.add(name: "Content-Length", value: String(length)) }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        guard !body.isEmpty else { return }
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
    }
}
