// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Finds many words at once, in one step for each byte, whatever their number (Aho and Corasick, 1975). Capitals count
/// as small letters.
struct KeywordAutomaton: Sendable {
    /// The next state for each state and byte. The highest bit says that words end there.
    private let table: [UInt16]
    /// For each state the words that end there, by their place in the list.
    private let words: [[Int]]
    private static let endsWords: UInt16 = 0x8000

    /// - Parameter keywords: Words in lower case; at most 32,767 bytes together.
    init(_ keywords: [String]) {
        var nodes = [Node()]
        for (index, keyword) in keywords.enumerated() {
            var state = 0
            for byte in keyword.utf8 {
                precondition(KeywordAutomaton.folded(byte) == byte && !keyword.isEmpty, "keywords are in lower case")
                if let next = nodes[state].next[byte] {
                    state = next
                } else {
                    nodes[state].next[byte] = nodes.count
                    state = nodes.count
                    nodes.append(Node())
                }
            }
            nodes[state].words.append(index)
        }
        precondition(nodes.count < Int(KeywordAutomaton.endsWords))
        table = KeywordAutomaton.complete(&nodes)
        words = nodes.map(\.words)
    }

    /// Walks over bytes from `start` on, until a word ends or `end` is reached.
    ///
    /// - Returns: The index after the last byte of the word; nil if none ended.
    func advance(_ state: inout Int, over bytes: [UInt8], from start: Int, to end: Int) -> Int? {
        precondition(start <= end && end <= bytes.count)
        let (table, bytes) = (table.span, bytes.span)
        var current = state << 8
        var index = start
        while index < end {
            let next = table[current | Int(bytes[index])]
            index += 1
            current = Int(next & ~KeywordAutomaton.endsWords) << 8
            if next & KeywordAutomaton.endsWords != 0 {
                state = current >> 8
                return index
            }
        }
        state = current >> 8
        return nil
    }

    /// The words that end in a state, by their place in the list.
    func words(endingIn state: Int) -> [Int] { words[state] }

    static func folded(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }

    private struct Node {
        var next: [UInt8: Int] = [:]
        var words: [Int] = []
        /// The state of the longest proper end of this state's text that is a state.
        var suffix = 0
    }

    private static func complete(_ nodes: inout [Node]) -> [UInt16] {
        var table = [UInt16](repeating: 0, count: nodes.count << 8)
        var queue = [0]
        var position = 0
        while position < queue.count {
            let state = queue[position]
            position += 1
            let suffix = nodes[state].suffix
            if state != 0 { nodes[state].words += nodes[suffix].words }
            for byte in UInt8.min...UInt8.max {
                let fallback = state == 0 ? 0 : Int(table[suffix << 8 | Int(folded(byte))])
                if let next = nodes[state].next[folded(byte)] {
                    // A capital leads to the state that its small letter made already.
                    if folded(byte) == byte {
                        nodes[next].suffix = fallback
                        queue.append(next)
                    }
                    table[state << 8 | Int(byte)] = UInt16(next)
                } else {
                    table[state << 8 | Int(byte)] = UInt16(fallback)
                }
            }
        }
        return table.map { nodes[Int($0)].words.isEmpty ? $0 : $0 | endsWords }
    }
}
