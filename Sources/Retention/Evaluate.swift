// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What becomes of everything in a repository, and why.
///
/// The same arguments give the same decisions. The time is that of sorting what there is, times the number of rules.
///
/// - Parameters:
///   - snapshot: What is live in the repository.
///   - rules: Those of the policies that cover it.
///   - protections: What keeps something whatever the rules say; where several do, the first is the reason.
///   - now: Seconds since 1970. What was pushed or pulled later than that has no age: a rule that keeps by age keeps
///     it, and one that deletes by age does not select it. So a clock that went back makes nothing go.
/// - Returns: One decision for every tag, by name, then one for every manifest, by digest.
package func evaluate(
    _ snapshot: RepositorySnapshot,
    rules: [RetentionRule],
    protections: [Protection],
    now: Int64
) -> [RetentionDecision] {
    let graph = RepositoryGraph(snapshot)
    var evaluation = Evaluation(graph, rules: rules, protections: protections)
    evaluation.judgeCandidates(now: now)
    evaluation.keepDependents()
    evaluation.letGo()
    return evaluation.decisions()
}

/// Verdicts as they come to be: what stays is found first, from what rules and protections keep down to what hangs on
/// it; then what goes, where all that could hold it goes.
struct Evaluation {
    /// Why something stays or goes. Numbers are of protections, rules, tags and manifests.
    enum Because {
        case protection(Int)
        case rule(Int)
        case noRule
        case sameImage(tag: Int)
        case attached(to: Int)
        case tag(Int)
        case index(Int)
        case subject(Int)
        /// It holds what holds it.
        case circle
    }

    struct Outcome {
        let keeps: Bool
        let because: Because
        /// Where it goes, the rule that is the cause.
        var rule: Int?
    }

    let graph: RepositoryGraph
    let rules: [RetentionRule]
    let protections: [Protection]
    private let everything: Int?
    private let protectedTags: [Tag: Int]
    private let protectedDigests: [Digest: Int]
    var tags: [Outcome?]
    var manifests: [Outcome?]
    /// The verdicts of rules on untagged roots.
    private var roots: [Int: Outcome] = [:]

    init(_ graph: RepositoryGraph, rules: [RetentionRule], protections: [Protection]) {
        self.graph = graph
        self.rules = rules
        self.protections = protections
        var everything: Int?
        var protectedTags: [Tag: Int] = [:]
        var protectedDigests: [Digest: Int] = [:]
        for (number, protection) in protections.enumerated() {
            switch protection.target {
            case .everything: if everything == nil { everything = number }
            case .tag(let tag): if protectedTags[tag] == nil { protectedTags[tag] = number }
            case .digest(let digest): if protectedDigests[digest] == nil { protectedDigests[digest] = number }
            }
        }
        self.everything = everything
        self.protectedTags = protectedTags
        self.protectedDigests = protectedDigests
        tags = Array(repeating: nil, count: graph.tags.count)
        manifests = Array(repeating: nil, count: graph.manifests.count)
    }

    private func protection(of digest: Digest) -> Int? {
        [everything, protectedDigests[digest]].compactMap(\.self).min()
    }

    private func protection(of facts: TagFacts) -> Int? {
        [everything, protectedTags[facts.tag], protectedDigests[facts.digest]].compactMap(\.self).min()
    }

    // MARK: Rules

    /// Gives ordinary tags and untagged roots their verdicts.
    mutating func judgeCandidates(now: Int64) {
        let candidates = RetentionCandidates(graph, rules: rules, now: now)
        var keeping = [Int32](repeating: -1, count: candidates.all.count)
        var deleting = keeping
        for (number, rule) in rules.enumerated() {
            for candidate in candidates.selected(by: rule) {
                if rule.action == .keep {
                    if keeping[candidate] < 0 { keeping[candidate] = Int32(number) }
                } else if deleting[candidate] < 0 {
                    deleting[candidate] = Int32(number)
                }
            }
        }
        for (number, candidate) in candidates.all.enumerated() {
            let (keeps, deletes) = (Int(keeping[number]), Int(deleting[number]))
            var outcome =
                keeps >= 0
                ? Outcome(keeps: true, because: .rule(keeps))
                : deletes >= 0
                    ? Outcome(keeps: false, because: .rule(deletes), rule: deletes)
                    : Outcome(keeps: true, because: .noRule)
            guard let tag = candidate.tag else {
                roots[candidate.image] = outcome
                continue
            }
            if let protection = protection(of: graph.tags[tag]) {
                outcome = Outcome(keeps: true, because: .protection(protection))
            }
            tags[tag] = outcome
        }
        if rules.contains(where: \.together) { keepTogether() }
    }

