// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import LayerArchive
internal import OCI

/// Looks for secrets in files that come piece by piece. However a file is cut into pieces, the findings are the same.
///
/// Time is linear in the bytes, and memory is two pieces and what the rules look at around a keyword. The secrets
/// themselves are dropped at once.
package struct SecretScanner {
    /// What was found, in the order of the files, at most as many as the limit says.
    package private(set) var findings: [SecretFinding] = []
    /// Whether there were more.
    package private(set) var isTruncated = false

    private let findingsLimit: Int
    private let windowBytes: Int
    private let keywords: Keywords
    private var path: [UInt8] = []
    private var file = FileTraits(path: [])
    /// A stretch of the file, what was looked at and may be needed again first.
    private var window: [UInt8] = []
    /// Where in the file the window begins.
    private var windowStart: Int64 = 0
    /// The index in the window up to which keywords were looked for.
    private var scanned = 0
    private var state = 0
    private var isBinary = false
    private var lines = LineCounter()
    /// Where in the file the last finding of this file stands, and its rank.
    private var last: (range: Range<Int64>, rank: Int)?

    /// - Parameters:
    ///   - findingsLimit: Findings that are kept.
    ///   - windowBytes: Bytes that are looked at together; more than the rules look at after a keyword.
    package init(
        findingsLimit: Int = ScanReport.findingsLimit,
        windowBytes: Int = LayerLimits.pieceBytes
    ) {
        precondition(windowBytes > LayerScanLimits.contextAfter)
        self.findingsLimit = findingsLimit
        self.windowBytes = windowBytes
        keywords = SecretScanner.shared
    }

    /// Made once, ahead of any layer.
    static let shared = Keywords(SecretRule.all)

    /// Every keyword of the rules, in one automaton.
    struct Keywords: Sendable {
        let automaton: KeywordAutomaton
        /// For each keyword its rule.
        let rules: [SecretRule]
        /// For each keyword its length.
        let bytes: [Int]
        let longest: Int

        init(_ all: [SecretRule]) {
            let pairs = all.flatMap { rule in rule.keywords.map { (keyword: $0, rule: rule) } }
            automaton = KeywordAutomaton(pairs.map(\.keyword))
            rules = pairs.map(\.rule)
            bytes = pairs.map(\.keyword.utf8.count)
            longest = bytes.max() ?? 0
        }
    }

    /// Begins a file. To be called before its first piece.
    package mutating func beginFile(path: [UInt8]) {
        self.path = path
        file = FileTraits(path: path)
        window.removeAll(keepingCapacity: true)
        (windowStart, scanned, state) = (0, 0, 0)
        lines = LineCounter()
        last = nil
    }

    /// Takes the next piece of the file.
    package mutating func append(_ piece: ArraySlice<UInt8>) {
        window += piece
        if window.count >= windowBytes { scan(upTo: window.count - LayerScanLimits.contextAfter) }
    }

    /// Ends the file. To be called after its last piece.
    package mutating func endFile() { scan(upTo: window.count) }

    private mutating func scan(upTo end: Int) {
        if windowStart == 0, scanned == 0 { isBinary = window.prefix(SecretScanner.binaryProbeBytes).contains(0) }
        while scanned < end {
            guard let wordEnd = keywords.automaton.advance(&state, over: window, from: scanned, to: end) else {
                scanned = end
                break
            }
            scanned = wordEnd
            for word in keywords.automaton.words(endingIn: state) { look(word, end: wordEnd) }
        }
        let surplus = scanned - LayerScanLimits.contextBefore - keywords.longest
        if surplus > 0 {
            lines.drop(surplus, of: window)
            window.removeFirst(surplus)
            windowStart += Int64(surplus)
            scanned -= surplus
        }
    }

    private mutating func look(_ word: Int, end: Int) {
        let start = end - keywords.bytes[word]
        let reach =
            max(0, start - LayerScanLimits.contextBefore)..<min(window.count, end + LayerScanLimits.contextAfter)
        let around = Surroundings(bytes: window, reach: reach, keyword: start..<end, file: file)
        guard let match = keywords.rules[word].look(around) else { return }
        let range = (windowStart + Int64(match.range.lowerBound))..<(windowStart + Int64(match.range.upperBound))
        let position: SecretFinding.Position =
            isBinary ? .offset(range.lowerBound) : .line(lines.line(of: match.range.lowerBound, in: window))
        let finding = SecretFinding(
            kind: match.kind,
            path: SecretFinding.printable(path),
            position: position,
            fingerprint: SecretFinding.fingerprint(of: match.secret)
        )
        keep(finding, at: range)
    }

    /// One finding for the same bytes: the one that says more, or else the first.
    private mutating func keep(_ finding: SecretFinding, at range: Range<Int64>) {
        if let last, last.range.overlaps(range) {
            guard finding.kind.rank > last.rank else { return }
            if !isTruncated { findings.removeLast() }
        }
        last = (range, finding.kind.rank)
        if findings.count < findingsLimit { findings.append(finding) } else { isTruncated = true }
    }

    /// Bytes at a file's beginning of which none is zero in a text.
    private static let binaryProbeBytes = 8_000
}

/// Counts lines as far as they are asked for.
private struct LineCounter {
    /// Line feeds before `index` of the window, and of all that was dropped from it.
    private var feeds = 0
    private var index = 0

    /// The line, from 1, that an index of the window is on.
    mutating func line(of target: Int, in window: [UInt8]) -> Int {
        if target < index { return feeds - window[target..<index].count { $0 == 0x0A } + 1 }
        feeds += window[index..<target].count { $0 == 0x0A }
        index = target
        return feeds + 1
    }

    /// To be called before so many bytes are dropped from the window.
    mutating func drop(_ count: Int, of window: [UInt8]) {
        if index < count { _ = line(of: count, in: window) }
        index -= count
    }
}
