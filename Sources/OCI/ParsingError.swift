// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Why a text is not a value of a grammar.
public struct ParsingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Which grammar was broken.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        case invalidDigest
        /// The text has the form of a digest, of an algorithm that this registry does not know.
        case unsupportedAlgorithm
        case invalidRepositoryName
        case invalidTag
        case invalidMediaType
        case invalidUploadID
        case invalidPattern
        case invalidPlaceName
    }

    public let code: Code
    /// A sentence for people; it does not contain the value.
    public let reason: String
    /// The wrong value, safe to print: only printable ASCII, the rest escaped, and at most 256 bytes.
    public let value: String

    public init(code: Code, reason: String, value: String) {
        self.code = code
        self.reason = reason
        self.value = ParsingError.quotable(value)
    }

    public var description: String { "\(code.rawValue): \(reason): \"\(value)\"" }

    /// Makes any text safe for a log or an error body: what is not printable ASCII becomes `\u{…}`, a quotation mark
    /// or backslash gets a backslash, and a longer text is cut and ends with `...`.
    public static func quotable(_ text: some StringProtocol) -> String {
        var quoted = ""
        for scalar in text.unicodeScalars {
            let piece =
                switch scalar {
                case "\"", "\\": "\\\(scalar)"
                case " "..."~": String(scalar)
                default: "\\u{\(String(scalar.value, radix: 16))}"
                }
            if quoted.utf8.count + piece.utf8.count > OCILimits.quotedValueBytesLimit {
                while quoted.utf8.count > OCILimits.quotedValueBytesLimit - 3 { quoted.removeLast() }
                return quoted + "..."
            }
            quoted += piece
        }
        return quoted
    }
}
