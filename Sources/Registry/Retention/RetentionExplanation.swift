// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
import Retention

/// Why an image stays or goes.
package struct RetentionExplanation: Sendable {
    package struct Verdict: Sendable {
        /// nil where it is about the manifest itself.
        package let tag: Tag?
        package let digest: Digest
        package let stays: Bool
        package let rule: String?
        package let reason: String
    }

    /// The verdicts on the image and on all its tags, the one that was asked about first.
    package let verdicts: [Verdict]
    /// What keeps the image whatever the rules say.
    package let protections: [String]
    /// Whether any rule is about the repository.
    package let hasRules: Bool
    /// Runs that decided on it before and what became of that, newest first.
    package let past: [String]
}

extension RetentionRunner {
    /// What the rules say of an image now, and why.
    ///
    /// - Throws: `RegistryError.manifestUnknown` for what is not here.
    package func explain(_ reference: Reference, in name: RepositoryName) async throws -> RetentionExplanation {
        let inventory = try await RetentionInventory(of: name, in: catalog)
        let digest: Digest
        switch reference {
        case .digest(let given): digest = given
        case .tag(let tag):
            guard let found = inventory.tags[tag] else { throw RegistryError.manifestUnknown(reference) }
            digest = found.digest
        }
        guard inventory.manifests[digest] != nil else { throw RegistryError.manifestUnknown(reference) }
        let rules = settings?.rules(for: name) ?? []
        let now = clock.wall()
        let kept = try await protections.all(of: name, now: now)
        let verdicts = await RetentionEvaluation.run(inventory.snapshot, rules: rules, protections: kept, now: now)
            .filter { $0.subject.digest == digest }
            .map { decision in
                RetentionExplanation.Verdict(
                    tag: decision.subject.tag,
                    digest: digest,
                    stays: decision.verdict == .keep,
                    rule: decision.rule,
                    reason: decision.reason
                )
            }
        let asked = verdicts.filter { $0.tag.map { .tag($0) == reference } ?? (.digest(digest) == reference) }
        let others = verdicts.filter { !($0.tag.map { .tag($0) == reference } ?? (.digest(digest) == reference)) }
        let tags = Set(verdicts.compactMap(\.tag))
        return RetentionExplanation(
            verdicts: asked + others,
            protections: kept.filter { $0.isAbout(digest, tags) }.map(\.reason),
            hasRules: !rules.isEmpty,
            past: try await catalog.pastDecisions(on: digest, in: name, limit: RegistryLimits.retentionRunsKept).map {
                "run \($0.run): \($0.item.description)"
            }
        )
    }
}

extension Protection {
    fileprivate func isAbout(_ digest: Digest, _ tags: Set<Tag>) -> Bool {
        switch target {
        case .digest(let protected): protected == digest
        case .tag(let tag): tags.contains(tag)
        case .everything: true
        }
    }
}

extension RetentionItem {
    fileprivate var description: String {
        let what = tag.map { "the tag \($0)" } ?? "the image"
        let became = outcome.map { " (\($0))" } ?? ""
        switch state {
        case .kept: return "kept \(what): \(reason)"
        case .planned: return "would delete \(what): \(reason)"
        case .done: return "deleted \(what): \(reason)"
        case .skipped: return "left \(what) as it was\(became)"
        case .restored: return "brought \(what) back"
        case .conflict: return "could not bring \(what) back\(became)"
        }
    }
}
