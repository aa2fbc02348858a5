// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Logging
import Metrics
import OCI
import Retention

/// Runs by the schedule of the rules.
extension RetentionRunner {
    /// Works until it is cancelled: what was asked for, what is due, and what failed before.
    ///
    /// - Parameters:
    ///   - sleep: Waits; its error ends the work.
    ///   - random: A number below the bound, for the jitter.
    package func run(
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable (Int64) -> Int64
    ) async {
        // There before it counts: the growth of a counter that begins at 1 is seen by no alert.
        Counter(label: "cairn_retention_refused_total").increment(by: 0)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.work() }
            group.addTask { await self.tick(sleep, random) }
            await group.next()
            group.cancelAll()
        }
    }

    private func tick(
        _ sleep: @Sendable (Duration) async throws -> Void,
        _ random: @Sendable (Int64) -> Int64
    ) async {
        // Read once: after that, when this process asked for a run, whatever became of it.
        var last: Int64?
        let start = clock.wall()
        var jitter: Int64?
        while (try? await sleep(RegistryLimits.retentionTick)) != nil {
            enqueueRetry()
            guard let schedule = settings?.schedule else {
                jitter = nil
                continue
            }
            let put = jitter ?? (schedule.jitter > 0 ? random(schedule.jitter) : 0)
            jitter = put
            let former: Int64
            do {
                former = if let last { last } else { try await lastScheduled() ?? start }
            } catch {
                logger.warning("the last scheduled run could not be read", metadata: ["error": "\(error)"])
                continue
            }
            let now = clock.wall()
            last = former
            guard now >= former + schedule.every + put else { continue }
            last = now
            jitter = nil
            enqueueScheduled()
        }
    }

    /// When the last run by schedule was planned, in seconds since 1970; before the first one, since when there are
    /// these rules.
    private func lastScheduled() async throws -> Int64? {
        let runs = try await catalog.retentionRuns(before: nil, limit: RegistryLimits.retentionPage)
        if let last = runs.first(where: { $0.actor == Self.own.actor }) { return last.plannedAt }
        return try await catalog.retentionPolicySince()
    }

    /// Plans for all repositories, and applies the plan unless it has to be confirmed: then it waits for somebody.
    func runScheduled() async throws {
        guard let settings else { return }
        let everything = try Glob(parsing: "**")
        let id = try await catalog.beginRun(
            scope: everything.description,
            policy: try Self.version(of: settings).description,
            now: clock.wall(),
            context: Self.own
        )
        progress.begin(.planning, of: id)
        try await planned(id, everything, { _ in true })
        try await prune()
        let plan = try await run(id)
        guard plan.tags + plan.manifests > 0, let hash = plan.planHash else { return }
        guard plan.warnings.isEmpty else {
            Counter(label: "cairn_retention_refused_total").increment()
            logger.warning(
                "a scheduled run of retention waits for confirmation",
                metadata: ["run": "\(id)", "warnings": "\(plan.warnings.joined(separator: "; "))"]
            )
            return
        }
        guard try await catalog.beginApplying(plan, hash: hash, now: clock.wall(), context: Self.own) else { return }
        try await apply(id, Self.own)
    }
}
