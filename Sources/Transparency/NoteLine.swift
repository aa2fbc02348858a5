// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A line of a note's text, without its line feed: not empty, without control characters below U+0020. It is compared
/// byte by byte, unlike `String`, which holds different spellings of a character to be equal.
///
/// The origin of a log is such a line.
package struct NoteLine: Hashable, Sendable, CustomStringConvertible {
    package let utf8: [UInt8]

    /// - Throws: `invalidNote` for a text that is empty, longer than 1,024 bytes, or has a control character.
    package init(parsing text: some StringProtocol) throws(TransparencyError) {
        utf8 = Array(text.utf8)
        guard (1...TransparencyLimits.nameBytesLimit).contains(utf8.count), utf8.allSatisfy({ $0 >= 0x20 }) else {
            throw TransparencyError(
                code: .invalidNote,
                reason: "a line has 1 to \(TransparencyLimits.nameBytesLimit) bytes, and no control characters"
            )
        }
    }

    /// A key's name as a line: the origin of the log whose key it is.
    package init(_ name: KeyName) { utf8 = name.utf8 }

    package var description: String { String(decoding: utf8, as: UTF8.self) }
}

/// The name of a key (signed-note, "Format"): not empty, without white space, control characters and `+`. It is
/// compared byte by byte.
package struct KeyName: Hashable, Sendable, CustomStringConvertible {
    package let utf8: [UInt8]

    /// - Throws: `invalidKey` for any other text, or one of more than 1,024 bytes.
    package init(parsing text: some StringProtocol) throws(TransparencyError) {
        utf8 = Array(text.utf8)
        let isName = text.unicodeScalars.allSatisfy { scalar in
            scalar.value >= 0x20 && scalar != "+" && !scalar.properties.isWhitespace
        }
        guard isName, (1...TransparencyLimits.nameBytesLimit).contains(utf8.count) else {
            throw TransparencyError(
                code: .invalidKey,
                reason: "a key's name has no white space and no +, and 1 to \(TransparencyLimits.nameBytesLimit) bytes"
            )
        }
    }

    package var description: String { String(decoding: utf8, as: UTF8.self) }
}

/// Reads the lines of a text from its beginning.
struct LineReader {
    /// What was not read yet.
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The next line without its line feed. Nil, and nothing is read, where no line feed ends it or it is not UTF-8.
    mutating func line() -> String? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")),
            let line = String(validating: rest[..<end], as: UTF8.self)
        else { return nil }
        rest = rest[(end + 1)...]
        return line
    }

    /// What follows a prefix in the next line; nil, and nothing is read, where the line begins otherwise.
    mutating func line(after prefix: String) -> String? {
        guard rest.starts(with: prefix.utf8) else { return nil }
        return line().flatMap { $0.after(prefix) }
    }
}

extension StringProtocol {
    /// What follows a prefix; nil where the text begins otherwise. It is compared and cut by bytes, as a mark after the
    /// prefix would otherwise be part of its last character.
    func after(_ prefix: String) -> String? {
        guard utf8.starts(with: prefix.utf8) else { return nil }
        return String(decoding: utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }
}

/// Numbers as the log's formats have them: decimal digits without superfluous zeros, less than 2^63.
enum Decimal {
    static func read(_ text: some StringProtocol) -> Int64? {
        guard let value = Int64(text), value >= 0, String(value).utf8.elementsEqual(text.utf8) else { return nil }
        return value
    }
}
