// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
import Cryptography
package import Logging
import Metrics
package import OCI
package import Retention
import Synchronization

/// Makes plans, carries them out and undoes them, one after the other; by the schedule, or when somebody asks.
///
/// A request only hands work over: it is done by `run`, and goes on when the client has gone.
package final class RetentionRunner: Sendable {
    private enum Job: Sendable {
        case plan(Int64, scope: Glob, mayRetain: @Sendable (RepositoryName) -> Bool)
        case apply(Int64, Catalog.Context)
        case restore(Int64, Catalog.Context)
        /// What is due by the schedule.
        case scheduled
        /// What failed, or was cut off.
        case retry
    }

    package let progress = RetentionProgress()
    let catalog: Catalog
    let clock: RetentionClock
    let logger: Logger
    private let inUse = Mutex<RetentionSettings?>(nil)
    /// Whether the rules of this process were ever set: what the former one had does not count then.
    private let isSet = Mutex(false)
    private let jobs: AsyncStream<Job>
    private let queue: AsyncStream<Job>.Continuation
    static let own = Catalog.Context(actor: "server", requestID: "")

    package init(catalog: Catalog, clock: RetentionClock, logger: Logger) {
        self.catalog = catalog
        self.clock = clock
        self.logger = logger
        (jobs, queue) = AsyncStream.makeStream(
            of: Job.self,
            bufferingPolicy: .bufferingOldest(RegistryLimits.retentionQueue)
        )
    }

    /// What is in force; nil without rules.
    package var settings: RetentionSettings? { inUse.withLock { $0 } }

    /// Puts rules in force, after they were written to the event record. A catalog that is only read records nothing;
    /// the rules hold all the same, and nothing goes.
    ///
    /// - Returns: Whether they are others than before.
    package func replace(with settings: RetentionSettings?) async throws -> Bool {
        let isFirst = isSet.withLock { isSet in
            defer { isSet = true }
            return !isSet
        }
        guard isFirst || settings?.canonical != self.settings?.canonical else { return false }
        if catalog.isWritable {
            try await catalog.recordRetentionPolicy(
                version: try Self.version(of: settings).description,
                body: settings?.canonical ?? "",
                count: settings?.policies.reduce(0) { $0 + $1.rules.count } ?? 0,
                context: Self.own
            )
        }
        inUse.withLock { $0 = settings }
        return true
    }

    var protections: RetentionProtections {
        RetentionProtections(catalog: catalog, previousImages: settings?.previousImages ?? 0)
    }

    /// What tells rules from others: the SHA-256 of the section in its one spelling.
    package static func version(of settings: RetentionSettings?) throws -> Digest {
        try Digest.of(Array((settings?.canonical ?? "").utf8), algorithm: .sha256)
    }

    // MARK: Asking for work

    /// Begins a plan for the repositories that a pattern matches and the caller may retain.
    ///
    /// - Returns: The run; it is planned once its state says so.
    /// - Throws: `RegistryError.retention` without rules.
    package func plan(
        scope: Glob,
        mayRetain: @escaping @Sendable (RepositoryName) -> Bool,
        caller: Caller
    ) async throws -> RetentionReport {
        guard let settings else {
            throw RegistryError.retention(.noRules, "there are no rules: the configuration has no 'retention' section")
        }
        let id = try await catalog.beginRun(
            scope: scope.description,
            policy: try Self.version(of: settings).description,
            now: clock.wall(),
            context: caller.context
        )
        try await enqueue(.plan(id, scope: scope, mayRetain: mayRetain), id)
        return try await report(id)
    }

    /// Begins to apply a plan. `hash` is the plan's, or its beginning of at least 12 digits; `isConfirmed` says that
    /// the warnings of the plan, and those of now, were read.
    package func apply(
        _ id: Int64,
        hash: String,
        isConfirmed: Bool,
        caller: Caller
    ) async throws -> RetentionReport {
        let plan = try await run(id)
        guard plan.state == .planned, let whole = plan.planHash else {
            throw RegistryError.retention(.wrongState, "run \(id) is \(plan.state.rawValue), not planned")
        }
        guard hash.utf8.count >= Self.shortHash, whole.hasPrefix(hash) else {
            throw RegistryError.retention(.wrongPlan, "run \(id) has another plan than \(hash)")
        }
        guard plan.policy == (try Self.version(of: settings).description) else {
            throw RegistryError.retention(.wrongPlan, "the rules have changed since run \(id) was planned: plan again")
        }
        let breakers = RetentionBreakers(catalog: catalog, clock: clock)
        let warnings = plan.warnings + (try await breakers.clockWarnings()).filter { !plan.warnings.contains($0) }
        guard isConfirmed || warnings.isEmpty else {
            throw RegistryError.retention(.needsConfirmation, warnings.joined(separator: "; "))
        }
        let began = try await catalog.beginApplying(plan, hash: whole, now: clock.wall(), context: caller.context)
        guard began else { throw RegistryError.retention(.wrongState, "run \(id) is not planned any more") }
        try await enqueue(.apply(id, caller.context), id)
        return try await report(id)
    }

    /// The digits of a plan's hash that suffice.
    package static let shortHash = 12

    /// Begins to undo a run.
    package func restore(_ id: Int64, caller: Caller) async throws -> RetentionReport {
        let applied = try await run(id)
        guard applied.state == .applied else {
            throw RegistryError.retention(.wrongState, "run \(id) is \(applied.state.rawValue), not applied")
        }
        guard let end = applied.undoUntil, end > catalog.serviceTime else {
            throw RegistryError.retention(.tooLate, "the undo window of run \(id) has ended; what it deleted is gone")
        }
        guard try await catalog.beginRestoring(applied, context: caller.context) else {
            throw RegistryError.retention(.wrongState, "run \(id) is not applied any more")
        }
        try await enqueue(.restore(id, caller.context), id)
        return try await report(id)
    }

    func run(_ id: Int64) async throws -> RetentionRun {
        guard let run = try await catalog.retentionRun(id) else {
            throw RegistryError.retention(.unknownRun, "there is no run \(id)")
        }
        return run
    }

    private func enqueue(_ job: Job, _ id: Int64) async throws {
        guard case .enqueued = queue.yield(job) else {
            if case .plan = job { _ = try await catalog.discard(id) }
            throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
        }
    }

    func enqueueScheduled() { queue.yield(.scheduled) }

    func enqueueRetry() { queue.yield(.retry) }

    // MARK: Doing it

    /// Takes up what a former process left, then works until it is cancelled.
    func work() async {
        await resume(afterStart: true)
        for await job in jobs {
            await perform(job)
            if Task.isCancelled { return }
        }
    }

    /// What was being applied or restored goes on, as somebody had ordered it. A plan that was cut off by the end of
    /// the process is given up.
    private func resume(afterStart: Bool) async {
        do {
            for run in try await catalog.retentionRuns(before: nil, limit: RegistryLimits.retentionRunsKept) {
                switch run.state {
                case .planning: if afterStart { try await drop(run.id) }
                case .applying: await perform(.apply(run.id, Self.own))
                case .restoring: await perform(.restore(run.id, Self.own))
                case .planned, .applied, .restored, .discarded: continue
                }
            }
        } catch {
            logger.error("runs of retention were not taken up again", metadata: ["error": "\(error)"])
        }
    }

    private func perform(_ job: Job) async {
        defer { progress.end() }
        do {
            switch job {
            case .plan(let id, let scope, let mayRetain):
                progress.begin(.planning, of: id)
                do {
                    try await planned(id, scope, mayRetain)
                } catch {
                    try await drop(id)
                    throw error
                }
                try await prune()
            case .apply(let id, let context): try await apply(id, context)
            case .restore(let id, let context): try await undo(id, context)
            case .scheduled: try await runScheduled()
            case .retry: await resume(afterStart: false)
            }
        } catch is CancellationError {
            logger.notice("a run of retention was cut off; it goes on after the next start")
        } catch {
            logger.error("a run of retention failed", metadata: ["error": "\(error)"])
        }
    }

    func planned(
        _ id: Int64,
        _ scope: Glob,
        _ mayRetain: @Sendable (RepositoryName) -> Bool
    ) async throws {
        guard let settings else { throw RegistryError.retention(.noRules, "there are no rules any more") }
        let planner = RetentionPlanner(
            catalog: catalog,
            settings: settings,
            clock: clock,
            protections: protections,
            progress: progress
        )
        try await planner.plan(id, scope: scope, mayRetain: mayRetain)
    }

    private func work(_ context: Catalog.Context) -> RetentionWork {
        RetentionWork(catalog: catalog, keeps: protections.keeps(now: clock.wall), context: context, progress: progress)
    }

    func apply(_ id: Int64, _ context: Catalog.Context) async throws {
        let planned = try await run(id)
        guard planned.state == .applying else { return }
        progress.begin(.applying, of: id, total: planned.tags + planned.manifests)
        let result = try await work(context).apply(id)
        try await catalog.endApplying(id)
        Counter(label: "cairn_retention_deleted_total", dimensions: [("kind", "tag")]).increment(by: result.tags)
        Counter(label: "cairn_retention_deleted_total", dimensions: [("kind", "manifest")])
            .increment(by: result.manifests)
        logger.notice(
            "a run of retention was applied",
            metadata: [
                "run": "\(id)", "tags": "\(result.tags)", "manifests": "\(result.manifests)",
                "skipped": "\(result.skipped)",
            ]
        )
    }

    private func undo(_ id: Int64, _ context: Catalog.Context) async throws {
        let applied = try await run(id)
        guard applied.state == .restoring else { return }
        progress.begin(.restoring, of: id, total: applied.tags + applied.manifests)
        let result = try await work(context).restore(id)
        try await catalog.endRestoring(id, now: clock.wall())
        logger.notice(
            "a run of retention was undone",
            metadata: [
                "run": "\(id)", "tags": "\(result.tags)", "manifests": "\(result.manifests)",
                "conflicts": "\(result.conflicts)",
            ]
        )
    }

    private func drop(_ id: Int64) async throws {
        while try await catalog.discard(id) { try Task.checkCancellation() }
    }

    /// Drops the decisions of old runs that cannot be undone any more, and of plans that were never applied.
    func prune() async throws {
        let runs = try await catalog.retentionRuns(before: nil, limit: RegistryLimits.retentionPage)
        for run in runs.dropFirst(RegistryLimits.retentionRunsKept) {
            switch run.state {
            case .planned, .restored: try await drop(run.id)
            case .applied:
                if run.undoUntil.map({ $0 < catalog.serviceTime }) ?? true { try await drop(run.id) }
            case .planning, .applying, .restoring, .discarded: continue
            }
        }
    }
}
