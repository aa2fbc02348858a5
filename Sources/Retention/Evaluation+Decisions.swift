// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

extension Evaluation {
    /// The verdicts in words.
    func decisions() -> [RetentionDecision] {
        let words = rules.map { rule in
            "\(rule.action == .keep ? "kept" : "deleted") by rule '\(rule.name)': \(rule.selector.summary)"
        }
        var decisions: [RetentionDecision] = []
        decisions.reserveCapacity(tags.count + manifests.count)
        for (number, facts) in graph.tags.enumerated() {
            decisions.append(decision(.tag(facts.tag, facts.digest), tags[number], words, isTag: true))
        }
        for (number, facts) in graph.manifests.enumerated() {
            decisions.append(decision(.manifest(facts.digest), manifests[number], words, isTag: false))
        }
        return decisions
    }

    private func decision(
        _ subject: RetentionDecision.Subject,
        _ outcome: Outcome?,
        _ words: [String],
        isTag: Bool
    ) -> RetentionDecision {
        // A tag without one is attached to what holds itself in a circle.
        let outcome = outcome ?? Outcome(keeps: true, because: .circle)
        let fate = outcome.keeps ? "which stays" : "which goes"
        var rule = outcome.rule
        let reason: String
        switch outcome.because {
        case .protection(let number): reason = protections[number].reason
        case .rule(let number):
            rule = number
            reason = words[number]
        case .noRule: reason = isTag ? "no rule selects it" : "untagged, and no rule selects it"
        case .sameImage(let tag): reason = "the same image as tag \(graph.tags[tag].tag), \(fate)"
        case .attached(let manifest): reason = "attached to \(graph.manifests[manifest].digest), \(fate)"
        case .tag(let tag): reason = "tagged \(graph.tags[tag].tag), \(fate)"
        case .index(let manifest): reason = "part of index \(graph.manifests[manifest].digest), \(fate)"
        case .subject(let manifest): reason = "describes \(graph.manifests[manifest].digest), \(fate)"
        case .circle: reason = "held in a circle of manifests that hold each other"
        }
        return RetentionDecision(
            subject: subject,
            verdict: outcome.keeps ? .keep : .delete,
            rule: rule.map { rules[$0].name },
            reason: reason
        )
    }
}