    /// Lets a tag that stays keep the other ordinary tags of its image.
    private mutating func keepTogether() {
        for image in 0..<graph.imagesCount {
            let names = graph.ordinaryTags[image]
            guard names.count > 1, let kept = names.first(where: { tags[Int($0)]?.keeps == true }) else { continue }
            for name in names where tags[Int(name)]?.keeps == false {
                tags[Int(name)] = Outcome(keeps: true, because: .sameImage(tag: Int(kept)))
            }
        }
    }

    // MARK: What stays

    /// Keeps what is protected, tagged by what stays, or judged so, and all that hangs on it.
    mutating func keepDependents() {
        var isKept = [Bool](repeating: false, count: graph.manifests.count)
        var queue: [Int] = []
        func keep(_ manifest: Int) {
            guard manifest < isKept.count, !isKept[manifest] else { return }
            isKept[manifest] = true
            queue.append(manifest)
        }
        for (tag, facts) in graph.tags.enumerated() {
            if graph.attachedTo[tag] != nil, let protection = protection(of: facts) {
                tags[tag] = Outcome(keeps: true, because: .protection(protection))
            }
            if tags[tag]?.keeps == true { keep(graph.image[tag]) }
        }
        for (number, manifest) in graph.manifests.enumerated() {
            if protection(of: manifest.digest) != nil || roots[number]?.keeps == true { keep(number) }
        }
        while let manifest = queue.popLast() {
            for dependent in graph.dependents[manifest] { keep(Int(dependent)) }
            for tag in graph.attachedTags[manifest] {
                if tags[Int(tag)] == nil {
                    tags[Int(tag)] = Outcome(keeps: true, because: .attached(to: manifest))
                }
                keep(graph.image[Int(tag)])
            }
        }
        for manifest in isKept.indices where isKept[manifest] {
            manifests[manifest] = Outcome(keeps: true, because: reasonToKeep(manifest, isKept))
        }
    }

    private func reasonToKeep(_ manifest: Int, _ isKept: [Bool]) -> Because {
        if let protection = protection(of: graph.manifests[manifest].digest) { return .protection(protection) }
        if let tag = graph.allTags[manifest].first(where: { tags[Int($0)]?.keeps == true }) { return .tag(Int(tag)) }
        if let index = graph.indexes[manifest].first(where: { isKept[Int($0)] }) { return .index(Int(index)) }
        if let subject = graph.subjects[manifest].first(where: { isKept[Int($0)] }) { return .subject(Int(subject)) }
        return roots[manifest]?.because ?? .circle
    }

    // MARK: What goes

    /// Lets go what no longer has anything that could hold it, from the roots down. What is left then holds itself in a
    /// circle, and stays.
    mutating func letGo() {
        var holders = [Int](repeating: 0, count: graph.manifests.count)
        var queue: [Int] = []
        for manifest in holders.indices where manifests[manifest] == nil {
            holders[manifest] =
                graph.indexes[manifest].count + graph.subjects[manifest].count
                + graph.allTags[manifest].count { tags[Int($0)] == nil }
            if holders[manifest] == 0 { queue.append(manifest) }
        }
        while let manifest = queue.popLast() {
            manifests[manifest] = departure(of: manifest)
            func release(_ held: Int) {
                guard held < holders.count, manifests[held] == nil else { return }
                holders[held] -= 1
                if holders[held] == 0 { queue.append(held) }
            }
            for dependent in graph.dependents[manifest] { release(Int(dependent)) }
            for tag in graph.attachedTags[manifest] where tags[Int(tag)] == nil {
                tags[Int(tag)] = Outcome(
                    keeps: false,
                    because: .attached(to: manifest),
                    rule: manifests[manifest]?.rule
                )
                release(graph.image[Int(tag)])
            }
        }
        for manifest in manifests.indices where manifests[manifest] == nil {
            manifests[manifest] = Outcome(keeps: true, because: .circle)
            for tag in graph.attachedTags[manifest] where tags[Int(tag)] == nil {
                tags[Int(tag)] = Outcome(keeps: true, because: .attached(to: manifest))
            }
        }
    }

    /// Why a manifest goes, once all that could hold it does.
    private func departure(of manifest: Int) -> Outcome {
        if let tag = graph.allTags[manifest].first {
            return Outcome(keeps: false, because: .tag(Int(tag)), rule: tags[Int(tag)]?.rule)
        }
        if let index = graph.indexes[manifest].first {
            return Outcome(keeps: false, because: .index(Int(index)), rule: manifests[Int(index)]?.rule)
        }
        if let subject = graph.subjects[manifest].first {
            return Outcome(keeps: false, because: .subject(Int(subject)), rule: manifests[Int(subject)]?.rule)
        }
        return roots[manifest] ?? Outcome(keeps: true, because: .circle)
    }
}
