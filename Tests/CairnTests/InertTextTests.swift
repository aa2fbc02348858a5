// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing
import cairn

/// What a server says does nothing to the terminal that a command prints it on.
struct InertTextTests {
    private static let commands: [ClosedRange<UInt32>] = [
        0x7f...0x9f, 0x061c...0x061c, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069,
    ]

    private static func shown(_ text: String) -> String { String(decoding: InertText.bytes(of: text), as: UTF8.self) }

    @Test func whatATerminalObeysIsWrittenOut() {
        let title = Self.shown("{\"name\":\"a\u{9d}0;title\u{9c}\u{7f}\",\"é\":\"\u{202e}txt.exe\u{2069}\"}\n")
        #expect(title == "{\"name\":\"a\\u009d0;title\\u009c\\u007f\",\"é\":\"\\u202etxt.exe\\u2069\"}\n")
        #expect(Self.shown("").isEmpty)
        #expect(Self.shown("\u{85}") == "\\u0085")
    }

    /// Every scalar of the basic plane: those that are commands are written out, all others stay, and JSON says the
    /// same either way.
    @Test func nothingElseChanges() throws {
        var (text, expected) = ("😀", "😀")
        for value in UInt32(0x20)...0xffff {
            guard let scalar = Unicode.Scalar(value), scalar != "\"", scalar != "\\" else { continue }
            text.unicodeScalars.append(scalar)
            if Self.commands.contains(where: { $0.contains(value) }) {
                let hex = String(value, radix: 16)
                expected += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            } else {
                expected.unicodeScalars.append(scalar)
            }
        }
        // As bytes: strings are equal where they are equivalent.
        let isExpected = InertText.bytes(of: text) == Array(expected.utf8)
        #expect(isExpected)
        let json = JSONWriter.text(of: .array([.string(text)]))
        let read = try JSONValue(parsing: InertText.bytes(of: json))
        let isSame = (read.elements?.first?.text).map { Array($0.utf8) } == Array(text.utf8)
        #expect(isSame)
    }
}
