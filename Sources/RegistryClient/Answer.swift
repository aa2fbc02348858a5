// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import OCI

/// The head of a response, and its body while it comes.
struct Answer: Sendable {
    let status: Int
    let address: WebAddress
    private let headers: HTTPHeaders
    private let body: HTTPClientResponse.Body
    private let options: Transport.Options

    init(_ response: HTTPClientResponse, from address: WebAddress, _ options: Transport.Options) {
        status = Int(response.status.code)
        headers = response.headers
        body = response.body
        self.address = address
        self.options = options
    }

    /// The only field of a name; nil if there is none, or more.
    subscript(name: String) -> String? {
        let fields = headers[name]
        return fields.count == 1 ? fields[0] : nil
    }

    func fields(_ name: String) -> [String] { headers[name] }

    /// The body's length where the head tells it.
    var length: Int64? { self["Content-Length"].flatMap { Int64($0) } }

    /// Hands over the body piece by piece.
    ///
    /// - Throws: `.network` where it is cut short, stalls, or is slower than `Transport.Timeouts` allow; what the
    /// closure throws.
    func forEachPiece(_ work: (ByteBuffer) async throws(ClientError) -> Void) async throws(ClientError) {
        var rate = RateGuard(options.timeouts, start: options.now())
        var iterator = body.makeAsyncIterator()
        while true {
            let piece: ByteBuffer?
            do { piece = try await iterator.next() } catch { throw Transport.failure(error, address) }
            guard let piece else { return }
            guard rate.admits(piece.readableBytes, at: options.now()) else {
                throw ClientError(.network, "\(address.origin) sends too slowly", retry: .later)
            }
            try await work(piece)
            rate.restart(at: options.now())
        }
    }

    /// The whole body.
    ///
    /// - Parameters:
    ///   - limit: Bytes.
    ///   - excess: What more bytes mean, where the length was promised; nil for `.network`.
    /// - Returns: All bytes.
    /// - Throws: `excess` for more than `limit` bytes; what `forEachPiece` throws.
    func collect(limit: Int, excess: ClientError? = nil) async throws(ClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        try await forEachPiece { piece throws(ClientError) in
            guard bytes.count + piece.readableBytes <= limit else {
                throw excess ?? ClientError(.network, "\(address.origin) answers with more than \(limit) bytes")
            }
            bytes += piece.readableBytesView
        }
        return bytes
    }

    /// What an answer says that is no success.
    func failure(_ attempted: String) async -> ClientError {
        let body = try? await collect(limit: ClientLimits.errorBodyBytes)
        let report = body.flatMap { ErrorReport(parsing: $0) }
        let isText = self["Content-Type"]?.hasPrefix("text/plain") ?? false
        let plain = isText ? body.map { ": \(ParsingError.quotable(String(decoding: $0, as: UTF8.self)))" } : nil
        let reason = "\(attempted): \(address.origin) answers \(status)\(report?.text ?? plain ?? "")"
        switch status {
        case 404: return ClientError(.notFound, reason)
        case 403 where report?.isPolicy == true: return ClientError(.keptBack, reason)
        case 405, 409, 410, 412: return ClientError(.refused, reason)
        case 401, 403: return ClientError(.denied, reason)
        case 408, 429, 500, 502, 503, 504: return ClientError(.network, reason, retry: retryAfter)
        default: return ClientError(.network, reason)
        }
    }

    /// What `Retry-After` asks for in seconds; a date is taken as no wish.
    private var retryAfter: ClientError.Retry {
        guard let text = self["Retry-After"], let seconds = Int(text), seconds >= 0 else { return .later }
        return .after(seconds: seconds)
    }

    /// The target of a `Link` header whose relation is "next" (RFC 8288).
    ///
    /// - Throws: `.network` where that is on another origin.
    func nextPage() throws(ClientError) -> String? {
        guard let link = self["Link"], link.hasPrefix("<"), let end = link.firstIndex(of: ">") else { return nil }
        let parameters = link[link.index(after: end)...].filter { $0 != " " && $0 != "\"" }
        guard parameters.split(separator: ";" as Character).contains("rel=next") else { return nil }
        let reference = String(link[link.index(after: link.startIndex)..<end])
        guard let next = try? address.resolving(reference), next.origin == address.origin else {
            throw ClientError(.network, "\(address.origin) continues a list elsewhere")
        }
        return next.target
    }
}

/// Tells a body that comes too slowly from one that does not. The time that the reader takes is not counted.
package struct RateGuard: Sendable {
    private let window: UInt64
    private let bytesPerWindow: Int
    private var waited: UInt64 = 0
    private var bytes = 0
    private var start: UInt64

    package init(_ timeouts: Transport.Timeouts, start: UInt64) {
        window = UInt64(max(timeouts.window, 0)) * 1_000_000
        bytesPerWindow = timeouts.bytesPerWindow
        self.start = start
    }

    /// Counts bytes that arrived at a time; false when those of a whole window were too few.
    package mutating func admits(_ count: Int, at time: UInt64) -> Bool {
        waited += time &- start
        start = time
        bytes += count
        guard waited >= window else { return true }
        let isFast = bytes >= bytesPerWindow
        (waited, bytes) = (0, 0)
        return isFast
    }

    /// The reader waits for bytes again from this time on.
    package mutating func restart(at time: UInt64) { start = time }
}
