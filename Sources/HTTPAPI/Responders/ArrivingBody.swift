// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HummingbirdCore
import NIOCore
import Registry

/// Sends a span of a blob as it is fetched. A fetch that fails breaks the answer off before its last byte.
struct ArrivingBody: Sendable {
    let blob: ArrivingBlob
    let range: Range<Int64>
    var pace: Pace?

    /// Writes every byte of the range, or throws.
    func write(to writer: inout any ResponseBodyWriter) async throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let most = min(Int64(HTTPLimits.readChunk), range.upperBound - offset)
            let buffer = try await blob.read(at: offset, most: Int(most))
            try await pace?.take(Int64(buffer.readableBytes))
            try await writer.write(buffer)
            offset += Int64(buffer.readableBytes)
        }
    }
}
