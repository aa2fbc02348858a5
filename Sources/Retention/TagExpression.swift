// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A regular expression that a whole tag is held against.
///
/// Literals, `.`, classes, `\d \w \s` and their opposites, groups, alternatives, `? * + {m,n}` with lazy forms, `^` and
/// `$`, and `(?i)`. The time is at most proportional to the product of the lengths of tag and program, whatever they
/// are: all ways to match are followed at once, none is tried after another. What needs that, references back and
/// looking around, is refused.
package struct TagExpression: Sendable, Hashable, CustomStringConvertible {
    /// The expression as it was written.
    package let description: String
    let program: ExpressionProgram

    /// - Throws: `invalidExpression`, or `tooLarge` where the program would be.
    package init(parsing text: String) throws(RetentionError) {
        guard !text.isEmpty else { throw RetentionError(.invalidExpression, "a regular expression is not empty") }
        guard text.utf8.count <= RetentionLimits.expressionBytesLimit else {
            throw RetentionError(
                .tooLarge,
                "a regular expression has at most \(RetentionLimits.expressionBytesLimit) bytes"
            )
        }
        guard text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
            throw RetentionError(
                .invalidExpression,
                "a regular expression is written in printable ASCII, as tags are"
            )
        }
        var parser = ExpressionParser(text)
        let tree = try parser.expression()
        description = text
        program = try ExpressionProgram(tree)
    }

    /// Whether the expression has a group whose text can be asked for.
    package var capturesGroup: Bool { program.capturesGroup }

    package static func == (left: TagExpression, right: TagExpression) -> Bool {
        left.description == right.description
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(description) }

    /// Matches one text; for many, one `ExpressionMatcher` is quicker.
    package func matches(_ text: String) -> Bool {
        var matcher = ExpressionMatcher(self)
        return matcher.matches(text)
    }
}

/// The tree of an expression.
indirect enum ExpressionTree {
    case empty
    case set(ByteSet)
    case start
    case end
    case sequence([ExpressionTree])
    /// Those before are preferred.
    case choice([ExpressionTree])
    /// `most` is nil without a bound.
    case repetition(ExpressionTree, least: Int, most: Int?, isGreedy: Bool)
    /// A group that can be asked for; the first of an expression is.
    case capture(ExpressionTree)
}

/// A set of bytes.
struct ByteSet: Sendable, Hashable {
    private var words = SIMD4<UInt64>.zero

    static let digits = ByteSet { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    static let wordBytes = ByteSet { byte in
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
            || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte || byte == UInt8(ascii: "_")
    }
    static let space = ByteSet { $0 == 0x20 || 0x09...0x0D ~= $0 }
    static let anything = ByteSet { $0 != UInt8(ascii: "\n") }

    init() {}

    init(_ isMember: (UInt8) -> Bool) {
        for byte in 0...UInt8.max where isMember(byte) { insert(byte) }
    }

    func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0 }

    mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

    mutating func formUnion(_ other: ByteSet) { words |= other.words }

    var inverted: ByteSet {
        var set = self
        set.words = ~words
        return set
    }

    /// The set with both cases of every letter in it.
    var withoutCase: ByteSet {
        ByteSet { byte in
            contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 && byte & 0x80 == 0 && contains(byte ^ 0x20))
        }
    }

    /// The only member; nil where there are none or more.
    var only: UInt8? {
        var found: UInt8?
        for byte in 0...UInt8.max where contains(byte) {
            guard found == nil else { return nil }
            found = byte
        }
        return found
    }
}
