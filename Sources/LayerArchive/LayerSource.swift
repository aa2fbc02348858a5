// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// Where the bytes of a layer come from.
package enum LayerSource: Sendable {
    /// An open file or pipe, read from where it stands. It is not closed.
    case descriptor(Int32)
    /// Bytes in memory.
    case bytes([UInt8])
    /// Whatever a closure hands over next; nothing at the end, after which it is not called again. It may block.
    case pieces(@Sendable () throws(LayerFault) -> [UInt8])
}

/// Reads a source piece by piece. Blocks.
struct LayerInput {
    private let source: LayerSource
    private var position = 0
    private var piece: [UInt8] = []
    private(set) var buffer: [UInt8]
    /// The bytes of the buffer that were not used yet.
    private(set) var unread = 0..<0
    private(set) var hasEnded = false

    init(_ source: LayerSource, pieceBytes: Int) {
        self.source = source
        buffer = [UInt8](repeating: 0, count: pieceBytes)
    }

    var isExhausted: Bool { hasEnded && unread.isEmpty }

    mutating func consume(_ count: Int) {
        precondition(count <= unread.count)
        unread = (unread.lowerBound + count)..<unread.upperBound
    }

    /// Reads on if nothing is left in the buffer.
    mutating func refill() throws(LayerFault) {
        if unread.isEmpty, !hasEnded { try fill(from: 0) }
    }

    /// Reads on until so many bytes are in the buffer, or the source ends.
    mutating func gather(_ count: Int) throws(LayerFault) {
        precondition(unread.lowerBound == 0 && count <= buffer.count)
        while unread.count < count, !hasEnded { try fill(from: unread.upperBound) }
    }

    private mutating func fill(from start: Int) throws(LayerFault) {
        let count = try read(from: start)
        hasEnded = count == 0
        unread = (start == 0 ? 0 : unread.lowerBound)..<(start + count)
    }

    private mutating func read(from start: Int) throws(LayerFault) -> Int {
        switch source {
        case .bytes(let bytes):
            let count = min(buffer.count - start, bytes.count - position)
            buffer.replaceSubrange(start..<(start + count), with: bytes[position..<(position + count)])
            position += count
            return count
        case .pieces(let next):
            if position == piece.count { (piece, position) = (try next(), 0) }
            let count = min(buffer.count - start, piece.count - position)
            buffer.replaceSubrange(start..<(start + count), with: piece[position..<(position + count)])
            position += count
            return count
        case .descriptor(let descriptor):
            while true {
                // Safety: the kernel writes at most the bytes from `start` to the buffer's end, during the call.
                let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                    unsafe Glibc.read(descriptor, bytes.baseAddress.map { unsafe $0 + start }, bytes.count - start)
                }
                if count >= 0 { return count }
                guard errno == EINTR else { throw LayerFault(.unreadable, "reading failed with errno \(errno)") }
            }
        }
    }
}
