// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What rules judge in a repository: untagged roots in the order of digests, then ordinary tags in that of names. Of
/// two with equal rank the later one counts as the newer.
struct RetentionCandidates {
    struct Candidate {
        /// Of the graph.
        let tag: Int?
        let image: Int
        let pushedAt: Int64
        let lastPull: Int64?
        /// nil for what is no version, and where no rule asks.
        let version: Version?
    }

    let graph: RepositoryGraph
    let all: [Candidate]
    private let now: Int64

    init(_ graph: RepositoryGraph, rules: [RetentionRule], now: Int64) {
        let needsVersions = rules.contains { rule in
            rule.selector.asksForVersions || rule.selector.except.contains(where: \.asksForVersions)
        }
        var all: [Candidate] = []
        all.reserveCapacity(graph.tags.count)
        for (number, manifest) in graph.manifests.enumerated() where graph.isUntaggedRoot(number) {
            all.append(
                Candidate(
                    tag: nil,
                    image: number,
                    pushedAt: manifest.pushedAt,
                    lastPull: manifest.lastPull,
                    version: nil
                )
            )
        }
        for (number, facts) in graph.tags.enumerated() where graph.attachedTo[number] == nil {
            let image = graph.image[number]
            all.append(
                Candidate(
                    tag: number,
                    image: image,
                    pushedAt: facts.setAt,
                    lastPull: image < graph.manifests.count ? graph.manifests[image].lastPull : nil,
                    version: needsVersions ? Version.read(facts.tag.description) : nil
                )
            )
        }
        self.graph = graph
        self.all = all
        self.now = now
    }

    /// What a rule selects, by number, in order.
    func selected(by rule: RetentionRule) -> [Int] {
        let keeps = rule.action == .keep
        let chosen = selected(by: rule.selector, inDoubt: keeps)
        guard !rule.selector.except.isEmpty, !chosen.isEmpty else { return chosen }
        var isExcepted = [Bool](repeating: false, count: all.count)
        for exception in rule.selector.except {
            for number in selected(by: exception, inDoubt: !keeps) { isExcepted[number] = true }
        }
        return chosen.filter { !isExcepted[$0] }
    }

    /// What a selector by itself selects. `doubt` says whether a condition on age holds for what was pushed or pulled
    /// after `now`: such a clock has jumped, and what it says must not make anything go.
    private func selected(by selector: RetentionSelector, inDoubt doubt: Bool) -> [Int] {
        var test = SelectorTest(selector, graph: graph, now: now, doubt: doubt)
        let matching = all.indices.filter { test.holds(all[$0]) }
        guard let newest = selector.newest else { return matching }
        return pick(newest, of: matching, selector)
    }

    // MARK: The newest few

    private func pick(_ newest: Newest, of matching: [Int], _ selector: RetentionSelector) -> [Int] {
        var groups = CandidateGroups(newest.grouping, selector.tagsMatching)
        var members: [Int: [Int]] = [:]
        for number in matching {
            guard !newest.needsVersions || all[number].version != nil else { continue }
            let name = all[number].tag.map { graph.tags[$0].tag.description } ?? ""
            members[groups.group(of: name, all[number].version), default: []].append(number)
        }
        var picked: [Int] = []
        for group in members.values {
            let ranked = group.sorted { isNewer($0, $1, newest.order) }
            switch newest.unit {
            case .tags: picked += ranked.prefix(newest.count)
            case .images:
                var images: Set<Int> = []
                picked += ranked.filter { number in
                    let image = all[number].image
                    if images.contains(image) { return true }
                    guard images.count < newest.count else { return false }
                    images.insert(image)
                    return true
                }
            }
        }
        return picked.sorted()
    }

    private func isNewer(_ left: Int, _ right: Int, _ order: Newest.Order) -> Bool {
        let (first, second) = (all[left], all[right])
        switch order {
        case .push: break
        case .pull:
            // What was never pulled comes last.
            switch (first.lastPull, second.lastPull) {
            case (.some(let pull), .some(let other)): if pull != other { return pull > other }
            case (.some, nil): return true
            case (nil, .some): return false
            case (nil, nil): break
            }
        case .version:
            if let version = first.version, let other = second.version, version != other { return version > other }
        }
        return first.pushedAt != second.pushedAt ? first.pushedAt > second.pushedAt : left > right
    }
}

/// Numbers the groups that `newest` picks from.
private struct CandidateGroups {
    private let grouping: Newest.Grouping
    private var matchers: [ExpressionMatcher]
    private var numbers: [String: Int] = [:]

    init(_ grouping: Newest.Grouping, _ expressions: [TagExpression]) {
        self.grouping = grouping
        matchers = grouping == .capture ? expressions.map { ExpressionMatcher($0) } : []
    }

    mutating func group(of name: String, _ version: Version?) -> Int {
        switch grouping {
        case .none: return 0
        case .major, .minor:
            guard let version else { return 0 }
            return number(grouping == .major ? "\(version.major)" : "\(version.major).\(version.minor)")
        case .prefix(let separator): return number(Self.prefix(of: name, upTo: separator))
        case .capture:
            for index in matchers.indices {
                if let text = matchers[index].capture(name) { return number(text) }
            }
            return number(name)
        }
    }

    private mutating func number(_ text: String) -> Int {
        if let number = numbers[text] { return number }
        numbers[text] = numbers.count
        return numbers.count - 1
    }

    /// What stands before the last occurrence; all of it where there is none.
    private static func prefix(of name: String, upTo separator: String) -> String {
        let bytes = Array(name.utf8)
        let mark = Array(separator.utf8)
        guard bytes.count >= mark.count else { return name }
        for start in stride(from: bytes.count - mark.count, through: 0, by: -1)
        where bytes[start...].starts(with: mark) {
            return String(decoding: bytes[..<start], as: UTF8.self)
        }
        return name
    }
}
