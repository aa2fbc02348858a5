// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CZlib

/// A body in gzip's format (RFC 1952).
enum Gzip {
    /// - Returns: nil where there is no memory for it: the body then goes as it is.
    static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = unsafe z_stream()
        // 15 bits of window, and 16 for gzip's header.
        let begun = unsafe deflateInit2_(
            &stream,
            Z_BEST_SPEED,
            Z_DEFLATED,
            15 + 16,
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            CInt(MemoryLayout<z_stream>.size)
        )
        guard begun == Z_OK else { return nil }
        defer { unsafe deflateEnd(&stream) }
        let room = unsafe Int(deflateBound(&stream, UInt(bytes.count)))
        var source = bytes
        var isWhole = false
        // Safety: the pointers are valid within the closures, and `deflate` is called nowhere else; it reads and writes
        // no more than the counts say.
        let compressed = unsafe [UInt8](unsafeUninitializedCapacity: room) { target, count in
            unsafe source.withUnsafeMutableBufferPointer { source in
                unsafe stream.next_in = source.baseAddress
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(room)
                isWhole = unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END
                count = unsafe room - Int(stream.avail_out)
            }
        }
        return isWhole ? compressed : nil
    }
}
