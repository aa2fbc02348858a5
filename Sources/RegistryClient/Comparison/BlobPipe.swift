// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Dispatch
package import LayerArchive
package import NIOCore
internal import Synchronization

/// Hands the bytes of a blob, as they come, to a thread that reads them. Whoever brings them waits while the reader is
/// behind, so that memory has a bound.
package final class BlobPipe: Sendable {
    /// Bytes above which no more are taken.
    package static let capacity = 4 << 20

    private struct State {
        var pieces: [ByteBuffer] = []
        var bytes = 0
        var isEnded = false
        var hasFailed = false
        /// Whether nobody reads any more.
        var isAbandoned = false
        var sender: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    /// Signalled for each piece, and for the end.
    private let arrivals = DispatchSemaphore(value: 0)

    package init() {}

    /// Whether who brings the bytes waits.
    package var isHeld: Bool { state.withLock { $0.sender != nil } }

    /// Hands over the next bytes. Once nobody reads any more, they are dropped. One task calls it.
    package func send(_ piece: ByteBuffer) async {
        guard piece.readableBytes > 0 else { return }
        let isFull = state.withLock { state in
            guard !state.isAbandoned else { return false }
            state.pieces.append(piece)
            state.bytes += piece.readableBytes
            return state.bytes > Self.capacity
        }
        arrivals.signal()
        guard isFull else { return }
        await withCheckedContinuation { continuation in
            let isFull = state.withLock { state in
                guard state.bytes > Self.capacity, !state.isAbandoned else { return false }
                state.sender = continuation
                return true
            }
            if !isFull { continuation.resume() }
        }
    }

    /// Tells the reader that nothing follows: the blob is there, or it failed.
    package func end(failed: Bool = false) {
        state.withLock { state in
            state.isEnded = true
            state.hasFailed = failed
        }
        arrivals.signal()
    }

    /// The next bytes; none at the end. Blocks until there are some.
    package func next() throws(LayerFault) -> [UInt8] {
        while true {
            arrivals.wait()
            let (piece, isOver, hasFailed, sender) =
                state.withLock { state in
                    guard !state.pieces.isEmpty else { return (ByteBuffer?.none, state.isEnded, state.hasFailed, nil) }
                    let piece = state.pieces.removeFirst()
                    state.bytes -= piece.readableBytes
                    let sender = state.bytes <= Self.capacity ? state.sender.take() : nil
                    return (piece, false, false, sender)
                } as (ByteBuffer?, Bool, Bool, CheckedContinuation<Void, Never>?)
            sender?.resume()
            if let piece { return Array(piece.readableBytesView) }
            guard !hasFailed else { throw LayerFault(.unreadable, "the blob did not come to its end") }
            if isOver { return [] }
        }
    }

    /// Says that nobody reads any more: what comes is dropped.
    package func abandon() {
        let sender = state.withLock { state in
            state.isAbandoned = true
            (state.pieces, state.bytes) = ([], 0)
            return state.sender.take()
        }
        sender?.resume()
    }
}
