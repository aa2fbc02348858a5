// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import Logging
import Metrics
import OCI
import Releases

/// Shows what the release record says as metrics: what comes in is counted, and figures of the last 30 days are shown
/// as of the last look.
///
/// Environments are labels: those of production, and of the others the first ones by name, of which there are not more
/// than `RegistryLimits.shownEnvironments`.
package actor ReleaseGauges {
    private let registry: Registry
    private let settings: ReleaseSettings
    /// By name.
    private let production: [PlaceName]
    private let logger: Logger
    /// The last row that was counted; nil before the first look.
    private var last: Int64?
    private var outcomes = RolloutOutcomes()
    private var boots = BootOutcomes()
    private var flapping = Flapping()
    /// When the figures were computed, and how long that took, in milliseconds.
    private var figuresAt: Int64 = 0
    private var figuresTook: Int64 = 0
    private var environments: [PlaceName] = []
    /// The environments whose counters are there.
    private var begun: Set<String> = []

    private var openGauge = ShownGauge("cairn_deployments_open")
    private var flappingGauge = ShownGauge("cairn_deployment_flapping")
    private var figureGauge = ShownGauge("cairn_release_figure")
    private var driftGauge = ShownGauge("cairn_drift_open")
    private var criticalGauge = ShownGauge("cairn_critical_vulnerabilities")

    /// Stands for the environments that are not shown by name.
    private static let otherEnvironments = "other"

    package init(_ registry: Registry, _ settings: ReleaseSettings, logger: Logger) {
        self.registry = registry
        self.settings = settings
        production = settings.production.sorted { $0.description < $1.description }
        self.logger = logger
    }

    /// Looks once, at a time in milliseconds since 1970. A record that cannot be read is said so in the log.
    ///
    /// `clock` tells the milliseconds that computing took.
    package func look(at now: Int64, clock: @Sendable () -> Int64) async {
        do {
            let live = try await registry.environments(after: "", limit: RegistryLimits.shownEnvironments).elements
            environments = production + live.filter { !settings.production.contains($0) }
            beginCounters()
            if last == nil { try await recall(at: now) }
            try await count(at: now)
            showFlapping(at: now)
            // What takes long is done seldom: at most a thirtieth of the time.
            guard now - figuresAt >= max(RegistryLimits.figuresPause, figuresTook * 30) else { return }
            let start = clock()
            try await showFigures(at: now)
            figuresAt = now
            figuresTook = clock() - start
        } catch {
            logger.warning("the release record cannot be read", metadata: ["error": "\(error)"])
        }
    }

    // MARK: What comes in

    /// Has the counters there before anything is counted: the growth of one that begins at 1 is seen by no alert.
    private func beginCounters() {
        if begun.isEmpty {
            for outcome in ["succeeded", "failed"] {
                Counter(label: "cairn_builds_total", dimensions: [("outcome", outcome)]).increment(by: 0)
            }
        }
        for name in environments.map(\.description) + [Self.otherEnvironments] where begun.insert(name).inserted {
            Counter(label: "cairn_promotions_total", dimensions: [("environment", name)]).increment(by: 0)
            for isGood in [true, false] {
                let dimensions = Self.dimensions(name, isGood: isGood)
                Counter(label: "cairn_deployments_total", dimensions: dimensions).increment(by: 0)
                Counter(label: "cairn_boots_total", dimensions: dimensions).increment(by: 0)
            }
        }
    }

    /// Takes up what is under way when the process begins, and counts nothing: what was decided before is not counted.
    private func recall(at now: Int64) async throws {
        let catalog = registry.catalog
        let last = try await catalog.lastRelease()
        let since = now - ReleaseFiguresLimits.decisionLimit
        // Kept at the end alone: after a failure all is read anew.
        var (outcomes, boots, flapping) = (RolloutOutcomes(), BootOutcomes(), Flapping())
        var position = ReleasePosition(time: now - RegistryLimits.flappingSpan)
        while true {
            let page = try await catalog.releases(after: position, before: .max, limit: RegistryLimits.figuresPage)
            for record in page where record.id <= last {
                flapping.add(record.entry)
                guard record.entry.time >= since else { continue }
                let first = try await firstStep(of: record.entry, unlessIn: outcomes)
                outcomes.recall(record.entry, first: first, since: since)
                _ = boots.add(record.entry, at: record.entry.time)
            }
            guard let end = page.last, page.count == RegistryLimits.figuresPage else { break }
            position = ReleasePosition(time: end.entry.time, id: end.id)
        }
        _ = outcomes.overdue(at: now)
        _ = boots.overdue(at: now)
        (self.outcomes, self.boots, self.flapping, self.last) = (outcomes, boots, flapping, last)
    }

    private func count(at now: Int64) async throws {
        while let after = last {
            let page = try await registry.catalog.releases(after: after, limit: RegistryLimits.figuresPage)
            for record in page {
                // What may fail comes first, so that an entry is counted whole and once.
                let first = try await firstStep(of: record.entry, unlessIn: outcomes)
                let promoted = try await promotionTime(record)
                count(record.entry, first: first, promoted: promoted, at: now)
                last = record.id
            }
            guard page.count == RegistryLimits.figuresPage else { break }
        }
        for outcome in outcomes.overdue(at: now) { show(outcome) }
        for outcome in boots.overdue(at: now) { show(outcome) }
        let open = environments.map { (["environment": $0.description], Double(outcomes.open(in: $0))) }
        openGauge.show(Dictionary(open) { first, _ in first })
    }

    private func count(_ entry: ReleaseEntry, first: Int64?, promoted: Int64?, at now: Int64) {
        for outcome in outcomes.add(entry, first: first, at: now) { show(outcome) }
        for outcome in boots.add(entry, at: now) { show(outcome) }
        flapping.add(entry)
        switch entry.fact {
        case .build(let build):
            let outcome = build.succeeded ? "succeeded" : "failed"
            Counter(label: "cairn_builds_total", dimensions: [("outcome", outcome)]).increment()
        case .promotion(let promotion):
            let dimensions = [("environment", label(promotion.environment))]
            Counter(label: "cairn_promotions_total", dimensions: dimensions).increment()
            guard let promoted else { return }
            Timer(label: "cairn_promotion_seconds", dimensions: dimensions).recordMilliseconds(promoted)
        case .step, .running, .scan: return
        }
    }

    /// When the rollout began that an entry is a step of, where that is not known.
    private func firstStep(of entry: ReleaseEntry, unlessIn outcomes: RolloutOutcomes) async throws -> Int64? {
        guard case .step(let step) = entry.fact, outcomes.isNew(entry) else { return nil }
        return try await registry.catalog.firstStepTime(
            of: step.deployment,
            in: step.environment,
            of: entry.repository,
            service: step.service
        )
    }

    /// The milliseconds from the first build of an image to its first promotion into production (M4); nil of all other
    /// entries, and of an image that was not built before.
    private func promotionTime(_ record: ReleaseRecord) async throws -> Int64? {
        let (catalog, entry) = (registry.catalog, record.entry)
        guard case .promotion(let promotion) = entry.fact, let digest = entry.digest,
            settings.production.contains(promotion.environment)
        else { return nil }
        let first = try await catalog.firstPromotion(of: digest, in: entry.repository, to: settings.production)
        guard first?.id == record.id else { return nil }
        guard let built = try await catalog.firstBuildTime(of: digest, in: entry.repository), built <= entry.time else {
            return nil
        }
        return entry.time - built
    }

    private func show(_ outcome: RolloutOutcomes.Outcome) {
        let environment = label(outcome.environment)
        let dimensions = Self.dimensions(environment, isGood: outcome.isGood)
        Counter(label: "cairn_deployments_total", dimensions: dimensions).increment()
        guard let seconds = outcome.rollbackSeconds else { return }
        Timer(label: "cairn_rollback_seconds", dimensions: [("environment", environment)]).recordSeconds(seconds)
    }

    private func show(_ outcome: BootOutcomes.Outcome) {
        let dimensions = Self.dimensions(label(outcome.environment), isGood: outcome.isGood)
        Counter(label: "cairn_boots_total", dimensions: dimensions).increment()
    }

    private static func dimensions(_ environment: String, isGood: Bool) -> [(String, String)] {
        [("environment", environment), ("outcome", isGood ? "good" : "bad")]
    }

    /// The environment's name if it is among those shown, `other` else.
    private func label(_ environment: PlaceName) -> String {
        environments.contains(environment) ? environment.description : Self.otherEnvironments
    }

    // MARK: What it comes to

    private func showFlapping(at now: Int64) {
        var found: [[String: String]: Double] = [:]
        for flap in flapping.cases(at: now) {
            let labels = ["environment": label(flap.environment), "deployment": flap.deployment.description]
            guard found.count < RegistryLimits.shownFlapping || found[labels] != nil else { continue }
            found[labels] = max(found[labels] ?? 0, Double(flap.flips))
        }
        flappingGauge.show(found)
    }

    private func showFigures(at now: Int64) async throws {
        let span = RegistryLimits.shownFiguresSpan
        func scope(_ environment: PlaceName?) -> FigureScope {
            FigureScope(
                from: now - span,
                to: now + 1,
                environment: environment,
                production: settings.production,
                driftAfter: settings.driftAfter * 1_000
            )
        }
        let sets = try await registry.figures([scope(nil)] + environments.map { scope($0) }, at: now)
        var values: [[String: String]: Double] = [:]
        var drift: [[String: String]: Double] = [:]
        var critical: [[String: String]: Double] = [:]
        for set in sets {
            let environment = set.scope.environment?.description
            for figure in set.figures {
                // Builds and scans are of no environment.
                if environment != nil, figure.kind == .builds || figure.kind == .vulnerabilities { continue }
                var labels = ["figure": figure.kind.rawValue]
                labels["environment"] = environment
                values[labels] = figure.value
            }
            guard let environment else { continue }
            drift[["environment": environment]] = Double(set[.drift]?.count("open") ?? 0)
        }
        // The worst come first.
        for (rank, environment) in (sets.first?[.vulnerabilities]?.environments ?? []).enumerated()
        where rank < RegistryLimits.shownEnvironments || settings.production.contains(environment.environment) {
            critical[["environment": environment.environment.description]] = Double(environment.critical)
        }
        figureGauge.show(values)
        driftGauge.show(drift)
        criticalGauge.show(critical)
    }
}
