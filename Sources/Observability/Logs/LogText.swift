// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Text of others on its way into a line.
///
/// A line is one line, whatever a client put into it, and cannot play tricks on a terminal: control characters (C0, DEL
/// and C1), line and paragraph separators and the marks that turn the direction of writing are escaped.
enum LogText {
    /// Marks a value that was cut.
    static let ellipsis = "…"

    /// Appends the inside of a JSON string (RFC 8259, section 7), of at most so many bytes of the text.
    static func appendJSON(_ text: String, limit: Int, to line: inout [UInt8]) {
        append(text, limit: limit, to: &line) { scalar, line in
            switch scalar {
            case "\"": line += [UInt8(ascii: "\\"), UInt8(ascii: "\"")]
            case "\\": line += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
            case "\n": line += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case "\r": line += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            case "\t": line += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case _ where isTreacherous(scalar):
                line.append(contentsOf: "\\u".utf8)
                for shift in [12, 8, 4, 0] { line.append(digit(scalar.value >> UInt32(shift) & 15)) }
            default: line.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
            }
        }
    }

    /// Appends text for a person, with escapes as in Swift's own literals.
    static func appendHuman(_ text: String, limit: Int, quotes: Bool, to line: inout [UInt8]) {
        append(text, limit: limit, to: &line) { scalar, line in
            switch scalar {
            case "\"" where quotes: line.append(contentsOf: "\\\"".utf8)
            case "\\" where quotes: line.append(contentsOf: "\\\\".utf8)
            case "\n": line.append(contentsOf: "\\n".utf8)
            case "\r": line.append(contentsOf: "\\r".utf8)
            case "\t": line.append(contentsOf: "\\t".utf8)
            case _ where isTreacherous(scalar):
                line.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".utf8)
            default: line.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
            }
        }
    }

    private static func append(
        _ text: String,
        limit: Int,
        to line: inout [UInt8],
        escape: (Unicode.Scalar, inout [UInt8]) -> Void
    ) {
        // Nearly all text is plain, and goes as it is.
        if text.utf8.count <= limit, text.utf8.allSatisfy(isPlain) { return line.append(contentsOf: text.utf8) }
        let cut = text.cut(toUTF8Bytes: limit)
        for scalar in cut.unicodeScalars {
            if scalar.isASCII, isPlain(UInt8(truncatingIfNeeded: scalar.value)) {
                line.append(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                escape(scalar, &line)
            }
        }
        if cut.endIndex < text.endIndex { line.append(contentsOf: ellipsis.utf8) }
    }

    /// ASCII that stands for itself in every form of line.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func isTreacherous(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0: true
        case 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0x061c, 0xfeff: true
        default: false
        }
    }

    private static func digit(_ value: UInt32) -> UInt8 {
        UInt8(truncatingIfNeeded: value) + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }
}
