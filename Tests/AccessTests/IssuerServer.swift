// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A small HTTP server on loopback that publishes what a test tells it to.
final class IssuerServer: Sendable {
    struct Answer: Sendable {
        var status = "200 OK"
        var headers: [String] = []
        var body: [UInt8]

        static func json(_ object: [String: Any]) throws -> Answer {
            Answer(body: Array(try JSONSerialization.data(withJSONObject: object)))
        }

        static let none = Answer(status: "404 Not Found", body: [])
    }

    let url: String
    private let channel: any Channel
    private let state: Shared

    fileprivate final class Shared: Sendable {
        let answers = Mutex<[String: Answer]>([:])
        let asked = Mutex<[String]>([])
    }

    private init(channel: any Channel, state: Shared) {
        self.channel = channel
        self.state = state
        url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    static func with(_ body: (IssuerServer) async throws -> Void) async throws {
        let state = Shared()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(state)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = IssuerServer(channel: channel, state: state)
        do {
            try await body(server)
        } catch {
            try? await channel.close()
            throw error
        }
        try await channel.close()
    }

    /// What a path is answered from now on.
    func publish(_ answer: Answer, at path: String) { state.answers.withLock { $0[path] = answer } }

    /// The paths that were asked for, in order.
    var asked: [String] { state.asked.withLock { $0 } }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let state: Shared
        private var head = ""

        init(_ state: Shared) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            head += String(buffer: unwrapInboundIn(data))
            guard head.hasSuffix("\r\n\r\n") else { return }
            let path = String(head.split(separator: " ").dropFirst().first ?? "")
            head = ""
            state.asked.withLock { $0.append(path) }
            let answer = state.answers.withLock { $0[path] } ?? .none
            let lines =
                ["HTTP/1.1 \(answer.status)", "Content-Length: \(answer.body.count)", "Connection: close"]
                + answer.headers + ["", ""]
            var buffer = context.channel.allocator.buffer(capacity: answer.body.count + 256)
            buffer.writeString(lines.joined(separator: "\r\n"))
            buffer.writeBytes(answer.body)
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
