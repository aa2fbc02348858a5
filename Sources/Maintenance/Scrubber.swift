// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Content
package import Logging
package import OCI
internal import Synchronization

/// Reads all blobs again and again, slowly, and whatever is asked for at once, and sees to it that what the disk has
/// lost is not served.
///
/// One blob at a time; a run that was asked for goes before the pass. A blob that is damaged is read a second time
/// before anything follows from it. Then, under its digest's lock and if the file is still the same, the file goes to
/// `quarantine/` and the blob counts as absent until it is pushed again. A manifest is healed by the catalog's copy of
/// it, and a copy by the file.
package final class Scrubber: Sendable {
    /// Everything that is not a function of the input.
    package struct Environment: Sendable {
        /// Seconds since 1970.
        package var now: @Sendable () -> Int64
        package var monotonic: @Sendable () -> UInt64
        package var sleep: @Sendable (Duration) async throws -> Void
        /// Returns once a read has taken too long.
        package var timeout: @Sendable (Duration) async throws -> Void

        package init(
            now: @escaping @Sendable () -> Int64,
            monotonic: @escaping @Sendable () -> UInt64,
            sleep: @escaping @Sendable (Duration) async throws -> Void,
            timeout: @escaping @Sendable (Duration) async throws -> Void
        ) {
            self.now = now
            self.monotonic = monotonic
            self.sleep = sleep
            self.timeout = timeout
        }
    }

    private struct State {
        /// The run that was asked for last.
        var run: ScrubRun?
        var nextID = 1
        var stalledSince: Int64?
        var problem: String?
        /// What was ever healed, as far as the metrics know; nil before they know anything.
        var healed: Int64?
    }

    let content: ContentStore
    let catalog: Catalog
    let settings: ScrubSettings
    let environment: Environment
    let logger: Logger
    let deadline: Deadline
    let speed: SpeedMeter
    let metrics = ScrubMetrics()
    /// Of the pass; runs have their own.
    private let bucket: TokenBucket
    private let state = Mutex(State())
    private let requests = AsyncStream<ScrubRun>.makeStream()

    package init(
        content: ContentStore,
        catalog: Catalog,
        settings: ScrubSettings,
        environment: Environment,
        logger: Logger
    ) {
        self.content = content
        self.catalog = catalog
        self.settings = settings
        self.environment = environment
        self.logger = logger
        deadline = Deadline(sleep: environment.timeout)
        speed = SpeedMeter(monotonic: environment.monotonic)
        bucket = TokenBucket(perSecond: Double(settings.rate), monotonic: environment.monotonic)
    }

    /// Runs until its task is cancelled.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.runRequests() }
            if settings.isEnabled { group.addTask { await self.runPasses() } }
            await group.waitForAll()
        }
    }

    /// Asks for a run over everything, or over a repository; or joins one that is under way and covers it. The rate is
    /// in bytes in a second; nil for `ScrubLimits.runRate`.
    ///
    /// Errors: `ScrubError` of code `.busy` where another run is under way, `.unknownRepository`; `CatalogError`.
    package func start(over repository: RepositoryName?, rate: Int64?) async throws -> ScrubRun.Snapshot {
        if let repository {
            guard try await catalog.repositoryExists(repository) else {
                throw ScrubError(.unknownRepository, "there is no repository \(repository)")
            }
        }
        return try state.withLock { state throws(ScrubError) in
            if let run = state.run, !run.isOver {
                guard run.covers(repository) else {
                    throw ScrubError(.busy, "a scrub of \(run.scope) is under way; wait for it")
                }
                return run.snapshot
            }
            let run = ScrubRun(
                id: state.nextID,
                repository: repository,
                rate: rate ?? max(ScrubLimits.runRate, settings.rate),
                startedAt: environment.now()
            )
            state.nextID += 1
            state.run = run
            requests.continuation.yield(run)
            return run.snapshot
        }
    }

    package func status() async throws -> ScrubStatus {
        let record = try await catalog.scrubRecord()
        let state = state.withLock { $0 }
        return ScrubStatus(
            settings: settings,
            pass: ScrubFigures(present: record),
            lastPass: record.last.map { ScrubFigures($0) },
            found: record.found,
            healed: record.healed,
            rate: Int64(settings.rate(over: record.total)),
            bytesPerSecond: speed.bytesPerSecond,
            oldestVerification: try await catalog.oldestVerification(after: record.after),
            damaged: try await catalog.damagedBlobs(limit: ScrubLimits.countedDamaged),
            stalledSince: deadline.isStuck ? state.stalledSince : nil,
            problem: state.problem,
            run: state.run?.snapshot,
            now: environment.now()
        )
    }

    // MARK: Runs that were asked for

    private func runRequests() async {
        for await run in requests.stream {
            await perform(run)
            if Task.isCancelled { return }
        }
    }

    /// The run that was asked for last.
    package var lastRun: ScrubRun? { state.withLock { $0.run } }

    /// Reads what a run is about.
    package func perform(_ run: ScrubRun) async {
        run.change { $0.state = .running }
        logger.info("a scrub begins", metadata: ["run": "\(run.id)", "repository": "\(run.scope)"])
        var failure: (any Error)?
        do {
            try refuseStuck()
            let total = try await totals(of: run.repository)
            run.change { $0.total = total }
            try await ScrubWalk(self, pace: pace(of: run), run: run).go(from: nil)
            state.withLock { $0.problem = nil }
        } catch {
            failure = error
            note(error)
        }
        let problem = failure.map { Self.reason(of: $0) }
        run.change { snapshot in
            snapshot.state = problem == nil ? .done : .failed
            snapshot.problem = problem
            snapshot.finishedAt = environment.now()
        }
        await refreshMetrics()
        let end = run.snapshot
        logger.info(
            "a scrub has ended",
            metadata: ["run": "\(run.id)", "blobs": "\(end.done.blobs)", "found": "\(end.found)"]
        )
    }

    private func refuseStuck() throws(ScrubError) {
        if deadline.isStuck { throw ScrubError(.stuck, "a read of the disk has not come back yet") }
    }

    private func pace(of run: ScrubRun) -> @Sendable (Int) async throws -> Void {
        let bucket = TokenBucket(perSecond: Double(run.rate), monotonic: environment.monotonic)
        return { [environment] count in
            let pause = bucket.take(count)
            if pause > .zero { try await environment.sleep(pause) }
            try Task.checkCancellation()
        }
    }

    private var hasRun: Bool { state.withLock { $0.run.map { !$0.isOver } ?? false } }

    // MARK: The pass over everything

    private func runPasses() async {
        do {
            try await environment.sleep(.seconds(ScrubLimits.firstSeconds))
            while !Task.isCancelled {
                do {
                    try await turn()
                } catch is CancellationError {
                    return
                } catch {
                    note(error)
                    try await environment.sleep(.seconds(ScrubLimits.retrySeconds))
                }
            }
        } catch {
            // Cancelled while it slept.
        }
    }

    /// Goes on with the pass, or begins one, or waits until it is time for one.
    package func turn() async throws {
        try refuseStuck()
        guard catalog.isWritable else { return try await environment.sleep(.seconds(ScrubLimits.retrySeconds)) }
        var record = try await catalog.scrubRecord()
        if record.startedAt == nil {
            if let wait = untilNextPass(record) { return try await environment.sleep(wait) }
            try await catalog.beginScrubPass(over: try await totals(of: nil))
            record = try await catalog.scrubRecord()
        }
        bucket.perSecond = settings.rate(over: record.total)
        try await ScrubWalk(self, pace: { try await self.pacePass($0) }, run: nil).go(from: record.after)
        try await catalog.endScrubPass()
        metrics.passEnded()
        state.withLock { $0.problem = nil }
        await refreshMetrics()
    }

    /// nil when a pass is due; else a while, after which to look again.
    private func untilNextPass(_ record: ScrubRecord) -> Duration? {
        guard let last = record.last else { return nil }
        let now = environment.now()
        let due = last.startedAt + min(settings.every, ScrubLimits.passInterval)
        // A clock that was put back must not put the pass off.
        guard now < due, now >= last.startedAt else { return nil }
        return .seconds(min(due - now, ScrubLimits.retrySeconds))
    }

    private func pacePass(_ count: Int) async throws {
        while hasRun { try await environment.sleep(.seconds(ScrubLimits.pollSeconds)) }
        let pause = bucket.take(count)
        if pause > .zero { try await environment.sleep(pause) }
        try Task.checkCancellation()
    }

    // MARK: Figures

    private func totals(of repository: RepositoryName?) async throws -> BlobTotals {
        var total = BlobTotals()
        var after: Digest?
        while true {
            let page = try await catalog.scrubCandidates(after: after, in: repository, limit: ScrubLimits.countPage)
            guard let last = page.last else { return total }
            total.blobs += Int64(page.count)
            total.bytes += page.reduce(0) { $0 + $1.size }
            after = last.digest
            try Task.checkCancellation()
        }
    }

    /// What stopped a pass or a run, for the log and the status.
    private func note(_ error: any Error) {
        if error is CancellationError { return }
        let reason = Self.reason(of: error)
        let isStuck = deadline.isStuck
        state.withLock { state in
            state.problem = reason
            if !isStuck {
                state.stalledSince = nil
            } else if state.stalledSince == nil {
                state.stalledSince = environment.now()
            }
        }
        metrics.failed()
        metrics.stalled(isStuck)
        logger.error("the scrub stops for now", metadata: ["reason": "\(reason)"])
    }

    private static func reason(of error: any Error) -> String {
        switch error {
        case let error as ScrubError: error.reason
        case let error as ContentError: error.description
        case let error as CatalogError: error.reason
        case is CancellationError: "the registry stops"
        default: "\(error)"
        }
    }

    /// Best effort: the figures are those of the last time that it could be done.
    func refreshMetrics() async {
        guard let status = try? await status() else { return }
        metrics.figures(
            absent: status.damaged.count,
            coverage: status.pass?.share ?? (status.lastPass == nil ? 0 : 1),
            age: status.oldestVerification.map { max(0, status.now - $0) } ?? 0
        )
        metrics.stalled(deadline.isStuck)
        let more = state.withLock { state in
            defer { state.healed = status.healed }
            return state.healed.map { status.healed - $0 } ?? status.healed
        }
        metrics.healed(max(0, more))
    }
}

extension ScrubRun {
    fileprivate var scope: String { repository?.description ?? "all" }
}
