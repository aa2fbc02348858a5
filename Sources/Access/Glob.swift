// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// A pattern for names: `*` stands for any run of characters but `/`, `**` for any run, `?` for one character but `/`;
/// everything else stands for itself.
///
/// A pattern is always held against the whole text. The time is at most proportional to the product of the lengths of
/// text and pattern, whatever they are: all ways to match are followed at once, none is tried after another.
package struct Glob: Sendable, Hashable, CustomStringConvertible {
    package static let bytesLimit = 256

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
    package let description: String
    /// What stands before the first wildcard.
    private let literal: [UInt8]
    /// The first wildcard and all that follows. No two runs stand next to each other.
    private let rest: [Token]

    /// - Throws: An `AccessError` of code `invalidRule` for an empty pattern, one of more than 256 bytes, and one with
    ///   control characters.
    package init(parsing text: some StringProtocol) throws(AccessError) {
        guard !text.isEmpty else { throw AccessError(.invalidRule, "a pattern is not empty") }
        guard text.utf8.count <= Self.bytesLimit else {
            throw AccessError(.invalidRule, "a pattern has at most \(Self.bytesLimit) bytes")
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw AccessError(.invalidRule, "the pattern '\(text.quotable)' has control characters")
        }
        description = String(text)
        let tokens = Self.tokens(text)
        literal = tokens.prefix { if case .byte = $0 { true } else { false } }
            .compactMap { if case .byte(let byte) = $0 { byte } else { nil } }
        rest = Array(tokens.dropFirst(literal.count))
    }

    private static func tokens(_ text: some StringProtocol) -> [Token] {
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
    package func matches(_ text: some StringProtocol) -> Bool {
        var bytes = text.utf8.makeIterator()
        for expected in literal {
            guard bytes.next() == expected else { return false }
        }
        // Most patterns end with their first wildcard.
        switch rest.first {
        case nil: return bytes.next() == nil
        case .anything where rest.count == 1: return true
        case .run where rest.count == 1:
            while let byte = bytes.next() {
                if byte == UInt8(ascii: "/") { return false }
            }
            return true
        default: return simulate(&bytes)
        }
    }

    /// Bit N: what was read so far can be followed by what the tokens from N on stand for. A pattern has at most 256
    /// tokens, so 257 of the 512 bits can be in use.
    private typealias States = SIMD8<UInt64>

    private func simulate(_ bytes: inout some IteratorProtocol<UInt8>) -> Bool {
        let words = rest.count / 64 + 1
        var states = States.zero
        add(0, to: &states)
        while let byte = bytes.next() {
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

extension StringProtocol {
    /// The text, safe to print and cut to 256 bytes.
    var quotable: String { ParsingError.quotable(self) }
}
