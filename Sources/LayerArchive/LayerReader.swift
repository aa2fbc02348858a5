// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The expanded bytes of a layer, one after the other. Blocks while its source does.
///
/// Never more than the limits allow come out: the fault comes with the first byte beyond.
package final class LayerReader {
    private enum Decoder {
        case plain
        case gzip(GzipDecoder)
        case zstd(ZstdDecoder)
    }

    package let encoding: LayerEncoding
    /// Bytes that came out.
    package private(set) var expandedBytes: Int64 = 0
    private var compressedBytes: Int64 = 0
    private var input: LayerInput
    private let decoder: Decoder
    private let limits: LayerLimits

    /// Looks at the first bytes to tell how the layer is packed.
    ///
    /// - Parameters:
    ///   - source: The layer as it is stored.
    ///   - limits: Bounds on what comes out.
    ///   - pieceBytes: Bytes read at once; at least 4.
    /// - Throws: `LayerFault` if reading fails or there is no memory.
    package init(
        _ source: LayerSource,
        limits: LayerLimits = LayerLimits(),
        pieceBytes: Int = LayerLimits.inputBytes
    ) throws(LayerFault) {
        self.limits = limits
        input = LayerInput(source, pieceBytes: pieceBytes)
        try input.gather(4)
        encoding = LayerEncoding(magic: input.buffer[input.unread])
        switch encoding {
        case .plain: decoder = .plain
        case .gzip: decoder = .gzip(try GzipDecoder())
        case .zstd: decoder = .zstd(try ZstdDecoder())
        }
    }

    /// Fills the buffer. Fewer bytes than that: the layer ends after them.
    package func read(into output: inout [UInt8]) throws(LayerFault) -> Int {
        var filled = 0
        while filled < output.count {
            try input.refill()
            let step = try step(into: &output, from: filled)
            if step.consumed == 0, step.produced == 0, input.isExhausted {
                guard mayEnd else { throw LayerFault(.truncated, "the compressed stream ends before its end") }
                break
            }
            input.consume(step.consumed)
            filled += step.produced
            try count(step)
        }
        return filled
    }

    private func step(into output: inout [UInt8], from start: Int) throws(LayerFault) -> DecodingStep {
        switch decoder {
        case .gzip(let decoder): return try decoder.step(input.buffer, input.unread, into: &output, from: start)
        case .zstd(let decoder): return try decoder.step(input.buffer, input.unread, into: &output, from: start)
        case .plain:
            let count = min(input.unread.count, output.count - start)
            let first = input.unread.lowerBound
            output.replaceSubrange(start..<(start + count), with: input.buffer[first..<(first + count)])
            return DecodingStep(consumed: count, produced: count)
        }
    }

    private var mayEnd: Bool {
        switch decoder {
        case .plain: true
        case .gzip(let decoder): decoder.isAtEnd
        case .zstd(let decoder): decoder.isAtEnd
        }
    }

    private func count(_ step: DecodingStep) throws(LayerFault) {
        compressedBytes += Int64(step.consumed)
        expandedBytes += Int64(step.produced)
        guard expandedBytes <= limits.expandedBytes else {
            throw LayerFault(.tooLarge, "the layer expands to more than \(limits.expandedBytes) bytes")
        }
        guard expandedBytes <= max(limits.expansionFloor, compressedBytes * limits.expansionRatio) else {
            throw LayerFault(.tooLarge, "the layer expands to more than \(limits.expansionRatio) times its size")
        }
    }
}
