// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// The conditions of one selector, held against candidates one after another.
struct SelectorTest {
    private let selector: RetentionSelector
    private let graph: RepositoryGraph
    private let now: Int64
    private let doubt: Bool
    private var matching: [ExpressionMatcher]
    private var notMatching: [ExpressionMatcher]
    /// Of each image whether its tags meet `withTags`, once that is known: tags of one image would else ask for each
    /// other again and again.
    private var company: [Bool?]

    init(_ selector: RetentionSelector, graph: RepositoryGraph, now: Int64, doubt: Bool) {
        self.selector = selector
        self.graph = graph
        self.now = now
        self.doubt = doubt
        matching = selector.tagsMatching.map { ExpressionMatcher($0) }
        notMatching = selector.notTagsMatching.map { ExpressionMatcher($0) }
        company = selector.withTags.isEmpty ? [] : Array(repeating: nil, count: graph.imagesCount)
    }

    mutating func holds(_ candidate: RetentionCandidates.Candidate) -> Bool {
        if let tag = candidate.tag {
            guard selector.untagged != .only, holdsForName(graph.tags[tag].tag.description, candidate) else {
                return false
            }
        } else if selector.untagged == .no {
            return false
        }
        return holdsForAge(candidate) && holdsForManifest(candidate)
    }

    private mutating func holdsForName(_ name: String, _ candidate: RetentionCandidates.Candidate) -> Bool {
        if !selector.tags.isEmpty, !selector.tags.contains(where: { $0.matches(name) }) { return false }
        if selector.notTags.contains(where: { $0.matches(name) }) { return false }
        if selector.asksForVersions {
            guard let version = candidate.version else { return false }
            if let preRelease = selector.preRelease, preRelease != version.isPreRelease { return false }
            let anyPreRelease = selector.preRelease == true
            if !selector.versions.isEmpty,
                !selector.versions.contains(where: { $0.contains(version, anyPreRelease: anyPreRelease) })
            {
                return false
            }
        }
        if !matching.isEmpty, !Self.any(&matching, name) { return false }
        if Self.any(&notMatching, name) { return false }
        return selector.withTags.isEmpty || isInCompany(candidate.image)
    }

    private static func any(_ matchers: inout [ExpressionMatcher], _ name: String) -> Bool {
        for index in matchers.indices where matchers[index].matches(name) { return true }
        return false
    }

    private mutating func isInCompany(_ image: Int) -> Bool {
        if let known = company[image] { return known }
        let names = graph.ordinaryTags[image].map { graph.tags[Int($0)].tag.description }
        let isMet = selector.withTags.allSatisfy { pattern in names.contains { pattern.matches($0) } }
        company[image] = isMet
        return isMet
    }

    private func holdsForAge(_ candidate: RetentionCandidates.Candidate) -> Bool {
        if let limit = selector.pushedBefore {
            guard age(candidate.pushedAt).map({ $0 > limit }) ?? doubt else { return false }
        }
        if let limit = selector.pushedWithin {
            guard age(candidate.pushedAt).map({ $0 <= limit }) ?? doubt else { return false }
        }
        if let limit = selector.pulledBefore {
            let used = max(candidate.pushedAt, candidate.lastPull ?? candidate.pushedAt)
            guard age(used).map({ $0 > limit }) ?? doubt else { return false }
        }
        if let limit = selector.pulledWithin {
            guard let pulled = candidate.lastPull, age(pulled).map({ $0 <= limit }) ?? doubt else { return false }
        }
        return true
    }

    /// Seconds since then; nil for what has not been yet.
    private func age(_ time: Int64) -> Int64? {
        guard time <= now else { return nil }
        let (age, overflow) = now.subtractingReportingOverflow(time)
        return overflow ? .max : age
    }

    private func holdsForManifest(_ candidate: RetentionCandidates.Candidate) -> Bool {
        if let orphaned = selector.orphaned {
            let isOrphaned = graph.isOrphaned(candidate.image) || candidate.tag.map(graph.isOrphanedTag) == true
            if isOrphaned != orphaned { return false }
        }
        guard !selector.mediaTypes.isEmpty || !selector.artifactTypes.isEmpty || !selector.annotations.isEmpty else {
            return true
        }
        guard candidate.image < graph.manifests.count else { return false }
        let manifest = graph.manifests[candidate.image]
        if !selector.mediaTypes.isEmpty {
            let type = manifest.mediaType.description
            guard selector.mediaTypes.contains(where: { $0.matches(type) }) else { return false }
        }
        if !selector.artifactTypes.isEmpty {
            guard let type = (manifest.artifactType ?? manifest.configType)?.description,
                selector.artifactTypes.contains(where: { $0.matches(type) })
            else { return false }
        }
        return selector.annotations.allSatisfy { annotation in
            manifest.annotations[annotation.key].map { annotation.value.matches($0) } ?? false
        }
    }
}
