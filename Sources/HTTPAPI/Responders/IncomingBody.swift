// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOCore

/// Why a request body could not be read to its end.
enum IncomingBodyError: Error {
    /// The client closed, or sent fewer bytes than it declared.
    case brokenOff
    /// More than the endpoint accepts.
    case tooLarge(limit: Int)
}

/// A request's body, read once, in order, with the client's declared length checked against what arrives.
struct IncomingBody {
    /// The `Content-Length`, where there is one.
    let declaredLength: Int64?
    private(set) var received: Int64 = 0
    private(set) var finished: Bool
    /// Whether the body ended before its end: then nothing more can be read from the connection.
    private(set) var broken = false
    private var iterator: RequestBody.AsyncIterator?
    private let body: RequestBody
    private let channel: any Channel
    private var awaitsContinue: Bool
    /// How fast the client may send; reading waits accordingly.
    var pace: Pace?

    init(_ request: Request, channel: any Channel) {
        body = request.body
        self.channel = channel
        declaredLength = request.headers[.contentLength].flatMap { DecimalNumber.parse($0) }
        awaitsContinue = request.headers[.expect]?.lowercased() == "100-continue"
        finished = declaredLength == 0
    }

    /// The next piece, nil at the end.
    ///
    /// - Throws: `IncomingBodyError.brokenOff` when the client went away or sent less than it declared.
    mutating func next() async throws -> ByteBuffer? {
        guard !finished else { return nil }
        if awaitsContinue {
            awaitsContinue = false
            channel.triggerUserOutboundEvent(SendContinue(), promise: nil)
        }
        var reader = iterator ?? body.makeAsyncIterator()
        defer { iterator = reader }
        do {
            while let buffer = try await reader.next() {
                guard buffer.readableBytes > 0 else { continue }
                received += Int64(buffer.readableBytes)
                try await pace?.take(Int64(buffer.readableBytes))
                return buffer
            }
        } catch {
            finished = true
            broken = true
            throw IncomingBodyError.brokenOff
        }
        finished = true
        if let declaredLength, received < declaredLength {
            broken = true
            throw IncomingBodyError.brokenOff
        }
        return nil
    }

    /// The whole body as one buffer.
    ///
    /// - Throws: `IncomingBodyError.tooLarge` as soon as more than `limit` bytes were declared or arrived.
    mutating func collect(limit: Int) async throws -> ByteBuffer {
        if let declaredLength, declaredLength > limit { throw IncomingBodyError.tooLarge(limit: limit) }
        guard var whole = try await next() else { return ByteBuffer() }
        while var more = try await next() {
            guard received <= limit else { throw IncomingBodyError.tooLarge(limit: limit) }
            whole.writeBuffer(&more)
        }
        guard received <= limit else { throw IncomingBodyError.tooLarge(limit: limit) }
        return whole
    }

    /// Reads and drops what is left of a body that was refused, up to `HTTPLimits.refusedBody`.
    ///
    /// - Returns: Whether the end was reached, so that the connection can be used again.
    mutating func discard() async -> Bool {
        if awaitsContinue { return false }
        var dropped = 0
        do {
            while let buffer = try await next() {
                dropped += buffer.readableBytes
                if dropped > HTTPLimits.refusedBody { return false }
            }
        } catch {
            return false
        }
        return true
    }
}
