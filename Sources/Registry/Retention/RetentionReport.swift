// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI

/// A run of retention, as it is shown. Times are seconds since 1970.
package struct RetentionReport: Sendable {
    package let id: Int64
    package let state: String
    package let scope: String
    package let policy: String
    /// nil until every decision is written down.
    package let planHash: String?
    package let actor: String
    package let plannedAt: Int64
    package let appliedAt: Int64?
    package let restoredAt: Int64?
    /// What the run keeps and what it deletes; bytes are those that nothing would refer to any more.
    package let counts: [(name: String, count: Int64)]
    /// What each rule deletes; without a name what only several free together.
    package let rules: [(name: String?, tags: Int64, manifests: Int64, bytes: Int64)]
    /// Why it has to be confirmed.
    package let warnings: [String]
    /// While it is being worked on.
    package let progress: RetentionProgress.State?
    /// How many decisions are in each state; empty where that was not asked for.
    package let outcomes: [(state: String, count: Int64)]
}

/// A decision of a run, as it is shown.
package struct RetentionLine: Sendable {
    package let item: Int64
    package let repository: RepositoryName
    /// nil where it is about the manifest itself.
    package let tag: Tag?
    package let digest: Digest
    package let isKept: Bool
    package let rule: String?
    package let reason: String
    package let state: String
    package let outcome: String?
}

extension RetentionRunner {
    /// Runs before one, newest first.
    package func reports(before id: Int64?, limit: Int) async throws -> [RetentionReport] {
        try await catalog.retentionRuns(before: id, limit: limit).map { RetentionReport($0, progress.current, [:]) }
    }

    /// One run with what became of its decisions.
    ///
    /// - Throws: `RegistryError.retention` where there is none.
    package func report(_ id: Int64) async throws -> RetentionReport { try await report(of: run(id)) }

    func report(of run: RetentionRun) async throws -> RetentionReport {
        RetentionReport(run, progress.current, try await catalog.outcomes(of: run.id))
    }

    /// The decisions of a run after an item, in their order.
    package func lines(of id: Int64, after item: Int64, limit: Int) async throws -> [RetentionLine] {
        try await catalog.decisions(of: id, after: item, limit: limit).map { item in
            RetentionLine(
                item: item.item,
                repository: item.repository,
                tag: item.tag,
                digest: item.digest,
                isKept: item.isKept,
                rule: item.rule,
                reason: item.reason,
                state: item.state.rawValue,
                outcome: item.outcome
            )
        }
    }

    /// The repositories from which a run would delete, or has deleted.
    package func repositories(of id: Int64) async throws -> [RepositoryName] {
        try await catalog.repositories(ofRun: id)
    }
}

extension RetentionReport {
    fileprivate init(
        _ run: RetentionRun,
        _ progress: RetentionProgress.State?,
        _ outcomes: [RetentionItem.State: Int64]
    ) {
        self.init(
            id: run.id,
            state: run.state.rawValue,
            scope: run.scope,
            policy: run.policy,
            planHash: run.planHash,
            actor: run.actor,
            plannedAt: run.plannedAt,
            appliedAt: run.appliedAt,
            restoredAt: run.restoredAt,
            counts: [("kept", run.kept), ("tags", run.tags), ("manifests", run.manifests), ("bytes", run.bytes)],
            rules: run.shares.map { ($0.rule, $0.tags, $0.manifests, $0.bytes) },
            warnings: run.warnings,
            progress: progress?.run == run.id ? progress : nil,
            outcomes: outcomes.map { ($0.key.rawValue, $0.value) }.sorted { $0.0 < $1.0 }
        )
    }
}
