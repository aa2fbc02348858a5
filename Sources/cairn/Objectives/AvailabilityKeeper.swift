// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import HTTPAPI
import Logging
import Metrics
import OCI
import Observability
import Probing
import Registry
import ServiceLifecycle
import Synchronization

/// Keeps what was sampled of the registry's availability: adds it up, writes a row a minute, and shows it.
///
/// Requests are only counted while they are answered; this looks at the counts every few seconds. What was counted
/// since the last whole minute is lost with a process that is killed.
final class AvailabilityKeeper: Service {
    /// Seconds between two looks, at most, and between two looks at what changes seldom.
    private static let tick: Int64 = 5
    private static let slowTick: Int64 = 30
    /// Rounds of housekeeping between two times that old rows go.
    private static let trimMinutes: Int64 = 60

    private struct State {
        /// What the judge had counted at the last look.
        var judged: [String: RequestJudge.Counts] = [:]
        var unsaved: [SampledMinute] = []
        var sampledMinute: Int64 = 0
        var refreshedAt: Int64 = 0
        var told = ToldBurns()
    }

    let book: ObjectivesBook
    let judge: RequestJudge
    private let store: Store
    private let names: [String: String]
    /// What the prober probes.
    let probed: [ProbeService.Aim]
    private let canaries: String
    private let figures: ObjectiveFigures
    private let logger = Logger(label: "objectives")
    private let state = Mutex(State())
    /// How other regions are followed, and what is damaged here: nil until the server is put together.
    private let sources = Mutex<Sources?>(nil)

    /// Where samples of objectives that nobody counts come from.
    struct Sources: Sendable {
        /// Seconds that each region is behind.
        var lags: @Sendable () async -> [(region: String, seconds: Int64)]
        /// Things that are known to be damaged; nil where nobody looks.
        var findings: @Sendable () async -> Int64?
    }

    private init(
        _ configuration: Configuration,
        _ store: Store,
        _ start: StartOfRun
    ) {
        let origin = store.catalog.settings.origin
        let region = configuration.regionName ?? origin
        self.store = store
        probed = ProbeService.aims(configuration, as: region)
        canaries = configuration.probe.repository
        names = Dictionary(
            configuration.regions.map { ($0.log, $0.name) } + [(origin, region)],
            uniquingKeysWith: { first, _ in first }
        )
        book = ObjectivesBook(
            configuration.objectives.objectives,
            region: region,
            expected: configuration.probe.roundsInMinute,
            probed: Set(probed.map(\.name)),
            start: start
        )
        judge = RequestJudge(
            configuration.objectives.objectives,
            limitedIsGood: configuration.objectives.limitedIsGood
        )
        figures = ObjectiveFigures(configuration.objectives.objectives, region: region)
    }

    /// Notes that the process runs, and reads what earlier ones have written.
    static func open(_ configuration: Configuration, _ store: Store) async throws -> AvailabilityKeeper {
        let now = Self.now()
        // Where nothing can be written nothing is known of the run before.
        let run = store.catalog.isWritable ? try await store.catalog.beginRun() : nil
        let isClean = run?.isClean ?? true
        let start = StartOfRun(at: now, isClean: isClean, cleanAt: run?.cleanAt)
        let keeper = AvailabilityKeeper(configuration, store, start)
        var last: AvailabilityRow?
        while true {
            let page = try await store.catalog.availability(after: last, limit: CatalogLimits.pageRows)
            keeper.book.load(page.map(SampledMinute.init))
            guard page.count == CatalogLimits.pageRows, let end = page.last else { break }
            last = end
        }
        await keeper.refreshMaintenance()
        try await keeper.recallBurns()
        if !isClean {
            keeper.logger.notice("the process before this one did not end as it should: what it missed is an outage")
        }
        return keeper
    }

    /// What the HTTP front has to know.
    var desk: ObjectivesDesk {
        ObjectivesDesk(region: book.region, canaries: canaries, judge: judge) { [book] in
            book.report(at: Self.now())
        } chart: { [book] objective, region in
            book.burnRates(of: objective, in: region, at: Self.now())
        } maintenanceChanged: { [self] in
            await refreshMaintenance()
        }
    }

    func take(_ sources: Sources) { self.sources.withLock { $0 = sources } }

    /// Counts what the prober says. A sample stands for the moment at which its round began.
    func count(_ sample: ProbeSample) {
        for index in 0..<sample.count {
            add(
                good: sample.isGood ? 1 : 0,
                total: 1,
                of: ServiceLevelObjective.Source.probe.rawValue,
                in: sample.target,
                at: sample.at + index * sample.every
            )
        }
        figures.count(sample)
    }

