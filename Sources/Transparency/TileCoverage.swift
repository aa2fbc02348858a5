// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The tiles that a tree of one size has and a smaller one had not: full ones and, at the right edge, partial ones.
///
/// A sequence, because a large tree has more tiles than memory should hold. Levels go upward, indexes to the right.
package struct TileCoverage: Sequence, Sendable {
    /// What is wanted.
    package enum Content: Hashable, Sendable {
        case hashes
        case entries
    }

    private let content: Content
    private let oldSize: Int64
    private let newSize: Int64

    /// Every tile of a tree of `newSize` entries that a tree of `oldSize` entries lacks; from 0, all of them.
    ///
    /// A tile that was partial and has grown is among them, in its new width. Empty unless `oldSize < newSize`.
    package init(_ content: Content = .hashes, from oldSize: Int64 = 0, to newSize: Int64) {
        self.content = content
        self.oldSize = Swift.max(0, oldSize)
        self.newSize = Swift.max(0, newSize)
    }

    package func makeIterator() -> Iterator { Iterator(content: content, oldSize: oldSize, newSize: newSize) }

    package struct Iterator: IteratorProtocol {
        private let content: Content
        private let oldSize: Int64
        private let newSize: Int64
        private var level = 0
        private var index: Int64

        fileprivate init(content: Content, oldSize: Int64, newSize: Int64) {
            self.content = content
            self.oldSize = oldSize
            self.newSize = newSize
            index = oldSize >> 8
        }

        package mutating func next() -> TilePath? {
            while level < (content == .entries ? 1 : TilePath.levelsLimit) {
                let oldCount = oldSize >> (8 * level)
                let newCount = newSize >> (8 * level)
                // Above this level there is nothing new either: a node is complete only after those below it.
                guard newCount > oldCount else { return nil }
                if index <= (newCount - 1) >> 8 {
                    defer { index += 1 }
                    let width = Swift.min(newCount - index << 8, Int64(TilePath.fullWidth))
                    let what: TilePath.Content = content == .entries ? .entries : .hashes(level: level)
                    return TilePath(valid: what, index: index, width: Int(width))
                }
                level += 1
                index = oldSize >> (8 * level + 8)
            }
            return nil
        }
    }
}
