// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

/// A connection whose event loop's time moves only when the test says so, with a server behind it that does as told.
private final class TimedConnection: Sendable {
    let channel: NIOAsyncTestingChannel
    /// What the server has seen of requests: `head`, then `read N` for each piece of a body.
    let seen = EventLog()
    private let serving: Task<Void, Never>

    enum Server: Sendable {
        /// Answers as soon as the head is there.
        case answers
        /// Reads the body to its end.
        case reads
        /// Takes the request and never reads.
        case ignores
    }

    init(_ server: Server) async throws {
        let channel = NIOAsyncTestingChannel()
        let seen = seen
        let registry = RegistryChannel(connectionLimits: ConnectionLimits()) { request, writer, _, _, _ in
            seen.add("head")
            switch server {
            case .answers:
                break
            case .reads:
                for try await buffer in request.body { seen.add("read \(buffer.readableBytes)") }
            case .ignores:
                try await channel.closeFuture.get()
            }
            try await writer.writeResponse(HTTPResponse(status: .noContent))
        }
        self.channel = channel
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        let pending = try await channel.testingEventLoop.executeInContext {
            registry.setup(channel: channel, logger: TestStore.silent)
        }.get()
        serving = Task { await registry.handle(value: pending, logger: TestStore.silent) }
        channel.read()
    }

    func send(_ text: String) async throws {
        try await channel.writeInbound(ByteBuffer(string: text))
        // What a socket does after each batch of reads.
        channel.read()
    }

    func receive() async throws -> String {
        var text = ""
        while !text.contains("\r\n\r\n") {
            text += String(buffer: try await channel.waitForOutboundWrite(as: ByteBuffer.self))
        }
        return text
    }

    func pass(_ time: TimeAmount) async { await channel.testingEventLoop.advanceTime(by: time) }

    var isOpen: Bool { channel.isActive }

    func close() async {
        try? await channel.close()
        await serving.value
    }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct DeadlineTests {
    private static let body = "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    private static let tick = HTTPLimits.deadlineTick

    private func with(
        _ server: TimedConnection.Server,
        _ body: (TimedConnection) async throws -> Void
    ) async throws {
        let connection = try await TimedConnection(server)
        do {
            try await body(connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    @Test(arguments: ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"])
    func aClientThatDoesNotSayWhatItSpeaksIsClosed(_ beginning: String) async throws {
        try await with(.answers) { connection in
            if !beginning.isEmpty { try await connection.send(beginning) }
            await connection.pass(HTTPLimits.headerDeadline - .milliseconds(1))
            #expect(connection.isOpen)
            await connection.pass(.milliseconds(1))
            #expect(!connection.isOpen)
        }
    }

    @Test func aHeadThatDripsIsClosed() async throws {
        try await with(.answers) { connection in
            try await connection.send("GET /x HTTP/1.1\r\n")
            for number in 0..<9 {
                await connection.pass(.seconds(1))
                try await connection.send("X-\(number): y\r\n")
                #expect(connection.isOpen)
            }
            await connection.pass(.seconds(1) + Self.tick)
            #expect(!connection.isOpen)
            #expect(connection.seen.all.isEmpty)
        }
    }

    @Test func anIdleConnectionIsClosedAndAUsedOneIsNot() async throws {
        try await with(.answers) { connection in
            for _ in 0..<3 {
                try await connection.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.receive().hasPrefix("HTTP/1.1 204 "))
                await connection.pass(HTTPLimits.idleDeadline - .seconds(1))
                #expect(connection.isOpen)
            }
            await connection.pass(.seconds(1) + Self.tick)
            #expect(!connection.isOpen)
        }
    }

    @Test func theSecondHeadHasItsDeadlineToo() async throws {
        try await with(.answers) { connection in
            try await connection.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await connection.receive()
            await connection.pass(.seconds(50))
            try await connection.send("GET /x HT")
            await connection.pass(HTTPLimits.headerDeadline - .seconds(1))
            #expect(connection.isOpen)
            await connection.pass(.seconds(1) + Self.tick)
            #expect(!connection.isOpen)
        }
    }

    @Test func aBodyThatDripsIsEnded() async throws {
        try await with(.reads) { connection in
            try await connection.send(Self.body)
            await connection.seen.wait { $0 == "head" }
            for _ in 0..<6 {
                try await connection.send("0123456789")
                await connection.seen.wait { $0 == "read 10" }
                await connection.pass(.seconds(4))
                #expect(connection.isOpen)
            }
            await connection.pass(.seconds(6) + Self.tick)
            #expect(!connection.isOpen)
        }
    }

    @Test func aBodyThatComesFastEnoughIsNot() async throws {
        try await with(.reads) { connection in
            try await connection.send(Self.body)
            await connection.seen.wait { $0 == "head" }
            let piece = String(repeating: "x", count: HTTPLimits.bodyWindowBytes)
            for _ in 0..<4 {
                try await connection.send(piece)
                await connection.seen.wait { $0 == "read \(piece.utf8.count)" }
                await connection.pass(HTTPLimits.bodyWindow + Self.tick)
                #expect(connection.isOpen)
            }
        }
    }

    @Test func aServerThatDoesNotReadBlamesNobody() async throws {
        try await with(.ignores) { connection in
            try await connection.send(Self.body)
            await connection.seen.wait { $0 == "head" }
            for _ in 0..<20 { try await connection.send("0123456789") }
            await connection.pass(HTTPLimits.bodyWindow + HTTPLimits.bodyWindow + Self.tick)
            #expect(connection.isOpen)
        }
    }

    @Test func aRequestThatIsBeingAnsweredHasAllTheTimeItNeeds() async throws {
        try await with(.ignores) { connection in
            try await connection.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            await connection.seen.wait { $0 == "head" }
            await connection.pass(.hours(1))
            #expect(connection.isOpen)
        }
    }
}
