// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// How an image stands to one rule.
package struct RuleVerdict: Sendable, Hashable {
    /// The rule's position in the policy.
    package let index: Int
    package let enforcement: TrustRule.Enforcement
    /// One for each requirement, in the rule's order.
    package let outcomes: [RequirementOutcome]

    package var failures: [RequirementOutcome] { outcomes.filter { !$0.isSatisfied } }
}

/// How an image stands to a policy, in a form that can be kept: while the window lasts and the policy is the same, and
/// as long as nothing else is attached to the image, evaluation would come to the same.
package struct TrustVerdict: Sendable, Hashable {
    /// The policy's fingerprint.
    package let policy: Digest
    package let image: Digest
    /// The tag for which it was judged. It matters where a rule compares tags: see `TrustRule.asksForTag`.
    package let tag: Tag?
    /// Of the rules that bind the repository, in the policy's order; empty: nothing is asked for.
    package let rules: [RuleVerdict]

    package init(policy: Digest, image: Digest, tag: Tag?, rules: [RuleVerdict]) {
        self.policy = policy
        self.image = image
        self.tag = tag
        self.rules = rules
    }

    /// When all outcomes hold.
    package var window: TimeWindow {
        var window = TimeWindow.always
        for outcome in rules.lazy.flatMap(\.outcomes) { window.cut(to: outcome.window) }
        return window
    }

    /// Whether it still says what evaluation would say. If not, evaluate again, or refuse.
    package func isCurrent(policy: Digest, now: Int64) -> Bool { policy == self.policy && window.contains(now) }

    /// What the image lacks by the rules that are enforced in one of these ways.
    ///
    /// - Parameters:
    ///   - enforcements: For a pull `[.pull]`, for a promotion `[.pull, .promote]`, for a warning `[.warn]`.
    ///   - exempts: Whether the rule at a position of the policy does not bind the principal who asks.
    /// - Returns: The outcomes to show; none where the image may pass.
    package func failures(
        of enforcements: Set<TrustRule.Enforcement>,
        exempts: (Int) -> Bool = { _ in false }
    ) -> [RequirementOutcome] {
        rules.filter { enforcements.contains($0.enforcement) && !$0.failures.isEmpty && !exempts($0.index) }
            .flatMap(\.failures)
    }
}

extension TrustRule {
    /// Whether a verdict depends on the tag by which an image is asked for.
    package var asksForTag: Bool {
        requirements.contains { if case .provenance(let asked) = $0 { asked.tagMatchesRevision } else { false } }
    }
}
