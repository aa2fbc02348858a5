// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Retention
import Testing

/// Every decision of the quick evaluation, compared with the slow one.
///
/// `CAIRN_RETENTION_REPOSITORIES` says how many repositories are made (2,000 otherwise), and `CAIRN_RETENTION_SEED`
/// from which seed on.
@Suite struct OracleTests {
    private static func setting(_ name: String, _ otherwise: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init) ?? otherwise
    }

    @Test func agreesWithTheDescription() throws {
        let first = Self.setting("CAIRN_RETENTION_SEED", 1)
        let count = Self.setting("CAIRN_RETENTION_REPOSITORIES", 2000)
        var (kept, deleted, differing) = (0, 0, 0)
        for seed in first..<(first + count) {
            let repository = try RandomRepository(seed: seed)
            let (snapshot, rules) = (repository.snapshot, repository.rules)
            let decisions = evaluate(snapshot, rules: rules, protections: repository.protections, now: now)
            let oracle = Oracle(snapshot: snapshot, rules: rules, protections: repository.protections, now: now)
            let gone = Set(decisions.filter { $0.verdict == .delete }.map(\.subject))
            let expected = oracle.gone()
            deleted += gone.count
            kept += decisions.count - gone.count
            let subjects =
                snapshot.tags.sorted { $0.tag < $1.tag }.map { RetentionDecision.Subject.tag($0.tag, $0.digest) }
                + snapshot.manifests.map(\.digest).sorted().map { .manifest($0) }
            if decisions.map(\.subject) != subjects {
                Issue.record("seed \(seed): decisions are missing or out of order")
            }
            guard gone != expected else { continue }
            differing += 1
            if differing <= 3 {
                let only = gone.subtracting(expected).map(name).sorted()
                let missing = expected.subtracting(gone).map(name).sorted()
                Issue.record("seed \(seed): goes \(only), should go \(missing) too")
            }
        }
        #expect(differing == 0)
        #expect(kept > Int(count) && deleted > Int(count) / 2)
        print("retention: \(count) repositories, \(kept) kept, \(deleted) deleted, \(differing) differ")
    }
}
