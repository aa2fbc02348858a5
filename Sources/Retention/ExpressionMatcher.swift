// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Holds an expression against texts, one after another, with the same memory.
package struct ExpressionMatcher {
    /// A way to match that is being followed: the step it waits at, and where the group asked for began and ended.
    private struct Thread {
        var step: Int32
        var open: Int32 = -1
        var close: Int32 = -1
    }

    private let program: ExpressionProgram
    private var threads: [Thread] = []
    private var following: [Thread] = []
    private var stack: [Thread] = []
    /// The way that ends with the text.
    private var match: Thread?
    /// The generation in which a step was reached last.
    private var reached: [Int]
    private var generation = 0
    /// Steps of the program, and those taken in all, for tests of the bound.
    package var programLength: Int { program.steps.count }
    package private(set) var work = 0

    package init(_ expression: TagExpression) {
        program = expression.program
        reached = Array(repeating: 0, count: expression.program.steps.count)
    }

    /// Whether the whole text matches.
    package mutating func matches(_ text: String) -> Bool { run(Array(text.utf8)) != nil }

    /// What the first group matched; nil where the text does not match, empty where the group has no part in it.
    package mutating func capture(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard let match = run(bytes) else { return nil }
        guard match.open >= 0, match.close >= match.open else { return "" }
        return String(decoding: bytes[Int(match.open)..<Int(match.close)], as: UTF8.self)
    }

    private mutating func run(_ text: [UInt8]) -> Thread? {
        guard text.starts(with: program.prefix) else { return nil }
        begin()
        add(Thread(step: 0), at: 0, of: text.count)
        for position in text.indices {
            swap(&threads, &following)
            begin()
            for index in threads.indices {
                work += 1
                var thread = threads[index]
                guard case .read(let set) = program.steps[Int(thread.step)], set.contains(text[position]) else {
                    continue
                }
                thread.step += 1
                add(thread, at: position + 1, of: text.count)
            }
            if following.isEmpty && match == nil { return nil }
        }
        return match
    }

    private mutating func begin() {
        following.removeAll(keepingCapacity: true)
        match = nil
        generation += 1
    }

    /// Follows a way up to where it reads or ends. Each step is taken once for a position: the first way is preferred.
    private mutating func add(_ thread: Thread, at position: Int, of count: Int) {
        stack.append(thread)
        while var way = stack.popLast() {
            let step = Int(way.step)
            guard reached[step] != generation else { continue }
            reached[step] = generation
            work += 1
            switch program.steps[step] {
            case .read: following.append(way)
            case .match: if position == count, match == nil { match = way }
            case .jump(let target): push(way, target)
            case .split(let first, let second):
                push(way, second)
                push(way, first)
            case .start: if position == 0 { push(way, step + 1) }
            case .end: if position == count { push(way, step + 1) }
            case .open:
                way.open = Int32(position)
                push(way, step + 1)
            case .close:
                way.close = Int32(position)
                push(way, step + 1)
            }
        }
    }

    private mutating func push(_ way: Thread, _ step: Int) {
        var way = way
        way.step = Int32(step)
        stack.append(way)
    }
}
