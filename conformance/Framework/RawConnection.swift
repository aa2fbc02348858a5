// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOPosix
import Synchronization

/// A conversation in bytes over one TCP connection, for what an HTTP client would tidy up: requests are sent as
/// written, and answers are read one by one, interim ones included.
///
/// Used by one task at a time. It ends, and every wait in it, after the seconds it is opened for.
final class RawConnection {
    private let channel: any Channel
    private let arrivals: AsyncStream<ByteBuffer>
    private var iterator: AsyncStream<ByteBuffer>.AsyncIterator
    private var received: [UInt8] = []
    private(set) var isAtEnd = false
    /// What was asked last, for messages.
    private var request: Request

    private let deadline: Deadline

    private init(channel: any Channel, arrivals: AsyncStream<ByteBuffer>, deadline: Deadline) {
        self.channel = channel
        self.deadline = deadline
        self.arrivals = arrivals
        self.iterator = arrivals.makeAsyncIterator()
        self.request = Request(method: "(none)", target: "")
    }

    /// Connects. The caller closes.
    static func open(_ locator: Locator, seconds: Int) async throws -> RawConnection {
        let (stream, continuation) = AsyncStream<ByteBuffer>.makeStream()
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(Int64(seconds)))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ArrivalHandler(continuation))
                }
            }
            .connect(host: locator.host, port: locator.port)
            .get()
        let deadline = Deadline()
        channel.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
            deadline.isOver.store(true, ordering: .releasing)
            channel.close(promise: nil)
        }
        return RawConnection(channel: channel, arrivals: stream, deadline: deadline)
    }

    func close() async {
        try? await channel.close()
    }

    /// Sends bytes as they are. A peer that has closed is noticed when its answer is read.
    func send(_ bytes: [UInt8]) async {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// Sends a header section, and remembers the request for messages.
    func send(_ head: RawHead, body: [UInt8] = []) async {
        request = Request(method: head.method, target: head.target, headers: head.headers, body: .bytes(body))
        await send(Array(head.text.utf8) + body)
    }

    /// Sends a header section and a body in as many pieces as they have bytes.
    func sendBytewise(_ head: RawHead, body: [UInt8]) async {
        request = Request(method: head.method, target: head.target, headers: head.headers, body: .bytes(body))
        for byte in Array(head.text.utf8) + body {
            await send([byte])
        }
    }

    /// The next final answer. Interim answers before it are passed over.
    func response(to method: String) async throws -> Response {
        for _ in 0..<Limits.interimAnswers {
            let response = try await anyResponse(to: method)
            if !(100...199).contains(response.status) {
                return response
            }
        }
        throw failure(expected: "a final answer", received: "\(Limits.interimAnswers) interim answers")
    }

    /// The next answer, which may be an interim one.
    func anyResponse(to method: String) async throws -> Response {
        let parser = RawResponseParser(method: method)
        while true {
            if let (response, length) = try parser.parse(received, isAtEnd: isAtEnd, request: request) {
                received.removeFirst(length)
                return response
            }
            guard !isAtEnd else {
                let beginning = String(decoding: received.prefix(Limits.quotedBodyBytes), as: UTF8.self)
                throw failure(expected: "an answer", received: "end of the connection after: \(beginning)")
            }
            await receive()
        }
    }

    /// The beginning of a body of which more is to come: the header section is read, the rest is left unread.
    func partOfBody(atLeast count: Int) async throws -> [UInt8] {
        while !isAtEnd {
            if let end = received.firstRange(of: Array("\r\n\r\n".utf8)), received.count - end.upperBound >= count {
                return Array(received[end.upperBound...])
            }
            await receive()
        }
        throw failure(expected: "\(count) bytes of a body", received: "end of the connection")
    }

    /// All that the server still sends until it closes. A server that leaves the connection open fails.
    func remainder() async throws -> [UInt8] {
        while !isAtEnd {
            await receive()
        }
        guard !deadline.isOver.load(ordering: .acquiring) else {
            throw failure(expected: "the end of the connection", received: "a connection that stays open")
        }
        return received
    }

    private func receive() async {
        var iterator = self.iterator
        let buffer = await iterator.next()
        self.iterator = iterator
        if let buffer {
            received.append(contentsOf: buffer.readableBytesView)
        }
        isAtEnd = buffer == nil || received.count > Limits.responseBodyBytes
    }

    func failure(expected: String, received: String) -> CheckFailure {
        let response = Response(request: request, status: 0, headers: [:], body: [])
        return CheckFailure(expected: expected, received: received, response: response)
    }
}

/// Whether a conversation was ended because it took too long, and not by the server.
private final class Deadline: Sendable {
    let isOver = Atomic(false)
}

/// Hands what arrives to the one who reads the conversation, and its end as the stream's end.
private final class ArrivalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(_ continuation: AsyncStream<ByteBuffer>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        continuation.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// A request line and header section, as they go on the wire.
struct RawHead: Sendable {
    let method: String
    let target: String
    var version = "HTTP/1.1"
    let headers: Headers

    var text: String {
        let fields = headers.fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        return "\(method) \(target) \(version)\r\n\(fields)\r\n"
    }
}

extension Session {
    /// A conversation on a raw socket, which ends with the closure.
    func raw<Result>(_ body: (RawConnection) async throws -> Result) async throws -> Result {
        guard locator.scheme == "http" else {
            throw NotApplicable(reason: "checks on a raw socket need an http:// URL")
        }
        let connection: RawConnection
        do {
            connection = try await RawConnection.open(locator, seconds: min(transport.seconds, Limits.rawSeconds))
        } catch {
            throw CheckFailure(expected: "a TCP connection", received: "\(error)", response: nil)
        }
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    /// A header section with Host and credentials.
    func rawHead(_ method: String, _ target: String, _ headers: Headers = [:], version: String = "HTTP/1.1")
        async -> RawHead
    {
        let host: Headers = ["Host": locator.authority]
        let credentials = await self.credentials(for: target)
        let all = host.adding(credentials).adding(headers)
        return RawHead(method: method, target: target, version: version, headers: all)
    }

    /// What the registry asks for of a request for this target, which may be an absolute URL.
    func credentials(for target: String) async -> Headers {
        let path = locator.resolve(target, against: "/")
        return Headers(await transport.authorizer.fields(for: path, through: transport))
    }

    /// Notes what an exchange on a raw socket has made, so that it is cleaned up.
    func note(_ response: Response) async {
        await transport.cleaner.observe(response, locator: locator)
    }
}
