// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Retention
import Testing

/// Large repositories. `CAIRN_RETENTION_SCALE` says how many manifests, each with a tag (2,000 otherwise).
@Suite struct ScaleTests {
    private static let count =
        ProcessInfo.processInfo.environment["CAIRN_RETENTION_SCALE"].flatMap { Int($0) } ?? 2000

    /// One manifest in ten is an index of the next two, one in ten a referrer of the one before.
    private static func snapshot(_ count: Int) -> RepositorySnapshot {
        let digests = (0..<count).map { number in
            let spread = UInt32(truncatingIfNeeded: number &* 2_654_435_761)
            let bytes = (0..<32).map { UInt8(truncatingIfNeeded: ($0 < 4 ? Int(spread) : number) >> (8 * ($0 % 4))) }
            return Digest(algorithm: .sha256, bytes: bytes) ?? digest(0)
        }
        var repository = Repository()
        for number in 0..<count {
            let isIndex = number % 10 == 0 && number + 2 < count
            repository.manifests.append(
                ManifestFacts(
                    digest: digests[number],
                    mediaType: isIndex ? .imageIndex : .imageManifest,
                    configType: .imageConfig,
                    subject: number % 10 == 5 ? digests[number - 1] : nil,
                    children: isIndex ? [digests[number + 1], digests[number + 2]] : [],
                    pushedAt: now - Int64(number) * 60,
                    lastPull: number % 3 == 0 ? now - Int64(number) * 30 : nil,
                    annotations: number % 7 == 0 ? ["team": "blue"] : [:]
                )
            )
            let text = number % 2 == 0 ? "build-\(number % 50)-\(number)" : "v\(number % 9).\(number % 31).\(number)"
            let named = number % 4 == 3 ? max(0, number - 3) : number
            repository.tags.append(
                TagFacts(tag: tag(text), digest: digests[named], setAt: now - Int64(number) * 60)
            )
        }
        return repository.snapshot
    }

    private static let tenRules = """
        - {name: k1, keep: {versions: [">=2.0.0 <5"], newest: {count: 3, by: version, per: minor}}}
        - {name: k2, keep: {tags: ["*"], newest: 100}}
        - {name: k3, keep: {tags-matching: ['build-(\\d+)-.*'], newest: {count: 5, per: capture}}}
        - {name: k4, keep: {pulled-within: 7d}}
        - {name: k5, keep: {annotations: {team: "bl*"}, newest: 1000}}
        - {name: k6, keep: {tags: ["build-*"], newest: {count: 2, by: pull, per: prefix}}}
        - {name: d1, delete: {tags: ["*"], pushed-before: 14d, except: [{with-tags: ["v1.*"]}]}}
        - {name: d2, delete: {tags-matching: ['(?i)V\\d+\\.\\d+\\.\\d*[05]'], pushed-before: 1d}}
        - {name: d3, delete: {media-types: ["application/vnd.oci.*"], pulled-before: 30d}}
        - {name: d4, delete: {untagged: true, pulled-before: 1d}}
        """

    @Test func manyOfEverything() throws {
        let snapshot = Self.snapshot(Self.count)
        let rules = try rules(Self.tenRules)
        var decisions: [RetentionDecision] = []
        let took = ContinuousClock().measure {
            decisions = evaluate(snapshot, rules: rules, protections: [], now: now)
        }
        #expect(decisions.count == 2 * Self.count)
        let gone = decisions.count { $0.verdict == .delete }
        print("retention: \(Self.count) manifests and as many tags, \(rules.count) rules: \(took), \(gone) go")
    }

    /// Shapes that would take the square of their number if each asked all others.
    @Test func manyTagsOfOneImage() throws {
        var repository = Repository()
        repository.image(1)
        for number in 0..<Self.count {
            repository.tags.append(TagFacts(tag: tag("t\(number)"), digest: digest(1), setAt: now))
        }
        repository.image(2, listing: Array(repeating: 1, count: 4000))
        let rules = try rules("- {name: d, delete: {with-tags: [\"zz*\", \"t*\"]}}", together: true)
        let decisions = evaluate(repository.snapshot, rules: rules, protections: [], now: now)
        #expect(decisions.gone.isEmpty)
    }
}
