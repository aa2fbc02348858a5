// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import CZlib
import CZstd

/// How a layer is packed.
package enum Packing: String, CaseIterable {
    case plain, gzip, zstd

    package func pack(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .plain: bytes
        case .gzip: Self.gzip(bytes)
        case .zstd: Self.zstd(bytes)
        }
    }

    package static func gzip(_ bytes: [UInt8], level: Int32 = 6) -> [UInt8] {
        var stream = z_stream()
        let code = deflateInit2_(&stream, level, Z_DEFLATED, 31, 8, 0, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK)
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 1_024)
        let produced = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
                return output.count - Int(stream.avail_out)
            }
        }
        return Array(output.prefix(produced))
    }

    package static func zstd(_ bytes: [UInt8], windowLog: Int32 = 0) -> [UInt8] {
        let context = ZSTD_createCCtx()
        defer { ZSTD_freeCCtx(context) }
        if windowLog > 0 {
            ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, windowLog)
            // Without its size in the header the frame needs the whole window.
            ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0)
        }
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        // In two pieces, so that the frame's size is not known at its beginning.
        let produced = output.withUnsafeMutableBytes { output in
            bytes.withUnsafeBytes { input in
                var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
                var into = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
                while from.pos < from.size {
                    precondition(ZSTD_isError(ZSTD_compressStream2(context, &into, &from, ZSTD_e_continue)) == 0)
                }
                while ZSTD_compressStream2(context, &into, &from, ZSTD_e_end) != 0 {}
                return into.pos
            }
        }
        return Array(output.prefix(produced))
    }
}
