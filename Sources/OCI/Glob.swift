// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A pattern for names: `*` stands for any run of characters but `/`, `**` for any run, `?` for one character but `/`;
/// everything else stands for itself.
///
/// A pattern is always held against the whole text. The time is at most proportional to the product of the lengths of
/// text and pattern, whatever they are: all ways to match are followed at once, none is tried after another.
public struct Glob: Sendable, Hashable, CustomStringConvertible {
    public static let bytesLimit = 256

    private enum Token: Sendable, Hashable {
        case byte(UInt8)
        /// `?`
        case character
        /// `*`
        case run
        /// `**`
        case anything
    }

    /// The pattern as it was written.
    public let description: String
    /// What stands before the first wildcard.
    private let literal: [UInt8]
    /// The first wildcard and all that follows. No two runs stand next to each other.
    private let rest: [Token]

    /// - Throws: `invalidPattern` for an empty pattern, one of more than 256 bytes, and one with control characters.
    public init(parsing text: some StringProtocol) throws(ParsingError) {
        if let reason = text.withUTF8Span(Glob.fault) {
            throw ParsingError(code: .invalidPattern, reason: reason, value: String(text))
        }
        self.init(valid: String(text))
    }

    @usableFromInline
    init(valid text: String) {
        description = text
        let tokens = Self.tokens(text)
        literal = tokens.prefix { if case .byte = $0 { true } else { false } }
            .compactMap { if case .byte(let byte) = $0 { byte } else { nil } }
        rest = Array(tokens.dropFirst(literal.count))
    }

    @usableFromInline
    static func fault(_ text: Span<UInt8>) -> String? {
        guard !text.isEmpty else { return "a pattern is not empty" }
        guard text.count <= bytesLimit else { return "a pattern has at most \(bytesLimit) bytes" }
        for position in 0..<text.count where text[position] < 0x20 || text[position] == 0x7F {
            return "a pattern has no control characters"
        }
        return nil
    }

    private static func tokens(_ text: String) -> [Token] {
        var tokens: [Token] = []
        var previousWasStar = false
        for byte in text.utf8 {
            let isStar = byte == UInt8(ascii: "*")
            switch (byte, tokens.last) {
            case (UInt8(ascii: "*"), .run) where previousWasStar, (UInt8(ascii: "*"), .anything) where previousWasStar:
                tokens[tokens.count - 1] = .anything
            case (UInt8(ascii: "*"), _): tokens.append(.run)
            case (UInt8(ascii: "?"), _): tokens.append(.character)
            default: tokens.append(.byte(byte))
            }
            previousWasStar = isStar
        }
        return tokens
    }

    /// Whether the whole text has the form of the pattern.
    @inlinable
    public func matches(_ text: some StringProtocol) -> Bool { text.withUTF8Span(matches(bytes:)) }

    @usableFromInline
    func matches(bytes text: Span<UInt8>) -> Bool {
        guard text.count >= literal.count else { return false }
        for position in literal.indices where text[position] != literal[position] { return false }
        // Most patterns end with their first wildcard.
        switch rest.first {
        case nil: return text.count == literal.count
        case .anything where rest.count == 1: return true
        case .run where rest.count == 1:
            for position in literal.count..<text.count where text[position] == UInt8(ascii: "/") { return false }
            return true
        default: return simulate(text)
        }
    }

    /// Bit N: what was read so far can be followed by what the tokens from N on stand for. A pattern has at most 256
    /// tokens, so 257 of the 512 bits can be in use.
    private typealias States = SIMD8<UInt64>

    /// Follows what stands after the literal.
    private func simulate(_ text: Span<UInt8>) -> Bool {
        let words = rest.count / 64 + 1
        var states = States.zero
        add(0, to: &states)
        for position in literal.count..<text.count {
            let byte = text[position]
            var following = States.zero
            for word in 0..<words {
                var bits = states[word]
                while bits != 0 {
                    advance(word * 64 + bits.trailingZeroBitCount, over: byte, into: &following)
                    bits &= bits - 1
                }
            }
            if following == .zero { return false }
            states = following
        }
        return states[rest.count / 64] & (1 << UInt64(rest.count % 64)) != 0
    }

    private func advance(_ state: Int, over byte: UInt8, into following: inout States) {
        let isContinuation = byte & 0xC0 == 0x80
        // A `?` that read the first byte of a character takes the others too.
        if isContinuation, state > 0, rest[state - 1] == .character { add(state, to: &following) }
        guard state < rest.count else { return }
        switch rest[state] {
        case .byte(let expected):
            if byte == expected { add(state + 1, to: &following) }
        case .character:
            if byte != UInt8(ascii: "/"), !isContinuation { add(state + 1, to: &following) }
        case .run:
            if byte != UInt8(ascii: "/") { add(state, to: &following) }
        case .anything:
            add(state, to: &following)
        }
    }

    private func add(_ state: Int, to states: inout States) {
        states[state / 64] |= 1 << UInt64(state % 64)
        // A run may be empty.
        guard state < rest.count, rest[state] == .run || rest[state] == .anything else { return }
        states[(state + 1) / 64] |= 1 << UInt64((state + 1) % 64)
    }
}
