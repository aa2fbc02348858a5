// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A range of versions: comparisons that all hold, or alternatives of such between `||`.
///
/// `>=1.2.0 <2.0.0`, `^1.2` (the left-most number that is not zero stays), `~1.2.3` (the minor version stays), `1.2.x`,
/// `1.2 - 1.4`, `*`. A pre-release is in a range only if the same alternative names one of the same three numbers, as
/// `>=1.2.0-rc.1` does for `1.2.0-rc.2`.
package struct VersionRange: Sendable, Hashable, CustomStringConvertible {
    enum Operator: Sendable, Hashable {
        case less, lessOrEqual, equal, greaterOrEqual, greater
    }

    struct Comparison: Sendable, Hashable {
        let relation: Operator
        let version: Version

        func holds(_ other: Version) -> Bool {
            switch relation {
            case .less: other < version
            case .lessOrEqual: other <= version
            case .equal: other == version
            case .greaterOrEqual: other >= version
            case .greater: other > version
            }
        }
    }

    /// The range as it was written.
    package let description: String
    private let alternatives: [[Comparison]]

    /// - Throws: `invalidRange`.
    package init(parsing text: String) throws(RetentionError) {
        guard text.utf8.count <= RetentionLimits.rangeBytesLimit else {
            throw RetentionError(.invalidRange, "a range has at most \(RetentionLimits.rangeBytesLimit) bytes")
        }
        guard text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
            throw RetentionError(.invalidRange, "a range is written in printable ASCII")
        }
        var alternatives: [[Comparison]] = []
        for piece in VersionRangeReader.alternatives(text) {
            alternatives.append(try VersionRangeReader.comparisons(piece))
        }
        guard alternatives.count <= RetentionLimits.rangeAlternativesLimit else {
            throw RetentionError(
                .invalidRange,
                "a range has at most \(RetentionLimits.rangeAlternativesLimit) alternatives"
            )
        }
        description = text
        self.alternatives = alternatives
    }

    /// Whether a version is in the range; with `anyPreRelease`, pre-releases are by the order alone.
    package func contains(_ version: Version, anyPreRelease: Bool = false) -> Bool {
        alternatives.contains { comparisons in
            guard comparisons.allSatisfy({ $0.holds(version) }) else { return false }
            guard version.isPreRelease, !anyPreRelease else { return true }
            return comparisons.contains { $0.version.isPreRelease && $0.version.isSameRelease(as: version) }
        }
    }
}

/// Reads ranges.
enum VersionRangeReader {
    typealias Comparison = VersionRange.Comparison

    /// A version that may end early or in an `x`.
    private struct Partial {
        var major: UInt64?
        var minor: UInt64?
        var patch: UInt64?
        var preRelease: [Version.Identifier] = []

        /// The first version of it.
        var start: Version { Version(major ?? 0, minor ?? 0, patch ?? 0, preRelease: preRelease) }

        /// The first version, pre-releases included, that follows all of it; nil where none does.
        var end: Version? {
            guard let major else { return nil }
            guard let minor else { return VersionRangeReader.before(major + 1, 0, 0) }
            return patch == nil ? VersionRangeReader.before(major, minor + 1, 0) : nil
        }

        var isWhole: Bool { patch != nil }
    }

    /// The least pre-release of a version.
    private static func before(_ major: UInt64, _ minor: UInt64, _ patch: UInt64) -> Version {
        Version(major, minor, patch, preRelease: [.number(0)])
    }

    static func alternatives(_ text: String) -> [Substring] {
        var pieces: [Substring] = []
        var rest = text[...]
        while let end = rest.firstRange(of: "||") {
            pieces.append(rest[..<end.lowerBound])
            rest = rest[end.upperBound...]
        }
        return pieces + [rest]
    }

    static func comparisons(_ text: Substring) throws(RetentionError) -> [Comparison] {
        let words = words(text)
        if words.count == 3, words[1] == "-" {
            let (low, high) = (try partial(words[0]), try partial(words[2]))
            var comparisons = [Comparison(relation: .greaterOrEqual, version: low.start)]
            if let end = high.end {
                comparisons.append(Comparison(relation: .less, version: end))
            } else if high.isWhole {
                comparisons.append(Comparison(relation: .lessOrEqual, version: high.start))
            }
            return comparisons
        }
        var comparisons: [Comparison] = []
        for word in words { comparisons += try comparison(word) }
        guard comparisons.count <= RetentionLimits.comparisonsLimit else {
            throw RetentionError(
                .invalidRange,
                "one alternative of a range has at most \(RetentionLimits.comparisonsLimit) comparisons"
            )
        }
        return comparisons.isEmpty ? [Comparison(relation: .greaterOrEqual, version: Version(0, 0, 0))] : comparisons
    }

