// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What a pattern means, written as simply as possible: it tries everything, and takes its time.
enum OracleGlob {
    static func matches(_ pattern: String, _ text: String) -> Bool {
        matches(Array(pattern.unicodeScalars)[...], Array(text.unicodeScalars)[...])
    }

    private static func matches(
        _ pattern: ArraySlice<Unicode.Scalar>,
        _ text: ArraySlice<Unicode.Scalar>
    ) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            let rest = pattern.drop { $0 == "*" }
            let isDeep = pattern.count - rest.count > 1
            for end in text.startIndex...text.endIndex {
                if !isDeep, text[..<end].contains("/") { return false }
                if matches(rest, text[end...]) { return true }
            }
            return false
        }
        guard let character = text.first else { return false }
        if first == "?" ? character == "/" : character != first { return false }
        return matches(pattern.dropFirst(), text.dropFirst())
    }
}
