// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Sends ordinary requests and gives every answer as it came: nothing is decoded, and a redirect is followed only for
/// a GET or HEAD, where the specification lets a registry send clients elsewhere.
struct Transport: Sendable {
    let locator: Locator
    let authorizer: Authorizer
    let cleaner: Cleaner
    let seconds: Int
    private let client: HTTPClient

    init(locator: Locator, authorizer: Authorizer, cleaner: Cleaner, seconds: Int, client: HTTPClient) {
        self.locator = locator
        self.authorizer = authorizer
        self.cleaner = cleaner
        self.seconds = seconds
        self.client = client
    }

    /// A client that neither follows redirects nor decompresses, nor keeps a connection for long.
    static func makeClient() -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = .seconds(20)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Limits.jobs
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// The answer to a request, with credentials added where the registry asks for them.
    func send(_ request: Request) async throws(TransportFailure) -> Response {
        var request = request
        if locator.isLocal(request.target) {
            for field in await authorizer.fields(for: request.target, through: self) {
                request.headers.add(field.name, field.value)
            }
        }
        let response = try await exchange(request)
        await cleaner.observe(response, locator: locator)
        return response
    }

    /// As `send`, without credentials and without being noticed by the cleaner.
    func exchange(_ request: Request) async throws(TransportFailure) -> Response {
        var current = request
        for _ in 0...Limits.redirects {
            let response = try await exchangeAgainIfCut(current)
            guard ["GET", "HEAD"].contains(request.method), [301, 302, 303, 307, 308].contains(response.status),
                let location = response.headers["Location"]
            else {
                return Response(
                    request: request,
                    status: response.status,
                    headers: response.headers,
                    body: response.body
                )
            }
            let target = locator.resolve(location, against: current.target)
            let keepsCredentials = locator.isLocal(target)
            current = Request(
                method: request.method,
                target: target,
                headers: keepsCredentials ? current.headers : current.headers.without("Authorization")
            )
        }
        throw TransportFailure(request: request, reason: "more than \(Limits.redirects) redirects")
    }

    /// A GET or HEAD is sent a second time if the first found its connection cut, which a server may do to one that
    /// has been idle. What changes the registry is sent once.
    private func exchangeAgainIfCut(_ request: Request) async throws(TransportFailure) -> Response {
        do {
            return try await exchangeOnce(request)
        } catch {
            guard ["GET", "HEAD"].contains(request.method) else { throw error }
            return try await exchangeOnce(request)
        }
    }

    private func exchangeOnce(_ request: Request) async throws(TransportFailure) -> Response {
        do {
            var outgoing = HTTPClientRequest(url: locator.url(request.target))
            outgoing.method = HTTPMethod(rawValue: request.method)
            for field in request.headers.fields {
                outgoing.headers.add(name: field.name, value: field.value)
            }
            switch request.body {
            case .none: break
            case .bytes(let bytes): outgoing.body = .bytes(ByteBuffer(bytes: bytes))
            case .chunked(let parts):
                let buffers = AsyncStream<ByteBuffer> { continuation in
                    parts.forEach { continuation.yield(ByteBuffer(bytes: $0)) }
                    continuation.finish()
                }
                outgoing.body = .stream(buffers, length: .unknown)
            }
            let incoming = try await client.execute(outgoing, timeout: .seconds(Int64(seconds)))
            let body = try await incoming.body.collect(upTo: Limits.responseBodyBytes)
            return Response(
                request: request,
                status: Int(incoming.status.code),
                headers: Headers(incoming.headers.map { Headers.Field(name: $0.name, value: $0.value) }),
                body: Array(body.readableBytesView)
            )
        } catch {
            throw TransportFailure(request: request, reason: "no answer: \(error)")
        }
    }
}

extension Headers {
    /// These fields but for those of one name.
    func without(_ name: String) -> Headers {
        Headers(fields.filter { $0.name.lowercased() != name.lowercased() })
    }
}