    /// Pieces between blanks; an operator with blanks after it belongs to what follows.
    private static func words(_ text: Substring) -> [String] {
        var words: [String] = []
        var waiting = ""
        for piece in text.split(separator: " ") {
            if piece.allSatisfy({ "<>=^~".contains($0) }) {
                waiting += piece
            } else {
                words.append(waiting + piece)
                waiting = ""
            }
        }
        return waiting.isEmpty ? words : words + [waiting]
    }

    private static func comparison(_ word: String) throws(RetentionError) -> [Comparison] {
        let sign = word.prefix { "<>=^~".contains($0) }
        let partial = try partial(String(word[sign.endIndex...]))
        let start = partial.start
        switch sign {
        case "", "=":
            guard !partial.isWhole else { return [Comparison(relation: .equal, version: start)] }
            return between(start, partial.end)
        case ">=": return [Comparison(relation: .greaterOrEqual, version: start)]
        case ">":
            guard !partial.isWhole else { return [Comparison(relation: .greater, version: start)] }
            // Nothing is greater than all versions.
            guard let end = partial.end else { return [Comparison(relation: .less, version: before(0, 0, 0))] }
            let release = Version(end.major, end.minor, end.patch)
            return [Comparison(relation: .greaterOrEqual, version: release)]
        case "<":
            return [Comparison(relation: .less, version: partial.isWhole ? start : before(start))]
        case "<=":
            guard !partial.isWhole else { return [Comparison(relation: .lessOrEqual, version: start)] }
            return between(Version(0, 0, 0), partial.end)
        case "~", "~>":
            guard let major = partial.major, let minor = partial.minor else { return between(start, partial.end) }
            return between(start, before(major, minor + 1, 0))
        case "^": return between(start, caretEnd(partial))
        default: throw RetentionError(.invalidRange, "'\(sign)' compares nothing; there are < <= = >= > ~ ^")
        }
    }

    private static func before(_ version: Version) -> Version { before(version.major, version.minor, version.patch) }

    private static func between(_ start: Version, _ end: Version?) -> [Comparison] {
        let from = Comparison(relation: .greaterOrEqual, version: start)
        return end.map { [from, Comparison(relation: .less, version: $0)] } ?? [from]
    }

    private static func caretEnd(_ partial: Partial) -> Version? {
        guard let major = partial.major else { return nil }
        guard major == 0, let minor = partial.minor else { return before(major + 1, 0, 0) }
        guard minor == 0, let patch = partial.patch else { return before(0, minor + 1, 0) }
        return before(0, 0, patch + 1)
    }

    private static func partial(_ text: String) throws(RetentionError) -> Partial {
        var partial = Partial()
        if let version = Version.read(text) {
            partial.major = version.major
            partial.minor = version.minor
            partial.patch = version.patch
            partial.preRelease = version.preRelease
            return partial
        }
        let bare = text.hasPrefix("v") || text.hasPrefix("V") ? text.dropFirst() : text[...]
        let pieces = bare.split(separator: ".", omittingEmptySubsequences: false)
        guard !bare.isEmpty, pieces.count <= 3 else { throw unreadable(text) }
        var numbers: [UInt64] = []
        var isOpen = false
        for piece in pieces {
            if piece == "x" || piece == "X" || piece == "*" {
                isOpen = true
            } else {
                guard !isOpen, let number = Version.number(piece.utf8) else { throw unreadable(text) }
                numbers.append(number)
            }
        }
        if numbers.count > 0 { partial.major = numbers[0] }
        if numbers.count > 1 { partial.minor = numbers[1] }
        if numbers.count > 2 { partial.patch = numbers[2] }
        return partial
    }

    private static func unreadable(_ text: String) -> RetentionError {
        RetentionError(.invalidRange, "'\(text)' is no version, and no beginning of one like 1.2 or 1.x")
    }
}
