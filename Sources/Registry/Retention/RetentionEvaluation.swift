// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Dispatch
import Retention

/// Where the rules are held against a repository: one computation of about a second for 100,000 images, which would
/// keep a thread of the cooperative pool from everybody else.
enum RetentionEvaluation {
    private static let queue = DispatchQueue(label: "cairn.retention.evaluation", qos: .utility)

    /// Runs `evaluate` on a thread of its own, one repository at a time.
    static func run(
        _ snapshot: RepositorySnapshot,
        rules: [RetentionRule],
        protections: [Protection],
        now: Int64
    ) async -> [RetentionDecision] {
        await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(returning: evaluate(snapshot, rules: rules, protections: protections, now: now))
            }
        }
    }
}
