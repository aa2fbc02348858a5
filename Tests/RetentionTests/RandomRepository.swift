// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Retention

/// Small repositories full of odd cases, with rules and protections: the same for the same seed.
struct RandomRepository {
    private(set) var snapshot: RepositorySnapshot
    private(set) var rules: [RetentionRule] = []
    private(set) var protections: [Protection] = []
    private var random: SeededGenerator

    /// Ages that rules ask for, and those of pushes and pulls: on the edge, beside it, and after now.
    private static let limits: [Int64] = [10, 20, 40]
    private static let ages: [Int64] = [-15, -1, 0, 5, 9, 10, 11, 19, 20, 21, 30, 39, 40, 41, 100]

    init(seed: UInt64) throws {
        random = SeededGenerator(seed)
        snapshot = Repository().snapshot
        snapshot = makeSnapshot()
        let together = random.once(in: 4)
        for number in 0..<random.below(6) {
            rules.append(
                RetentionRule(
                    name: "p/\(number)",
                    action: random.once(in: 3) ? .keep : .delete,
                    selector: try makeSelector(isException: false),
                    together: together
                )
            )
        }
        for number in 0..<max(0, random.below(5) - 2) { protections.append(makeProtection(number)) }
    }

    private mutating func someDigest() -> Digest { digest(random.below(12), random.once(in: 8) ? .sha512 : .sha256) }

    private mutating func makeSnapshot() -> RepositorySnapshot {
        var repository = Repository()
        let numbers = (0..<(1 + random.below(9))).map { $0 }.shuffled(using: &random)
        for number in numbers {
            let isIndex = random.once(in: 3)
            repository.manifests.append(
                ManifestFacts(
                    digest: digest(number, random.once(in: 8) ? .sha512 : .sha256),
                    mediaType: isIndex ? .imageIndex : .imageManifest,
                    artifactType: random.once(in: 3) ? random.pick([.spdx, .sarif]) : nil,
                    configType: random.once(in: 2) ? .imageConfig : nil,
                    subject: random.once(in: 4) ? someDigest() : nil,
                    children: isIndex ? (0..<random.below(4)).map { _ in someDigest() } : [],
                    pushedAt: now - random.pick(Self.ages),
                    lastPull: random.once(in: 2) ? now - random.pick(Self.ages) : nil,
                    annotations: random.once(in: 3) ? ["a": random.pick(["x", "y"])] : [:]
                )
            )
        }
        let names = [
            "latest", "main", "main-1", "main-2", "dev-1", "dev-x-2", "v1.0.0", "1.0.0", "1.0.1-rc.1", "v1.1.0",
            "2.0.0",
            "v1.1.7", "1.1", "sha256-00",
        ]
        var used: Set<Tag> = []
        for _ in 0..<random.below(10) {
            var text = random.pick(names)
            if random.once(in: 4) {
                text = someDigest().referrersTag.description + random.pick(["", ".sig", ".att", ".a.b"])
            }
            let named = random.once(in: 12) ? someDigest() : random.pick(repository.manifests).digest
            guard used.insert(tag(text)).inserted else { continue }
            repository.tags.append(TagFacts(tag: tag(text), digest: named, setAt: now - random.pick(Self.ages)))
        }
        return repository.snapshot
    }

    private mutating func makeProtection(_ number: Int) -> Protection {
        let target: Protection.Target
        switch random.below(10) {
        case 0: target = .everything
        case 1...4: target = snapshot.tags.isEmpty ? .tag(tag("none")) : .tag(random.pick(snapshot.tags).tag)
        default: target = .digest(random.pick(snapshot.manifests).digest)
        }
        return Protection(target: target, reason: "protected by \(number)")
    }

    private func glob(_ text: String) throws -> Glob { try Glob(parsing: text) }

    private mutating func makeSelector(isException: Bool) throws -> RetentionSelector {
        var selector = RetentionSelector()
        selector.untagged = random.pick([.no, .no, .no, .only, .also])
        for _ in 0..<random.below(4) {
            let limit = random.pick(Self.limits)
            switch random.below(16) {
            case 0: selector.tags = [try glob(random.pick(["*", "main*", "v*", "*-*", "sha256-*"]))]
            case 1: selector.notTags = [try glob(random.pick(["latest", "main*", "1*"]))]
            case 2:
                selector.tagsMatching = [
                    try TagExpression(parsing: random.pick(["([a-z]+)-.*", "(v?)\\d.*", "(?i)M(A|b).+"]))
                ]
            case 3: selector.notTagsMatching = [try TagExpression(parsing: random.pick(["v.*", ".*[0-9]$"]))]
            case 4: selector.withTags = try ["main*", "v1*", "*"].shuffled(using: &random).prefix(2).map(glob)
            case 5:
                selector.versions = [
                    try VersionRange(parsing: random.pick(["^1", ">=1.0.0-0 <1.1", "~1.1", "*", "2.x"]))
                ]
            case 6: selector.preRelease = random.once(in: 2)
            case 7: selector.pushedBefore = limit
            case 8: selector.pushedWithin = limit
            case 9: selector.pulledBefore = limit
            case 10: selector.pulledWithin = limit
            case 11: selector.orphaned = random.once(in: 2)
            case 12: selector.mediaTypes = [try glob(random.pick(["application/*index*", "application/*"]))]
            case 13:
                selector.artifactTypes = [try glob(random.pick(["application/spdx+json", "application/vnd.oci.*"]))]
            case 14: selector.annotations = [.init(key: "a", value: try glob("x"))]
            default: selector.newest = makeNewest(selector)
            }
        }
        if random.once(in: 3) { selector.newest = makeNewest(selector) }
        if !isException, random.once(in: 4) {
            for _ in 0...random.below(2) { selector.except.append(try makeSelector(isException: true)) }
        }
        return selector
    }

    private mutating func makeNewest(_ selector: RetentionSelector) -> Newest {
        var newest = Newest(1 + random.below(3))
        newest.unit = random.once(in: 3) ? .images : .tags
        newest.order = random.pick([.push, .pull, .push])
        guard selector.untagged == .no else { return newest }
        newest.order = random.pick([.push, .pull, .version])
        newest.grouping = random.pick([
            .none, .none, .major, .minor, .prefix("-"), .prefix("."), selector.tagsMatching.isEmpty ? .none : .capture,
        ])
        return newest
    }
}
