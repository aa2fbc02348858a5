// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Retention

/// The rules as `docs/retention.md` describes them, written down again without a thought for time: sets that grow until
/// nothing changes, every question asked of everything.
struct Oracle {
    let snapshot: RepositorySnapshot
    let rules: [RetentionRule]
    let protections: [Protection]
    let now: Int64

    /// What rules judge.
    private enum Item: Hashable {
        case tag(TagFacts)
        case untagged(Digest)
    }

    private func manifest(_ digest: Digest) -> ManifestFacts? { snapshot.manifests.first { $0.digest == digest } }

    // MARK: Who holds whom

    private func isAttached(_ facts: TagFacts) -> Bool { subject(of: facts) != nil }

    /// The manifest here that a tag such as `sha256-….sig` belongs to.
    private func subject(of facts: TagFacts) -> Digest? {
        let text = facts.tag.description
        for manifest in snapshot.manifests where manifest.digest != facts.digest {
            let base = "\(manifest.digest.algorithm.name)-\(manifest.digest.hex.prefix(64))"
            if text == base || (text.hasPrefix(base + ".") && text.count > base.count + 1) { return manifest.digest }
        }
        return nil
    }

    private func hasAttachmentForm(_ facts: TagFacts) -> Bool {
        let parts = facts.tag.description.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].count == 71, parts[0].hasPrefix("sha256-") || parts[0].hasPrefix("sha512-") else { return false }
        return parts[0].dropFirst(7).allSatisfy { "0123456789abcdef".contains($0) }
            && (parts.count == 1 || parts[1] != "")
    }

    /// What keeps a manifest besides its tags: the indexes that list it, and its subject.
    private func owners(_ digest: Digest) -> [Digest] {
        snapshot.manifests.filter { other in
            other.digest != digest
                && (other.children.contains(digest) || manifest(digest)?.subject == other.digest)
        }.map(\.digest)
    }

    private func tags(of digest: Digest) -> [TagFacts] { snapshot.tags.filter { $0.digest == digest } }

    private func ordinaryTags(of digest: Digest) -> [TagFacts] { tags(of: digest).filter { !isAttached($0) } }

    // MARK: What a selector selects

    private var items: [Item] {
        snapshot.tags.filter { !isAttached($0) }.map { .tag($0) }
            + snapshot.manifests.map(\.digest).filter { tags(of: $0).isEmpty && owners($0).isEmpty }.map {
                .untagged($0)
            }
    }

    private func image(_ item: Item) -> Digest {
        switch item {
        case .tag(let facts): facts.digest
        case .untagged(let digest): digest
        }
    }

    private func pushed(_ item: Item) -> Int64 {
        switch item {
        case .tag(let facts): facts.setAt
        case .untagged(let digest): manifest(digest)?.pushedAt ?? 0
        }
    }

    private func pulled(_ item: Item) -> Int64? { manifest(image(item))?.lastPull }

    private func isOrphaned(_ item: Item) -> Bool {
        if let subject = manifest(image(item))?.subject, manifest(subject) == nil { return true }
        guard case .tag(let facts) = item, hasAttachmentForm(facts) else { return false }
        let own = "\(facts.digest.algorithm.name)-\(facts.digest.hex.prefix(64))"
        return !(facts.tag.description == own || facts.tag.description.hasPrefix(own + "."))
    }

    private func version(_ item: Item) -> Version? {
        guard case .tag(let facts) = item else { return nil }
        return try? Version(parsing: facts.tag.description)
    }

    private func meetsConditions(_ item: Item, _ selector: RetentionSelector, keeps: Bool) -> Bool {
        switch item {
        case .untagged: if selector.untagged == .no { return false }
        case .tag(let facts):
            if selector.untagged == .only { return false }
            let text = facts.tag.description
            let siblings = ordinaryTags(of: facts.digest).map(\.tag.description)
            let asked: [Bool] = [
                selector.tags.isEmpty || selector.tags.contains { $0.matches(text) },
                !selector.notTags.contains { $0.matches(text) },
                selector.tagsMatching.isEmpty || selector.tagsMatching.contains { $0.matches(text) },
                !selector.notTagsMatching.contains { $0.matches(text) },
                selector.withTags.allSatisfy { pattern in siblings.contains { pattern.matches($0) } },
                selector.versions.isEmpty
                    || version(item).map { version in
                        selector.versions.contains { $0.contains(version, anyPreRelease: selector.preRelease == true) }
                    } ?? false,
                selector.preRelease == nil || version(item)?.isPreRelease == selector.preRelease,
            ]
            if asked.contains(false) { return false }
        }
        func ago(_ time: Int64, _ test: (Int64) -> Bool) -> Bool { time > now ? keeps : test(now - time) }
        let used = max(pushed(item), pulled(item) ?? .min)
        let asked: [Bool] = [
            selector.pushedBefore.map { limit in ago(pushed(item)) { $0 > limit } } ?? true,
            selector.pushedWithin.map { limit in ago(pushed(item)) { $0 <= limit } } ?? true,
            selector.pulledBefore.map { limit in ago(used) { $0 > limit } } ?? true,
            selector.pulledWithin.map { limit in pulled(item).map { pull in ago(pull) { $0 <= limit } } ?? false }
                ?? true,
            selector.orphaned.map { $0 == isOrphaned(item) } ?? true,
            holdsForManifest(item, selector),
        ]
        return !asked.contains(false)
    }

    private func holdsForManifest(_ item: Item, _ selector: RetentionSelector) -> Bool {
        let facts = manifest(image(item))
        let kind = facts.flatMap { $0.artifactType ?? $0.configType }
        return
            (selector.mediaTypes.isEmpty
            || selector.mediaTypes.contains { $0.matches(facts?.mediaType.description ?? "") })
            && (selector.artifactTypes.isEmpty
                || selector.artifactTypes.contains { $0.matches(kind?.description ?? "") })
            && selector.annotations.allSatisfy { wanted in
                facts?.annotations[wanted.key].map { wanted.value.matches($0) } ?? false
            }
    }

    private func group(_ item: Item, _ newest: Newest, _ selector: RetentionSelector) -> String {
        guard case .tag(let facts) = item else { return "" }
        let text = facts.tag.description
        switch newest.grouping {
        case .none: return ""
        case .major, .minor:
            let numbers = text.drop { $0 == "v" }.split(separator: ".")
            return numbers.prefix(newest.grouping == .major ? 1 : 2).joined(separator: ".")
        case .prefix(let mark):
            var cut = text
            while !cut.isEmpty, !cut.hasSuffix(mark) { cut.removeLast() }
            return cut.isEmpty ? text : String(cut.dropLast(mark.count))
        case .capture:
            for expression in selector.tagsMatching {
                var matcher = ExpressionMatcher(expression)
                if let found = matcher.capture(text) { return found }
            }
            return text
        }
    }

    private func isNewer(_ left: Item, _ right: Item, _ order: Newest.Order) -> Bool {
        if order == .pull, pulled(left) != pulled(right) { return (pulled(left) ?? .min) > (pulled(right) ?? .min) }
        if order == .version, let first = version(left), let second = version(right), first != second {
            return first > second
        }
        if pushed(left) != pushed(right) { return pushed(left) > pushed(right) }
        switch (left, right) {
        case (.tag(let left), .tag(let right)): return left.tag > right.tag
        case (.tag, .untagged): return true
        case (.untagged, .tag): return false
        case (.untagged(let left), .untagged(let right)): return left > right
        }
    }

    private func selection(_ selector: RetentionSelector, keeps: Bool) -> Set<Item> {
        var met = items.filter { meetsConditions($0, selector, keeps: keeps) }
        if let newest = selector.newest {
            if newest.order == .version || newest.grouping == .major || newest.grouping == .minor {
                met = met.filter { version($0) != nil }
            }
            met = met.filter { item in
                let rivals = met.filter {
                    group($0, newest, selector) == group(item, newest, selector) && isNewer($0, item, newest.order)
                }
                guard newest.unit == .images else { return rivals.count < newest.count }
                // An image stands at the place of its newest tag.
                let mine = met.filter {
                    group($0, newest, selector) == group(item, newest, selector) && image($0) == image(item)
                }
                let best = mine.first { one in !mine.contains { isNewer($0, one, newest.order) } } ?? item
                let ahead = met.filter {
                    group($0, newest, selector) == group(item, newest, selector) && isNewer($0, best, newest.order)
                }
                return Set(ahead.map(image)).count < newest.count
            }
        }
        let excepted = selector.except.map { selection($0, keeps: !keeps) }
        return Set(met.filter { item in !excepted.contains { $0.contains(item) } })
    }

    // MARK: Verdicts

    private func isProtected(_ digest: Digest) -> Bool {
        protections.contains { $0.target == .digest(digest) || $0.target == .everything }
    }

    private func isProtected(_ facts: TagFacts) -> Bool {
        isProtected(facts.digest) || protections.contains { $0.target == .tag(facts.tag) }
    }

    /// What goes: tags and manifests.
    func gone() -> Set<RetentionDecision.Subject> {
        let kept = rules.filter { $0.action == .keep }.map { selection($0.selector, keeps: true) }
        let deleted = rules.filter { $0.action == .delete }.map { selection($0.selector, keeps: false) }
        func goesByRule(_ item: Item) -> Bool {
            !kept.contains { $0.contains(item) } && deleted.contains { $0.contains(item) }
        }
        var goneTags = Set(
            snapshot.tags.filter { !isAttached($0) && !isProtected($0) && goesByRule(.tag($0)) }
        )
        if rules.contains(where: \.together) {
            let before = goneTags
            goneTags = before.filter { facts in ordinaryTags(of: facts.digest).allSatisfy { before.contains($0) } }
        }
        // What goes, grown from what rules delete: everything that all that could hold it has left.
        var goneManifests: Set<Digest> = []
        while true {
            let more = snapshot.manifests.map(\.digest).filter { digest in
                guard !goneManifests.contains(digest), !isProtected(digest) else { return false }
                let (names, holders) = (tags(of: digest), owners(digest))
                if names.isEmpty, holders.isEmpty { return goesByRule(.untagged(digest)) }
                return names.allSatisfy(goneTags.contains) && holders.allSatisfy(goneManifests.contains)
            }
            goneManifests.formUnion(more)
            let attached = snapshot.tags.filter { facts in
                !goneTags.contains(facts) && !isProtected(facts)
                    && subject(of: facts).map { goneManifests.contains($0) } ?? false
            }
            goneTags.formUnion(attached)
            if more.isEmpty, attached.isEmpty { break }
        }
        return Set(goneTags.map { .tag($0.tag, $0.digest) } + goneManifests.map { .manifest($0) })
    }
}
