// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Retention

/// Puts the decisions about one repository into the order in which they can be carried out.
///
/// What goes together is one group: a manifest with its tags and with what describes it, so that no image ever stands
/// without its signatures. Groups with indexes come before those with what they hold.
struct RetentionGrouping {
    private let inventory: RetentionInventory
    private let decisions: [RetentionDecision]
    /// Manifests that go.
    private let going: Set<Digest>
    /// What the tags that go are attached to, by the manifest that has them.
    private let attachedTo: [Digest: Digest]

    init(_ decisions: [RetentionDecision], _ inventory: RetentionInventory) {
        self.inventory = inventory
        self.decisions = decisions
        var going: Set<Digest> = []
        var attachedTo: [Digest: Digest] = [:]
        for decision in decisions where decision.verdict == .delete {
            switch decision.subject {
            case .manifest(let digest): going.insert(digest)
            case .tag(let tag, let digest):
                if let subject = tag.attachmentSubject { attachedTo[digest] = subject }
            }
        }
        self.going = going
        self.attachedTo = attachedTo
    }

    /// The manifest at the head of the group that a manifest goes with.
    private func head(of digest: Digest) -> Digest {
        var head = digest
        var seen: Set<Digest> = [digest]
        while let next = inventory.manifests[head]?.subject ?? attachedTo[head],
            going.contains(next), seen.insert(next).inserted
        {
            head = next
        }
        return head
    }

    private struct Group {
        var depth = 0
        var tags: [RetentionDecision] = []
        var manifests: [RetentionDecision] = []
    }

    /// All decisions, numbered from `first` on: those to delete, by groups, then those to keep.
    func items(from first: Int64) -> [RetentionItem] {
        var groups: [Digest: Group] = [:]
        var order: [Digest] = []
        var alone: [[RetentionDecision]] = []
        var kept: [RetentionDecision] = []
        for decision in decisions {
            guard decision.verdict == .delete else {
                kept.append(decision)
                continue
            }
            let digest = decision.subject.digest
            guard going.contains(digest) else {
                alone.append([decision])
                continue
            }
            let head = head(of: digest)
            if groups[head] == nil { order.append(head) }
            var group = groups[head] ?? Group()
            group.depth = max(group.depth, inventory.manifests[digest]?.depth ?? 0)
            if case .tag = decision.subject { group.tags.append(decision) } else { group.manifests.append(decision) }
            groups[head] = group
        }
        var whole: [(depth: Int, decisions: [RetentionDecision])] = []
        for head in order {
            guard let group = groups[head] else { continue }
            // More tags than one transaction should remove go before.
            var tags = group.tags[...]
            while tags.count > RegistryLimits.retentionGroupTags {
                alone.append(Array(tags.prefix(RegistryLimits.retentionGroupTags)))
                tags = tags.dropFirst(RegistryLimits.retentionGroupTags)
            }
            whole.append((group.depth, tags + group.manifests))
        }
        let sorted = whole.enumerated().sorted { left, right in
            left.element.depth != right.element.depth
                ? left.element.depth > right.element.depth : left.offset < right.offset
        }
        let all = alone + sorted.map(\.element.decisions) + kept.map { [$0] }
        var items: [RetentionItem] = []
        items.reserveCapacity(decisions.count)
        for group in all {
            let root = first + Int64(items.count)
            for decision in group { items.append(item(decision, first + Int64(items.count), root)) }
        }
        return items
    }

    private func item(_ decision: RetentionDecision, _ number: Int64, _ root: Int64) -> RetentionItem {
        let digest = decision.subject.digest
        let tag = decision.subject.tag
        let known = tag.flatMap { inventory.tags[$0] }
        let stamp = known?.stamp ?? inventory.manifests[digest]?.stamp
        let isKept = decision.verdict == .keep
        return RetentionItem(
            item: number,
            root: root,
            repository: inventory.snapshot.name,
            tag: tag,
            digest: digest,
            isKept: isKept,
            rule: decision.rule,
            reason: decision.reason,
            stamp: stamp ?? HybridTimestamp(rawValue: 0),
            setAt: known?.setAt,
            state: isKept ? .kept : .planned
        )
    }
}

extension RetentionDecision.Subject {
    var digest: Digest {
        switch self {
        case .tag(_, let digest), .manifest(let digest): digest
        }
    }

    var tag: Tag? { if case .tag(let tag, _) = self { tag } else { nil } }
}
