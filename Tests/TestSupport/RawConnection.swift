// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore
import NIOPosix

/// A connection on which a test says each byte itself.
package final class RawConnection {
    private var input: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let output: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let channel: any Channel
    private var buffered = ByteBuffer()

    private init(
        _ input: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ output: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        _ channel: any Channel
    ) {
        self.input = input.makeAsyncIterator()
        self.output = output
        self.channel = channel
    }

    /// Connects, and closes the connection when the test is done with it. `prepare` adds handlers of the test's own.
    package static func with<Result: Sendable>(
        port: Int,
        prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
        _ body: (RawConnection) async throws -> Result
    ) async throws -> Result {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try prepare(channel)
                return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(isOutboundHalfClosureEnabled: true)
                )
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(RawConnection(inbound, outbound, channel.channel))
        }
    }

    package func send(_ text: String) async throws { try await output.write(ByteBuffer(string: text)) }
    package func send(_ bytes: [UInt8]) async throws { try await output.write(ByteBuffer(bytes: bytes)) }

    /// Ends this side, so that the server reads the end of the stream.
    package func finish() { output.finish() }

    /// Breaks the connection off.
    package func abort() async throws { try await channel.close() }

    /// The next bytes up to and including a mark.
    ///
    /// - Throws: `Ended` when the connection ends first.
    package func receive(through mark: String) async throws -> String {
        while true {
            let text = String(buffer: buffered)
            if let range = text.firstRange(of: mark) {
                let result = String(text[..<range.upperBound])
                buffered.moveReaderIndex(forwardBy: result.utf8.count)
                return result
            }
            guard var more = try await input.next() else { throw Ended(received: text) }
            buffered.writeBuffer(&more)
        }
    }

    package func receive(_ count: Int) async throws -> [UInt8] {
        while buffered.readableBytes < count {
            guard var more = try await input.next() else { throw Ended(received: String(buffer: buffered)) }
            buffered.writeBuffer(&more)
        }
        return buffered.readBytes(length: count) ?? []
    }

    /// A response with the body that its `Content-Length` says.
    package func receiveResponse(bodyFollows: Bool = true) async throws -> (head: String, body: [UInt8]) {
        let head = try await receive(through: "\r\n\r\n")
        guard bodyFollows,
            let line = head.split(separator: "\r\n").first(where: { $0.lowercased().hasPrefix("content-length:") }),
            let length = Int(line.dropFirst(15).filter(\.isNumber))
        else { return (head, []) }
        return (head, try await receive(length))
    }

    /// Everything until the server ends the connection, whether in order or with a reset.
    package func receiveToEnd() async -> String {
        do {
            while var more = try await input.next() { buffered.writeBuffer(&more) }
        } catch {
            // A reset ends a connection too.
        }
        return String(buffer: buffered)
    }

    package struct Ended: Error, CustomStringConvertible {
        package let received: String
        package var description: String { "the connection ended after \(received.utf8.count) bytes" }
    }
}
