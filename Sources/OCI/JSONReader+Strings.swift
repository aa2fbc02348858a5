// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension JSONReader {
    /// Reads a string from its opening quotation mark to its closing one.
    mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                let text = String(decoding: bytes[start..<position], as: UTF8.self)
                position += 1
                return text
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw error(.malformed, "a control character in a string is written as an escape")
            case 0x20..<0x80: position += 1
            default: try skipMultibyteScalar(byte)
            }
        }
        throw error(.malformed, "the document ends within a string")
    }

    /// Goes on where the first backslash of a string stands.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case 0..<0x20: throw error(.malformed, "a control character in a string is written as an escape")
            case 0x20..<0x80:
                text.append(byte)
                position += 1
            default:
                let scalarStart = position
                try skipMultibyteScalar(byte)
                text += bytes[scalarStart..<position]
            }
        }
        throw error(.malformed, "the document ends within a string")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw error(.malformed, "the document ends within a string") }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            text += try unicodeEscape()
            return
        default: throw error(.malformed, "no escape of a string has this letter")
        }
        position += 1
    }

    /// Reads the digits of `\u`, and of a second escape if the first is the high half of a surrogate pair.
    private mutating func unicodeEscape() throws(JSONError) -> [UInt8] {
        let first = try fourDigits()
        var value = UInt32(first)
        switch first {
        case 0xD800..<0xDC00:
            guard next == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u")
            else {
                throw error(.loneSurrogate, "a high surrogate is followed by the escape of a low one")
            }
            position += 2
            let second = try fourDigits()
            guard (0xDC00..<0xE000).contains(second) else {
                throw error(.loneSurrogate, "a high surrogate is followed by the escape of a low one")
            }
            value = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        case 0xDC00..<0xE000:
            throw error(.loneSurrogate, "a low surrogate stands after the escape of a high one")
        default: break
        }
        guard let scalar = Unicode.Scalar(value) else { throw error(.loneSurrogate, "the escape is no character") }
        return Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    private mutating func fourDigits() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw error(.malformed, "the document ends within a string") }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw error(.malformed, "four hexadecimal digits follow \\u")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }

    /// Steps over one character of two to four bytes, well-formed by table 3-7 of the Unicode standard: no overlong
    /// form, no surrogate, nothing beyond U+10FFFF.
    private mutating func skipMultibyteScalar(_ lead: UInt8) throws(JSONError) {
        let second: ClosedRange<UInt8>
        let length: Int
        switch lead {
        case 0xC2...0xDF: (second, length) = (0x80...0xBF, 2)
        case 0xE0: (second, length) = (0xA0...0xBF, 3)
        case 0xED: (second, length) = (0x80...0x9F, 3)
        case 0xE1...0xEF: (second, length) = (0x80...0xBF, 3)
        case 0xF0: (second, length) = (0x90...0xBF, 4)
        case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
        case 0xF4: (second, length) = (0x80...0x8F, 4)
        default: throw error(.invalidUTF8, "a string is not UTF-8")
        }
        guard position + length <= bytes.count, second.contains(bytes[position + 1]) else {
            throw error(.invalidUTF8, "a string is not UTF-8")
        }
        for byte in bytes[(position + 2)..<(position + length)] where byte & 0xC0 != 0x80 {
            throw error(.invalidUTF8, "a string is not UTF-8")
        }
        position += length
    }
}