    private func add(good: Int64, total: Int64, of source: String, in region: String, at seconds: Int64) {
        guard book.count(good: good, total: total, of: source, in: region, at: seconds) else { return }
        figures.count(good: good, total: total, of: source, in: region)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.look(at: Self.now())
                try? await Task.sleep(for: .seconds(Self.tick))
            }
        }
        try? await gracefulShutdown()
        await end()
    }

    /// The process ends as it should: nothing is missing afterwards but the time until the next one.
    private func end() async {
        let now = Self.now()
        countRequests(at: now)
        guard store.catalog.isWritable else { return }
        do {
            try await write(book.closeAll(at: now))
            try await store.catalog.endRun()
        } catch {
            logger.warning("the last minute of availability was not written", metadata: ["error": "\(error)"])
        }
    }

    private func look(at now: Int64) async {
        countRequests(at: now)
        let isNewMinute = state.withLock { state in
            defer { state.sampledMinute = now / 60 }
            return state.sampledMinute != now / 60
        }
        if isNewMinute {
            await sample(at: now)
            do {
                try await write(book.closeMinutes(before: now))
                if now / 60 % Self.trimMinutes == 0, store.catalog.isWritable {
                    try await store.catalog.trimAvailability(before: now / 60 - ObjectivesLimits.keptMinutes)
                }
            } catch {
                logger.debug("availability was not written; it is tried again", metadata: ["error": "\(error)"])
            }
        }
        let isDue = state.withLock { state in
            guard now - state.refreshedAt >= Self.slowTick else { return false }
            state.refreshedAt = now
            return true
        }
        if isDue { await refreshMaintenance() }
        let report = book.report(at: now)
        figures.show(report)
        await tellBurns(report)
    }

    /// Who is told what happens is told that a budget begins to burn, burns by another rule, or burns no more.
    private func tellBurns(_ report: ObjectivesReport) async {
        guard store.catalog.isWritable else { return }
        for status in report.statuses {
            let (name, rule) = (status.objective.name, status.alert)
            // While alerts are silent nothing is known of the end of one.
            guard !report.isWarmingUp, !book.isInMaintenance(status.region, at: report.at) else { continue }
            guard state.withLock({ $0.told.isNews(of: name, in: status.region, rule: rule?.name) }) else { continue }
            var body = ["objective": name, "region": status.region]
            if let rule {
                body["rule"] = rule.name
                body["severity"] = rule.severity.rawValue
                body["over"] = rule.long
            }
            do {
                let kind = rule == nil ? ToldBurns.Kind.calm : .burn
                try await store.catalog.notice(kind.rawValue, subject: name, body)
                state.withLock { $0.told.keep(name, in: status.region, rule: rule?.name) }
            } catch {
                logger.debug("a burning budget was not told; it is tried again", metadata: ["error": "\(error)"])
            }
        }
    }

    /// What earlier processes have told is told again only where it is not so any more.
    private func recallBurns() async throws {
        let notices = try await store.catalog.lastNotices(limit: CatalogLimits.pageRows)
        state.withLock { state in
            for notice in notices where ToldBurns.Kind(rawValue: notice.kind) != nil {
                let body = notice.body
                guard let name = body["objective"]?.text, let region = body["region"]?.text else { continue }
                state.told.keep(name, in: region, rule: body["rule"]?.text)
            }
        }
    }

    private func countRequests(at now: Int64) {
        for (source, counts) in judge.counts {
            let former = state.withLock { state in
                defer { state.judged[source] = counts }
                return state.judged[source] ?? RequestJudge.Counts()
            }
            guard counts.total > former.total else { continue }
            let good = min(counts.good - former.good, counts.total - former.total)
            add(good: Int64(good), total: Int64(counts.total - former.total), of: source, in: book.region, at: now)
        }
    }

    /// Once a minute, what is a matter of time and nobody's request.
    private func sample(at now: Int64) async {
        guard let sources = sources.withLock({ $0 }) else { return }
        for objective in book.objectives {
            switch objective.kind {
            case .freshness(let bound):
                for (region, seconds) in await sources.lags() {
                    add(good: seconds <= bound ? 1 : 0, total: 1, of: objective.source, in: region, at: now)
                }
            case .durability:
                guard let findings = await sources.findings() else { continue }
                add(good: findings == 0 ? 1 : 0, total: 1, of: objective.source, in: book.region, at: now)
            case .availability, .latency: continue
            }
        }
    }

    private func write(_ rows: [SampledMinute]) async throws {
        var waiting = state.withLock { state in
            let waiting = (state.unsaved + rows).suffix(ObjectivesLimits.unsavedRows)
            state.unsaved = []
            return Array(waiting)
        }
        while !waiting.isEmpty {
            let page = waiting.prefix(CatalogLimits.availabilityRows)
            do {
                try await store.catalog.addAvailability(page.map(AvailabilityRow.init))
            } catch {
                state.withLock { $0.unsaved = waiting }
                throw error
            }
            waiting.removeFirst(page.count)
        }
    }

    /// Other regions declare it too, by their logs.
    func refreshMaintenance() async {
        let since = Self.now() - ObjectivesLimits.keptMinutes * 60
        do {
            let windows = try await store.catalog.maintenance(endingAfter: since, limit: ObjectivesLimits.spans)
            book.setMaintenance(
                windows.filter { $0.end > $0.start }.map { window in
                    MaintenanceSpan(
                        region: names[window.origin] ?? window.origin,
                        environment: window.environment,
                        start: window.start,
                        end: window.end,
                        reason: window.reason
                    )
                }
            )
        } catch {
            logger.warning("declared maintenance cannot be read", metadata: ["error": "\(error)"])
        }
    }

    private static func now() -> Int64 { Int64(Date().timeIntervalSince1970) }
}

extension SampledMinute {
    fileprivate init(_ row: AvailabilityRow) {
        self.init(minute: row.minute, region: row.region, source: row.source, good: row.good, total: row.total)
    }
}

extension AvailabilityRow {
    fileprivate init(_ minute: SampledMinute) {
        self.init(
            minute: minute.minute,
            region: minute.region,
            source: minute.source,
            good: minute.good,
            total: minute.total
        )
    }
}
