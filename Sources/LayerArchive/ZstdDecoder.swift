// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CZstd

/// A zstd stream of one or more frames, skippable ones among them (RFC 8878).
@safe
final class ZstdDecoder {
    // Safety: created in init, used by this object alone, freed once, in deinit.
    private let context: OpaquePointer
    /// Whether the input may end here.
    private(set) var isAtEnd = true

    init() throws(LayerFault) {
        guard let context = unsafe ZSTD_createDCtx() else { throw LayerFault(.notStarted, "zstd has no memory") }
        unsafe self.context = context
        let code = unsafe ZSTD_DCtx_setParameter(
            context,
            ZSTD_d_windowLogMax,
            LayerLimits.zstdWindowLogLimit
        )
        guard ZSTD_isError(code) == 0 else { throw LayerFault(.notStarted, "zstd takes no bound for its window") }
    }

    deinit {
        _ = unsafe ZSTD_freeDCtx(context)
    }

    /// Expands some input into the output from `start` on. Nothing consumed and nothing produced: it needs more input.
    func step(
        _ input: [UInt8],
        _ range: Range<Int>,
        into output: inout [UInt8],
        from start: Int
    ) throws(LayerFault) -> DecodingStep {
        var step = DecodingStep()
        // Safety: both arrays live through the call, and zstd is told the ends of what it may use.
        let code = unsafe input.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBytes { output in
                var from = unsafe ZSTD_inBuffer(src: input.baseAddress, size: range.upperBound, pos: range.lowerBound)
                var into = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: start)
                let code = unsafe ZSTD_decompressStream(context, &into, &from)
                step.consumed = unsafe from.pos - range.lowerBound
                step.produced = unsafe into.pos - start
                return code
            }
        }
        guard ZSTD_isError(code) == 0 else { throw Self.fault(code) }
        // Asked again after a frame's end without input, zstd answers with the size of the next frame's header.
        if step.consumed > 0 || step.produced > 0 { isAtEnd = code == 0 }
        return step
    }

    private static func fault(_ code: Int) -> LayerFault {
        switch ZSTD_getErrorCode(code) {
        case ZSTD_error_frameParameter_windowTooLarge:
            LayerFault(.unsupported, "the zstd window is larger than 2^\(LayerLimits.zstdWindowLogLimit) bytes")
        case ZSTD_error_dictionary_wrong:
            LayerFault(.unsupported, "the zstd stream needs a dictionary")
        case let other:
            LayerFault(.damaged, "zstd finds fault with the stream (code \(other.rawValue))")
        }
    }
}
