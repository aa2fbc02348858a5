// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The base64 of RFC 4648, section 4, in its one canonical form.
enum Base64 {
    /// Nil unless the text is whole groups of four, padded, without white space and with zero bits after the end.
    static func decode(_ text: String) -> [UInt8]? {
        let length = text.utf8.count
        guard length.isMultiple(of: 4) else { return nil }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(length / 4 * 3)
        var bits: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") {
                padding += 1
                bits <<= 6
            } else {
                guard padding == 0, let digit = value(of: byte) else { return nil }
                bits = bits << 6 | digit
            }
            digits += 1
            if digits == 4 {
                decoded.append(UInt8(truncatingIfNeeded: bits >> 16))
                decoded.append(UInt8(truncatingIfNeeded: bits >> 8))
                decoded.append(UInt8(truncatingIfNeeded: bits))
                (bits, digits) = (0, 0)
            }
        }
        guard padding <= 2 else { return nil }
        for _ in 0..<padding where decoded.removeLast() != 0 { return nil }
        return decoded
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
