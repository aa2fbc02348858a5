// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import HTTPAPI
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import ServiceLifecycle
import Synchronization
import TestSupport

/// An authority, a server certificate of it in files, and the context that serves it.
struct TLSFixture {
    let directory: TemporaryDirectory
    let authority: CertificateAuthority
    let context: TLSContext

    init(clientCA: CertificateAuthority? = nil) throws {
        directory = try TemporaryDirectory()
        authority = try CertificateAuthority("server authority")
        try authority.issue().write(to: directory)
        if let clientCA { try directory.write(Array(clientCA.pem.utf8), to: "clients.pem") }
        context = try Self.load(directory, clientCA: clientCA != nil)
    }

    static func load(_ directory: TemporaryDirectory, clientCA: Bool = false) throws -> TLSContext {
        try TLSContext(
            TLSSettings(
                certificate: directory.path + "/server.pem",
                key: directory.path + "/server.key",
                clientCA: clientCA ? directory.path + "/clients.pem" : nil
            ),
            now: { Int64(Date().timeIntervalSince1970) }
        )
    }
}

/// The client's side of TLS.
struct TLSClient {
    let port: Int
    let authority: CertificateAuthority
    var protocols = ["http/1.1"]
    var credentials: CertificateAuthority.Issued?

    /// Connects, and hands over the connection and a closure that tells the protocol negotiated once there was a
    /// handshake.
    func with<Result: Sendable>(
        _ body: (RawConnection, () -> String?) async throws -> Result
    ) async throws -> Result {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.pem.utf8)))
        configuration.applicationProtocols = protocols
        if let credentials {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(credentials.certificatePEM.utf8))
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(
                try NIOSSLPrivateKey(bytes: Array(credentials.keyPEM.utf8), format: .pem)
            )
        }
        let context = try NIOSSLContext(configuration: configuration)
        let negotiated = Negotiated()
        let prepare: @Sendable (any Channel) throws -> Void = { channel in
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
            try pipeline.addHandler(HandshakeObserver(negotiated))
        }
        return try await RawConnection.with(port: port, prepare: prepare) { connection in
            try await body(connection) { negotiated.name.withLock { $0 } }
        }
    }

    /// The body of an answer to one HTTP/1.1 request.
    func get(_ path: String = "/") async throws -> String {
        try await with { connection, _ in try await connection.get(path) }
    }

    private final class Negotiated: Sendable {
        let name = Mutex<String?>(nil)
    }

    private final class HandshakeObserver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let negotiated: Negotiated

        init(_ negotiated: Negotiated) { self.negotiated = negotiated }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSUserEvent.handshakeCompleted(let name) = event { negotiated.name.withLock { $0 = name } }
            context.fireUserInboundEventTriggered(event)
        }
    }
}

extension RawConnection {
    /// The body of an answer to one HTTP/1.1 request on this connection.
    func get(_ path: String = "/") async throws -> String {
        try await send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return String(decoding: try await receiveResponse().body, as: UTF8.self)
    }
}

/// A server that answers every request with what it was told of the transport and the peer, and `/large` with `large`.
enum PeerServer {
    static let large = Sample.large(20 * 1024 * 1024)
    struct NotRunning: Error {}

    static func with<Result: Sendable>(
        tls: TLSContext? = nil,
        limits: ConnectionLimits = ConnectionLimits(),
        _ body: (_ port: Int) async throws -> Result
    ) async throws -> Result {
        let channel = RegistryChannel(tls: tls, connectionLimits: limits) { request, writer, _, transport, peer in
            if request.head.path == "/large" {
                var rest = large
                let head = HTTPResponse(status: .ok, headerFields: [.contentLength: "\(rest.readableBytes)"])
                var body: any ResponseBodyWriter = try await writer.writeHead(head)
                while let chunk = rest.readSlice(length: min(rest.readableBytes, HTTPLimits.readChunk)),
                    chunk.readableBytes > 0
                {
                    try await body.write(chunk)
                }
                try await body.finish(nil)
                return
            }
            let facts = [
                "\(transport)", request.head.scheme ?? "-", peer.address ?? "-", "tls=\(peer.isTLS)",
                peer.certificateNames.joined(separator: ","),
            ]
            let text = ByteBuffer(string: facts.joined(separator: " "))
            let head = HTTPResponse(status: .ok, headerFields: [.contentLength: "\(text.readableBytes)"])
            try await writer.write(response: head, body: ResponseBody(byteBuffer: text))
        }
        let running = AsyncStream<Int>.makeStream()
        let server = channel.server(
            configuration: ServerConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { running.continuation.yield($0.localAddress?.port ?? 0) },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let group = ServiceGroup(services: [server], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let task = Task {
            defer { running.continuation.finish() }
            try await group.run()
        }
        var ports = running.stream.makeAsyncIterator()
        guard let port = await ports.next() else { throw NotRunning() }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(port))
        } catch {
            result = .failure(error)
        }
        await group.triggerGracefulShutdown()
        try await task.value
        return try result.get()
    }
}
