// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// The path of a tile or an entry bundle below a log's prefix (tlog-tiles): `tile/<level>/<index>[.p/<width>]` or
/// `tile/entries/<index>[.p/<width>]`, the index in groups of three digits, all but the last with an `x` before it.
package struct TilePath: Hashable, Sendable, CustomStringConvertible {
    /// What a tile holds.
    package enum Content: Hashable, Sendable {
        /// Hashes of the nodes at the given level of tiles: 0 holds leaf hashes, 1 the roots of full tiles of level 0.
        case hashes(level: Int)
        /// The entries themselves.
        case entries

        /// The level of the tree's nodes that one element stands for, in tiles: 0 for entries.
        package var level: Int {
            switch self {
            case .hashes(let level): level
            case .entries: 0
            }
        }
    }

    /// The number of elements of a full tile.
    package static let fullWidth = 256
    /// Levels of tiles that a tree of at most 2^63 - 1 entries has.
    package static let levelsLimit = 8

    package let content: Content
    /// The tile's place in its level, from the left.
    package let index: Int64
    /// The number of elements, 1 to 256.
    package let width: Int

    /// Nil for a tile that no tree of at most 2^63 - 1 entries has.
    package init?(_ content: Content, index: Int64, width: Int = TilePath.fullWidth) {
        guard index >= 0, (1...Self.fullWidth).contains(width), (0..<Self.levelsLimit).contains(content.level) else {
            return nil
        }
        let (end, overflows) = (index &<< 8).addingReportingOverflow(Int64(width))
        guard index >> 55 == 0, !overflows, end <= Int64.max >> (8 * content.level) else { return nil }
        self.init(valid: content, index: index, width: width)
    }

    init(valid content: Content, index: Int64, width: Int) {
        self.content = content
        self.index = index
        self.width = width
    }

    /// Whether the tile may still grow.
    package var isPartial: Bool { width < Self.fullWidth }

    /// The same tile when it is full; nil where no tree is that large.
    package var full: TilePath? { TilePath(content, index: index) }

    /// Reads the whole path, which has one spelling.
    package init(parsing text: some StringProtocol) throws(TransparencyError) {
        guard let path = TilePath.read(text), path.description.utf8.elementsEqual(text.utf8) else {
            throw TransparencyError(
                code: .invalidTile,
                reason: "a tile's path is tile/<level>/<index>[.p/<width>]: \"\(ParsingError.quotable(text))\""
            )
        }
        self = path
    }

    /// Reads leniently; what was read is then compared with its one spelling.
    private static func read(_ text: some StringProtocol) -> TilePath? {
        guard text.utf8.count <= 64 else { return nil }
        var parts = text.split(separator: "/", omittingEmptySubsequences: false)[...]
        guard parts.popFirst() == "tile", let level = parts.popFirst() else { return nil }
        var width = fullWidth
        if parts.count >= 2, parts[parts.endIndex - 2].hasSuffix(".p"), let last = parts.popLast() {
            guard let partial = Int(last), partial < fullWidth else { return nil }
            width = partial
        }
        guard var lowest = parts.popLast() else { return nil }
        if width < fullWidth { lowest = lowest.dropLast(2) }
        var index: Int64 = 0
        for group in parts.map({ $0.dropFirst() }) + [lowest] {
            guard index < 1 << 50, let digits = Int64(group), (0..<1_000).contains(digits) else { return nil }
            index = index * 1_000 + digits
        }
        if level == "entries" { return TilePath(.entries, index: index, width: width) }
        return Int(level).flatMap { TilePath(.hashes(level: $0), index: index, width: width) }
    }

    package var description: String {
        var groups = TilePath.threeDigits(index % 1_000)
        var rest = index / 1_000
        while rest > 0 {
            groups = "x\(TilePath.threeDigits(rest % 1_000))/\(groups)"
            rest /= 1_000
        }
        let kind =
            switch content {
            case .hashes(let level): String(level)
            case .entries: "entries"
            }
        return "tile/\(kind)/\(groups)\(isPartial ? ".p/\(width)" : "")"
    }

    private static func threeDigits(_ value: Int64) -> String {
        "\(value / 100)\(value / 10 % 10)\(value % 10)"
    }
}
