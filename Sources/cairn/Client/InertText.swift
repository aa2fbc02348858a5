// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Text for a terminal that may hold what a server said.
package enum InertText {
    /// The bytes of a text in which what a terminal obeys or turns around is written as `\uXXXX`.
    ///
    /// These are delete, the controls of ISO 6429 from U+0080 to U+009F, the marks, embeddings, overrides and isolates
    /// of bidirectional text, and the separators of lines and paragraphs. In JSON they can only be inside of strings,
    /// where this is the same string: the canonical form, in which controls below U+0020 are escaped already, has them
    /// as they are. Line breaks, tabs and everything else stay.
    package static func bytes(of text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        var (result, copied, index) = ([UInt8](), 0, 0)
        while index < bytes.count {
            guard let (scalar, length) = command(at: index, of: bytes) else {
                index += 1
                continue
            }
            result += bytes[copied..<index]
            result += "\\u".utf8
            for shift in [12, 8, 4, 0] { result.append(digits[Int(scalar >> shift & 0xf)]) }
            index += length
            copied = index
        }
        return copied == 0 ? bytes : result + bytes[copied...]
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// The scalar to be escaped that begins there and its length in bytes; nil where none does. The text is valid
    /// UTF-8: what begins there is whole, and no byte inside of another scalar is like one of its first bytes.
    private static func command(at index: Int, of bytes: [UInt8]) -> (scalar: UInt16, length: Int)? {
        switch bytes[index] {
        case 0x7f: return (0x7f, 1)
        case 0xc2 where bytes[index + 1] < 0xa0: return (UInt16(bytes[index + 1]), 2)
        // The Arabic letter mark.
        case 0xd8 where bytes[index + 1] == 0x9c: return (0x061c, 2)
        case 0xe2:
            let scalar = 0x2000 | UInt16(bytes[index + 1] & 0x3f) << 6 | UInt16(bytes[index + 2] & 0x3f)
            switch scalar {
            case 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: return (scalar, 3)
            default: return nil
            }
        default: return nil
        }
    }
}
