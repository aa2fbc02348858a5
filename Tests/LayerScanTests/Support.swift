// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import CZlib
import CZstd
import Glibc

/// Repeatable random values.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    mutating func text(_ count: Int, _ alphabet: String) -> String {
        let characters = Array(alphabet)
        return String((0..<count).map { _ in characters[Int(next() % UInt64(characters.count))] })
    }
}

/// Makes tar archives by hand.
struct TarWriter {
    private(set) var bytes: [UInt8] = []

    mutating func add(
        _ path: String,
        _ content: [UInt8],
        flag: Character = "0",
        size: Int? = nil,
        change: (inout [UInt8]) -> Void = { _ in }
    ) {
        bytes += Self.header(path, size: size ?? content.count, flag: flag, change: change)
        bytes += content
        bytes += [UInt8](repeating: 0, count: -content.count & 511)
    }

    /// A header with a right checksum; `change` alters it before that is reckoned.
    static func header(
        _ path: String,
        size: Int,
        flag: Character,
        change: (inout [UInt8]) -> Void = { _ in }
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        put(Array(path.utf8.prefix(100)), at: 0, in: &block)
        put(octal(0o644, 7), at: 100, in: &block)
        put(octal(size, 11), at: 124, in: &block)
        block[156] = flag.asciiValue ?? 0
        put(Array("ustar\u{0}00".utf8), at: 257, in: &block)
        change(&block)
        put([UInt8](repeating: 0x20, count: 8), at: 148, in: &block)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6) + [0], at: 148, in: &block)
        return block
    }

    static func put(_ text: [UInt8], at index: Int, in block: inout [UInt8]) {
        block.replaceSubrange(index..<(index + text.count), with: text)
    }

    static func octal(_ value: Int, _ width: Int) -> [UInt8] {
        let digits = String(value, radix: 8)
        return Array((String(repeating: "0", count: max(0, width - digits.count)) + digits).utf8)
    }

    mutating func addRecords(_ records: [(key: String, value: String)]) {
        var content: [UInt8] = []
        for record in records {
            let rest = " \(record.key)=\(record.value)\n"
            var length = rest.utf8.count
            while "\(length)".utf8.count + rest.utf8.count != length {
                length = "\(length)".utf8.count + rest.utf8.count
            }
            content += Array("\(length)\(rest)".utf8)
        }
        add("records", content, flag: "x")
    }

    /// The archive with the two blocks that end it.
    var ended: [UInt8] { bytes + [UInt8](repeating: 0, count: 1_024) }
}

enum Packing: String, CaseIterable {
    case plain, gzip, zstd

    func pack(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .plain: bytes
        case .gzip: Self.gzip(bytes)
        case .zstd: Self.zstd(bytes)
        }
    }

    static func gzip(_ bytes: [UInt8], level: Int32 = 6) -> [UInt8] {
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

    static func zstd(_ bytes: [UInt8], windowLog: Int32 = 0) -> [UInt8] {
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

/// A file with these bytes, removed with its owner.
final class TemporaryFile {
    let path: String

    init(_ bytes: [UInt8]) {
        var template = Array("/tmp/cairn-layer-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            precondition(count > 0)
            rest = rest.dropFirst(count)
        }
        close(descriptor)
    }

    deinit { unlink(path) }
}
