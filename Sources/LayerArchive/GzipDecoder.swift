// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CZlib

/// A gzip stream of one or more members (RFC 1952).
@safe
final class GzipDecoder {
    // Safety: allocated and initialised in init, used by this object alone, ended and freed once, in deinit.
    private let stream: UnsafeMutablePointer<z_stream>
    private enum State { case inMember, betweenMembers, inPadding }
    private var state = State.inMember

    init() throws(LayerFault) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for the gzip wrapper and nothing else.
        let code = unsafe inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw LayerFault(.notStarted, "zlib has no memory") }
    }

    deinit {
        _ = unsafe inflateEnd(stream)
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    /// Whether the input may end here.
    var isAtEnd: Bool { state != .inMember }

    /// Expands some input into the output from `start` on. Nothing consumed and nothing produced: it needs more input.
    func step(
        _ input: [UInt8],
        _ range: Range<Int>,
        into output: inout [UInt8],
        from start: Int
    ) throws(LayerFault) -> DecodingStep {
        var step = DecodingStep()
        var range = range
        if state != .inMember {
            step.consumed = skipPadding(input, range)
            range = (range.lowerBound + step.consumed)..<range.upperBound
            guard let next = range.first.map({ input[$0] }) else { return step }
            guard state == .betweenMembers, next == 0x1F else {
                throw LayerFault(.damaged, "something that is not gzip follows a gzip member")
            }
            guard unsafe inflateReset(stream) == Z_OK else { throw LayerFault(.damaged, "zlib cannot begin again") }
            state = .inMember
        }
        // Safety: both arrays live through the call, and zlib is told what lies between the indices and their ends.
        let code = unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.pointee.next_in = input.baseAddress.map { base in
                    unsafe UnsafeMutablePointer(mutating: base + range.lowerBound)
                }
                unsafe stream.pointee.avail_in = UInt32(range.count)
                unsafe stream.pointee.next_out = output.baseAddress.map { unsafe $0 + start }
                unsafe stream.pointee.avail_out = UInt32(output.count - start)
                return unsafe inflate(stream, Z_NO_FLUSH)
            }
        }
        step.consumed += range.count - Int(unsafe stream.pointee.avail_in)
        step.produced = output.count - start - Int(unsafe stream.pointee.avail_out)
        switch code {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: state = .betweenMembers
        default: throw LayerFault(.damaged, "zlib finds fault with the stream (code \(code))")
        }
        return step
    }

    /// Zeros may follow the last member; only zeros may follow them.
    private func skipPadding(_ input: [UInt8], _ range: Range<Int>) -> Int {
        let count = input[range].prefix { $0 == 0 }.count
        if count > 0 { state = .inPadding }
        return count
    }
}
