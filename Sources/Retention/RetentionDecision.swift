// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What becomes of one tag or one manifest, and why.
package struct RetentionDecision: Sendable, Hashable {
    package enum Subject: Sendable, Hashable {
        /// A tag, and what it names.
        case tag(Tag, Digest)
        case manifest(Digest)
    }

    package enum Verdict: String, Sendable, Hashable, CaseIterable {
        case keep, delete
    }

    package let subject: Subject
    package let verdict: Verdict
    /// The rule that decided. For what goes because something else goes, the rule that deletes that.
    package let rule: String?
    /// A clause for people: `no rule selects it`.
    package let reason: String

    package init(subject: Subject, verdict: Verdict, rule: String?, reason: String) {
        self.subject = subject
        self.verdict = verdict
        self.rule = rule
        self.reason = reason
    }
}
