// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import HummingbirdCore
import NIOCore
import Synchronization

/// Sends a span of a blob as a response body.
///
/// Two ways, chosen anew for each span of `HTTPLimits.sendfileSpan` by how many bodies are being sent: a single stream is
/// fastest when the next chunk is read on a file thread while the last one is sent; several streams cost half the
/// processor time through the kernel's `sendfile`. Cold pages are brought in on a file thread first, since `sendfile`
/// of cold pages would block the event loop. HTTP/2 always reads ahead.
struct BlobBody: Sendable {
    let file: BlobFile
    let range: Range<Int64>
    let channel: any Channel
    /// Whether the connection has a `FileRegionHandler`.
    let acceptsRegions: Bool
    let traffic: Traffic

    /// Bodies being sent now, in this process.
    final class Traffic: Sendable {
        private let count = Atomic<Int>(0)

        package init() {}

        var active: Int { count.load(ordering: .relaxed) }

        func begin() { count.add(1, ordering: .relaxed) }
        func end() { count.subtract(1, ordering: .relaxed) }
    }

    /// Writes every byte of the range, or throws.
    func write(to writer: inout any ResponseBodyWriter) async throws {
        traffic.begin()
        defer { traffic.end() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let span = offset..<min(range.upperBound, offset + HTTPLimits.sendfileSpan)
            if acceptsRegions && traffic.active > 1 {
                try await sendRegion(span)
            } else {
                try await sendThroughMemory(span, to: &writer)
            }
            offset = span.upperBound
        }
    }

    private func sendRegion(_ span: Range<Int64>) async throws {
        let next = span.upperBound..<min(range.upperBound, span.upperBound + HTTPLimits.sendfileSpan)
        if !file.isResident(span) { try await file.warm(span) }
        if !next.isEmpty { file.willNeed(next) }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.triggerUserOutboundEvent(SendFileRegion(region: file.region(span)), promise: promise)
        try await promise.futureResult.get()
    }

    private func sendThroughMemory(_ span: Range<Int64>, to writer: inout any ResponseBodyWriter) async throws {
        let chunk = Int64(HTTPLimits.readChunk)
        var offset = span.lowerBound
        var ahead = try await file.read(at: offset, count: Int(min(chunk, span.upperBound - offset)))
        while true {
            let buffer = ahead
            offset += Int64(buffer.readableBytes)
            guard offset < span.upperBound else {
                try await writer.write(buffer)
                return
            }
            let start = offset
            let count = Int(min(chunk, span.upperBound - start))
            async let next = file.read(at: start, count: count)
            try await writer.write(buffer)
            ahead = try await next
        }
    }
}
