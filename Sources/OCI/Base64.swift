// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The base64 of RFC 4648, section 4, in its one canonical form.
public enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Padded, without line breaks.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var encoded: [UInt8] = []
        encoded.reserveCapacity((bytes.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                encoded.append(digits[Int(bits >> bitCount & 63)])
            }
        }
        if bitCount > 0 { encoded.append(digits[Int(bits << (6 - bitCount) & 63)]) }
        while !encoded.count.isMultiple(of: 4) { encoded.append(UInt8(ascii: "=")) }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Reads the standard alphabet, or that of section 5 for URLs, which may lack its padding; the two are not mixed.
    /// Otherwise as strict as `decode`.
    public static func decodeEitherAlphabet(_ text: String) -> [UInt8]? {
        if let decoded = decode(text) { return decoded }
        var digits: [UInt8] = []
        digits.reserveCapacity(text.utf8.count + 2)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "+"), UInt8(ascii: "/"): return nil
            case UInt8(ascii: "-"): digits.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): digits.append(UInt8(ascii: "/"))
            default: digits.append(byte)
            }
        }
        if digits.last != UInt8(ascii: "=") {
            while !digits.count.isMultiple(of: 4) { digits.append(UInt8(ascii: "=")) }
        }
        return decode(String(decoding: digits, as: UTF8.self))
    }

    /// Nil unless the text is whole groups of four, padded, without white space and with zero bits after the end.
    public static func decode(_ text: String) -> [UInt8]? {
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
