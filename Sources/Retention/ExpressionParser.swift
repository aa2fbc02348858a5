// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Reads a regular expression into its tree.
struct ExpressionParser {
    private let text: [UInt8]
    private var position = 0
    private var depth = 0
    private var ignoresCase = false

    init(_ text: String) { self.text = Array(text.utf8) }

    mutating func expression() throws(RetentionError) -> ExpressionTree {
        let tree = try choice()
        guard position == text.count else { throw error("a ')' closes nothing") }
        return tree
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private func error(_ reason: String) -> RetentionError {
        let quoted = ParsingError.quotable(String(decoding: text, as: UTF8.self))
        return RetentionError(.invalidExpression, "'\(quoted)', at character \(position + 1): \(reason)")
    }

    private mutating func takes(_ piece: StaticString) -> Bool {
        let bytes = Array(piece.description.utf8)
        guard text[position...].starts(with: bytes) else { return false }
        position += bytes.count
        return true
    }

    private mutating func choice() throws(RetentionError) -> ExpressionTree {
        var branches = [try sequence()]
        while takes("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(RetentionError) -> ExpressionTree {
        var pieces: [ExpressionTree] = []
        while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            let piece = try atom()
            pieces.append(try repeated(piece))
        }
        return pieces.count == 1 ? pieces[0] : pieces.isEmpty ? .empty : .sequence(pieces)
    }

    private mutating func repeated(_ piece: ExpressionTree) throws(RetentionError) -> ExpressionTree {
        let (least, most): (Int, Int?)
        switch next {
        case UInt8(ascii: "?"): (least, most) = (0, 1)
        case UInt8(ascii: "*"): (least, most) = (0, nil)
        case UInt8(ascii: "+"): (least, most) = (1, nil)
        case UInt8(ascii: "{"): (least, most) = try bounds()
        default: return piece
        }
        position += 1
        let isGreedy = !takes("?")
        if let byte = next, [UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{")].contains(byte)
        {
            throw error("nothing is here that can be repeated; put what is before it in a group")
        }
        return .repetition(piece, least: least, most: most, isGreedy: isGreedy)
    }

    /// Reads to the closing brace and leaves it.
    private mutating func bounds() throws(RetentionError) -> (Int, Int?) {
        position += 1
        let least = try number()
        var most: Int? = least
        if takes(",") { most = next == UInt8(ascii: "}") ? nil : try number() }
        guard next == UInt8(ascii: "}") else { throw error("a number of repetitions is {m}, {m,} or {m,n}") }
        if let most, most < least { throw error("{\(least),\(most)} ends before it begins") }
        return (least, most)
    }

    private mutating func number() throws(RetentionError) -> Int {
        let start = position
        while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
        guard position > start, position - start <= 4,
            let number = Int(String(decoding: text[start..<position], as: UTF8.self)),
            number <= RetentionLimits.repetitionLimit
        else {
            throw error("a number of repetitions is {m}, {m,} or {m,n}, up to \(RetentionLimits.repetitionLimit)")
        }
        return number
    }

    private mutating func atom() throws(RetentionError) -> ExpressionTree {
        guard let byte = next else { return .empty }
        position += 1
        switch byte {
        case UInt8(ascii: "."): return .set(.anything)
        case UInt8(ascii: "^"): return .start
        case UInt8(ascii: "$"): return .end
        case UInt8(ascii: "("): return try group()
        case UInt8(ascii: "["): return .set(folded(try members()))
        case UInt8(ascii: "\\"): return try escaped()
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
            position -= 1
            throw error("nothing is here that can be repeated; write \\\(Character(Unicode.Scalar(byte))) for itself")
        default: return literal(byte)
        }
    }

    private func literal(_ byte: UInt8) -> ExpressionTree { .set(folded(ByteSet { $0 == byte })) }

    private func folded(_ set: ByteSet) -> ByteSet { ignoresCase ? set.withoutCase : set }

    private mutating func group() throws(RetentionError) -> ExpressionTree {
        let outer = ignoresCase
        var captures = true
        if takes("?") {
            captures = false
            if takes("i)") {
                // Holds up to the end of the group that is open, whose end restores it.
                ignoresCase = true
                return .empty
            }
            if takes("i:") {
                ignoresCase = true
            } else if takes("P<") || (takes("<") && next != UInt8(ascii: "=") && next != UInt8(ascii: "!")) {
                captures = true
                while let byte = next, ByteSet.wordBytes.contains(byte) { position += 1 }
                guard takes(">") else { throw error("the name of a group ends with '>'") }
            } else if !takes(":") {
                throw error("of the groups that begin with '(?' there are (?: (?i) (?i: and (?P<NAME>")
            }
        }
        depth += 1
        guard depth <= RetentionLimits.expressionDepthLimit else {
            throw error("more than \(RetentionLimits.expressionDepthLimit) groups are open")
        }
        let inner = try choice()
        guard takes(")") else { throw error("a group is not closed") }
        depth -= 1
        ignoresCase = outer
        return captures ? .capture(inner) : inner
    }

    private mutating func escaped() throws(RetentionError) -> ExpressionTree {
        guard let byte = next else { throw error("a backslash ends the expression") }
        switch byte {
        case UInt8(ascii: "A"):
            position += 1
            return .start
        case UInt8(ascii: "z"):
            position += 1
            return .end
        default:
            if let set = try escapedSet() { return .set(set) }
            position += 1
            return literal(byte)
        }
    }

    /// What `\d` and its like stand for, nil for a character that stands for itself and is not read.
    private mutating func escapedSet() throws(RetentionError) -> ByteSet? {
        guard let byte = next else { throw error("a backslash ends the expression") }
        let set: ByteSet
        switch byte {
        case UInt8(ascii: "d"): set = .digits
        case UInt8(ascii: "D"): set = ByteSet.digits.inverted
        case UInt8(ascii: "w"): set = .wordBytes
        case UInt8(ascii: "W"): set = ByteSet.wordBytes.inverted
        case UInt8(ascii: "s"): set = .space
        case UInt8(ascii: "S"): set = ByteSet.space.inverted
        default:
            guard !ByteSet.wordBytes.contains(byte) || byte == UInt8(ascii: "_") else {
                throw error("'\\\(Character(Unicode.Scalar(byte)))' is not known here")
            }
            return nil
        }
        position += 1
        return set
    }

    /// A class, after its bracket.
    private mutating func members() throws(RetentionError) -> ByteSet {
        var set = ByteSet()
        let isInverted = takes("^")
        var isFirst = true
        while let byte = next, byte != UInt8(ascii: "]") || isFirst {
            isFirst = false
            guard byte != UInt8(ascii: "[") || position + 1 == text.count || text[position + 1] != UInt8(ascii: ":")
            else { throw error("classes by name like [:digit:] are not known here") }
            guard let low = try member(into: &set) else { continue }
            guard next == UInt8(ascii: "-"), position + 1 < text.count, text[position + 1] != UInt8(ascii: "]") else {
                set.insert(low)
                continue
            }
            position += 1
            guard let high = try member(into: &set), low <= high else {
                throw error("a range of a class goes from one character to a later one")
            }
            for byte in low...high { set.insert(byte) }
        }
        guard takes("]") else { throw error("a class is not closed") }
        let folded = folded(set)
        return isInverted ? folded.inverted : folded
    }

    /// One character of a class; nil where a set was put into it.
    private mutating func member(into set: inout ByteSet) throws(RetentionError) -> UInt8? {
        guard let byte = next else { throw error("a class is not closed") }
        position += 1
        guard byte == UInt8(ascii: "\\") else { return byte }
        if let known = try escapedSet() {
            set.formUnion(known)
            return nil
        }
        guard let plain = next else { throw error("a class is not closed") }
        position += 1
        return plain
    }
}
