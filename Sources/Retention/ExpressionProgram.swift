// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What an expression is compiled to.
struct ExpressionProgram: Sendable {
    enum Step: Sendable {
        /// Reads one byte of the set and goes to the next step.
        case read(ByteSet)
        /// Goes both ways; the first is preferred.
        case split(Int, Int)
        case jump(Int)
        case start
        case end
        /// Where the group that is asked for begins, and ends.
        case open
        case close
        case match
    }

    private(set) var steps: [Step] = []
    private(set) var capturesGroup = false
    /// What every match begins with.
    private(set) var prefix: [UInt8] = []
    private var work = 0

    init(_ tree: ExpressionTree) throws(RetentionError) {
        try emit(tree)
        try append(.match)
        prefix = Self.prefix(steps)
    }

    /// Up to the first step that leaves a choice.
    private static func prefix(_ steps: [Step]) -> [UInt8] {
        var prefix: [UInt8] = []
        for step in steps {
            switch step {
            case .open, .close, .start: continue
            case .read(let set):
                guard let byte = set.only else { return prefix }
                prefix.append(byte)
            default: return prefix
            }
        }
        return prefix
    }

    private mutating func append(_ step: Step) throws(RetentionError) {
        guard steps.count < RetentionLimits.programLimit else { throw Self.tooLarge }
        steps.append(step)
    }

    private static let tooLarge = RetentionError(
        .tooLarge,
        "the regular expression repeats too much: its program would have over \(RetentionLimits.programLimit) steps"
    )

    private mutating func emit(_ tree: ExpressionTree) throws(RetentionError) {
        work += 1
        guard work <= RetentionLimits.expressionWorkLimit else { throw Self.tooLarge }
        switch tree {
        case .empty: return
        case .set(let set): try append(.read(set))
        case .start: try append(.start)
        case .end: try append(.end)
        case .sequence(let pieces): for piece in pieces { try emit(piece) }
        case .choice(let branches): try emit(choice: branches)
        case .repetition(let piece, let least, let most, let isGreedy):
            for _ in 0..<least { try emit(piece) }
            guard let most else { return try emit(unbounded: piece, isGreedy) }
            try emit(optional: piece, count: most - least, isGreedy)
        case .capture(let piece):
            let isFirst = !capturesGroup
            capturesGroup = true
            if isFirst { try append(.open) }
            try emit(piece)
            if isFirst { try append(.close) }
        }
    }

    private mutating func emit(choice branches: [ExpressionTree]) throws(RetentionError) {
        var exits: [Int] = []
        for branch in branches.dropLast() {
            let fork = steps.count
            try append(.split(fork + 1, 0))
            try emit(branch)
            exits.append(steps.count)
            try append(.jump(0))
            steps[fork] = .split(fork + 1, steps.count)
        }
        if let last = branches.last { try emit(last) }
        for exit in exits { steps[exit] = .jump(steps.count) }
    }

    private mutating func emit(unbounded piece: ExpressionTree, _ isGreedy: Bool) throws(RetentionError) {
        let fork = steps.count
        try append(.split(0, 0))
        try emit(piece)
        try append(.jump(fork))
        steps[fork] = isGreedy ? .split(fork + 1, steps.count) : .split(steps.count, fork + 1)
    }

    /// Up to that many of a piece, each only after the one before.
    private mutating func emit(
        optional piece: ExpressionTree,
        count: Int,
        _ isGreedy: Bool
    ) throws(RetentionError) {
        var forks: [Int] = []
        for _ in 0..<count {
            forks.append(steps.count)
            try append(.split(0, 0))
            try emit(piece)
        }
        for fork in forks {
            steps[fork] = isGreedy ? .split(fork + 1, steps.count) : .split(steps.count, fork + 1)
        }
    }
}
