// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore

/// Bytes of one upload that follow each other, gathered until a worker hashes and writes them at once.
///
/// A buffer that is reasonably full is kept as it came. A small one is copied into a fragment buffer, because a slice
/// retains the whole of its storage: one byte in a receive buffer of 256 KiB would hold 256 KiB. `charge` counts the
/// storage that is really retained, and is what the pool is owed.
struct UploadBatch: Sendable {
    private(set) var buffers: [ByteBuffer] = []
    private(set) var count = 0
    private(set) var charge = 0
    /// Room left in the last buffer, if that is a fragment buffer.
    private(set) var fragmentRoom = 0

    var isEmpty: Bool { count == 0 }

    /// True for a buffer that is better copied than kept.
    static func isFragment(_ buffer: ByteBuffer) -> Bool {
        buffer.readableBytes < buffer.storageCapacity / 2
    }

    mutating func keep(_ buffer: ByteBuffer, charge: Int) {
        buffers.append(buffer)
        count += buffer.readableBytes
        self.charge += charge
        fragmentRoom = 0
    }

    /// Begins a fragment buffer of the given size, which the pool has granted.
    mutating func beginFragment(of bytes: Int) {
        buffers.append(ByteBufferAllocator().buffer(capacity: bytes))
        charge += bytes
        fragmentRoom = bytes
    }

    /// Copies from the front of the buffer as much as fits into the open fragment buffer; tells how much.
    mutating func copy(from buffer: inout ByteBuffer) -> Int {
        let copied = min(fragmentRoom, buffer.readableBytes)
        guard copied > 0, var slice = buffer.readSlice(length: copied) else { return 0 }
        buffers[buffers.count - 1].writeBuffer(&slice)
        count += copied
        fragmentRoom -= copied
        return copied
    }
}
