// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import HummingbirdCore
import NIOCore

/// Sends a span of a blob as a response body.
///
/// On HTTP/1.1 the kernel's `sendfile` does it, at half the processor time of a copy through memory; a span at a
/// time, so that cold pages are brought in on a file thread first: `sendfile` of cold pages would block the event loop.
/// On HTTP/2, whose frames no file region fits into, the next chunk is read on a file thread while the last one is
/// sent.
struct BlobBody: Sendable {
    let file: BlobFile
    let range: Range<Int64>
    let channel: any Channel
    /// Whether the connection has a `FileRegionHandler`.
    let acceptsRegions: Bool
    var pace: Pace?

    /// Writes every byte of the range, or throws.
    func write(to writer: inout any ResponseBodyWriter) async throws {
        guard acceptsRegions else {
            try await sendThroughMemory(range, to: &writer)
            return
        }
        var offset = range.lowerBound
        var isWarm = false
        while offset < range.upperBound {
            let length = pace == nil ? HTTPLimits.sendfileSpan : Pace.region
            let span = offset..<min(range.upperBound, offset + length)
            try await pace?.take(Int64(span.count))
            isWarm = try await sendRegion(span, isWarm: isWarm)
            offset = span.upperBound
        }
    }

    /// `isWarm` says that the span was found in the cache before.
    ///
    /// - Returns: Whether the next span was.
    private func sendRegion(_ span: Range<Int64>, isWarm: Bool) async throws -> Bool {
        let next = span.upperBound..<min(range.upperBound, span.upperBound + HTTPLimits.sendfileSpan)
        if !isWarm && !file.isResident(span) { try await file.warm(span) }
        let isNextWarm = !next.isEmpty && file.isResident(next)
        if !next.isEmpty && !isNextWarm { file.willNeed(next) }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.triggerUserOutboundEvent(SendFileRegion(region: file.region(span)), promise: promise)
        try await promise.futureResult.get()
        return isNextWarm
    }

    private func sendThroughMemory(_ span: Range<Int64>, to writer: inout any ResponseBodyWriter) async throws {
        let chunk = Int64(HTTPLimits.readChunk)
        var offset = span.lowerBound
        var ahead = try await file.read(at: offset, count: Int(min(chunk, span.upperBound - offset)))
        while true {
            let buffer = ahead
            try await pace?.take(Int64(buffer.readableBytes))
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
