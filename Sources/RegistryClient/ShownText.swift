// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Makes the text of a server safe for a terminal and for logs.
enum ShownText {
    /// One line: controls, line breaks and what reorders text become `\u{…}`, and a text of more than
    /// `ClientLimits.shownBytes` is cut and ends with `...`.
    static func line(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let piece = isPlain(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
            guard result.utf8.count + piece.utf8.count <= ClientLimits.shownBytes else { return result + "..." }
            result += piece
        }
        return result
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
        default: true
        }
    }
}
