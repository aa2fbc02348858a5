// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// How requests get to the receiver of telemetry.
package struct TelemetryTransport: Sendable {
    package struct Request: Sendable {
        package let url: String
        package let headers: [(String, Secret<String>)]
        package let body: [UInt8]
    }

    package struct Answer: Sendable {
        package let status: Int
        /// Seconds that the receiver wants to be left alone for.
        package let retryAfter: Int64?

        package init(status: Int, retryAfter: Int64? = nil) {
            self.status = status
            self.retryAfter = retryAfter
        }
    }

    /// One attempt. Throws where there is no answer in time.
    package let post: @Sendable (Request) async throws -> Answer
    package let close: @Sendable () async -> Void

    package init(
        post: @escaping @Sendable (Request) async throws -> Answer,
        close: @escaping @Sendable () async -> Void = {}
    ) {
        self.post = post
        self.close = close
    }

    /// Over the network. These requests are never part of a trace, and follow no redirect.
    package static func live() -> TelemetryTransport {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5), read: .seconds(10))
        )
        configuration.tracing.tracer = nil
        configuration.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        return TelemetryTransport { request in
            var message = HTTPClientRequest(url: request.url)
            message.method = .POST
            for (name, value) in request.headers { message.headers.replaceOrAdd(name: name, value: value.reveal()) }
            message.body = .bytes(ByteBuffer(bytes: request.body))
            let seconds = TelemetryLimits.requestTimeout.components.seconds
            let response = try await client.execute(message, timeout: .seconds(seconds))
            // Read to its end, or the connection could not be used again.
            _ = try? await response.body.collect(upTo: TelemetryLimits.answerBytes)
            return Answer(
                status: Int(response.status.code),
                retryAfter: response.headers.first(name: "Retry-After").flatMap { Int64($0) }
            )
        } close: {
            try? await client.shutdown()
        }
    }
}
