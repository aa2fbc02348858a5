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
/// Environments are labels: the first ones by name, and not more than `RegistryLimits.shownEnvironments`.
package actor ReleaseGauges {
    private let registry: Registry
    private let settings: ReleaseSettings
    private let logger: Logger
    /// The last row that was counted; nil before the first look.
    private var last: Int64?
    private var outcomes = RolloutOutcomes()
    /// When the figures were computed, and how long that took, in milliseconds.
    private var figuresAt: Int64 = 0
    private var figuresTook: Int64 = 0
    private var flapping: [FlappingKey: Gauge] = [:]
    private var environments: [PlaceName] = []

    private struct FlappingKey: Hashable {
        let environment: String
        let deployment: String
    }

    package init(_ registry: Registry, _ settings: ReleaseSettings, logger: Logger) {
        self.registry = registry
        self.settings = settings
        self.logger = logger
    }

    /// Looks once, at a time in milliseconds since 1970. A record that cannot be read is said so in the log.
    ///
    /// `clock` tells the milliseconds that computing took.
    package func look(at now: Int64, clock: @Sendable () -> Int64) async {
        do {
            environments = try await registry.environments(after: "", limit: RegistryLimits.shownEnvironments).elements
            try await count(at: now)
            try await showFlapping(at: now)
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

    private func count(at now: Int64) async throws {
        let catalog = registry.catalog
        if last == nil {
            // Rollouts that are under way are known, and what ended before is not counted.
            let since = ReleasePosition(time: now - ReleaseFiguresLimits.decisionLimit)
            for record in try await catalog.releases(after: since, before: now, limit: RegistryLimits.figuresPage) {
                _ = outcomes.add(record.entry)
            }
            last = try await catalog.lastRelease()
        }
        while let after = last {
            let page = try await catalog.releases(after: after, limit: RegistryLimits.figuresPage)
            for record in page {
                try await count(record.entry)
                last = record.id
            }
            guard page.count == RegistryLimits.figuresPage else { break }
        }
        for outcome in outcomes.overdue(at: now) { show(outcome) }
        for environment in environments {
            Meter(label: "cairn_deployments_open", dimensions: [("environment", environment.description)])
                .set(outcomes.open(in: environment))
        }
    }

    private func count(_ entry: ReleaseEntry) async throws {
        for outcome in outcomes.add(entry) { show(outcome) }
        switch entry.fact {
        case .build(let build):
            let outcome = build.succeeded ? "succeeded" : "failed"
            Counter(label: "cairn_builds_total", dimensions: [("outcome", outcome)]).increment()
        case .promotion(let promotion):
            let environment = label(promotion.environment)
            Counter(label: "cairn_promotions_total", dimensions: [("environment", environment)]).increment()
            guard let digest = entry.digest, settings.production.contains(promotion.environment),
                let built = try await firstBuild(of: digest, in: entry.repository)
            else { return }
            Timer(label: "cairn_promotion_seconds", dimensions: [("environment", environment)])
                .recordMilliseconds(max(0, entry.time - built))
        case .step(let step):
            guard step.phase == .booted || step.phase == .bootFailed else { return }
            let dimensions = [
                ("environment", label(step.environment)), ("outcome", step.phase == .booted ? "good" : "bad"),
            ]
            Counter(label: "cairn_boots_total", dimensions: dimensions).increment()
        case .running, .scan: return
        }
    }

    /// When the image was first built, as far as one look goes.
    private func firstBuild(of digest: Digest, in repository: RepositoryName) async throws -> Int64? {
        let records = try await registry.releases(of: digest, in: repository, limit: RegistryLimits.figuresPage)
        return records.elements.last { record in
            if case .build(let build) = record.entry.fact { build.succeeded } else { false }
        }?.entry.time
    }

    private func show(_ outcome: RolloutOutcomes.Outcome) {
        let environment = label(outcome.environment)
        let dimensions = [("environment", environment), ("outcome", outcome.isGood ? "good" : "bad")]
        Counter(label: "cairn_deployments_total", dimensions: dimensions).increment()
        guard let seconds = outcome.rollbackSeconds else { return }
        Timer(label: "cairn_rollback_seconds", dimensions: [("environment", environment)]).recordSeconds(seconds)
    }

    /// The environment's name if it is among those shown, `other` else.
    private func label(_ environment: PlaceName) -> String {
        environments.contains(environment) ? environment.description : "other"
    }

    // MARK: What it comes to

    private func showFlapping(at now: Int64) async throws {
        var found: [FlappingKey: Int] = [:]
        for flapping in try await registry.flapping(at: now) {
            let key = FlappingKey(
                environment: label(flapping.environment),
                deployment: flapping.deployment.description
            )
            guard found.count < RegistryLimits.shownFlapping || found[key] != nil else { continue }
            found[key] = max(found[key] ?? 0, flapping.flips)
        }
        for (key, gauge) in flapping where found[key] == nil {
            gauge.destroy()
            flapping[key] = nil
        }
        for (key, flips) in found {
            let gauge =
                flapping[key]
                ?? Gauge(
                    label: "cairn_deployment_flapping",
                    dimensions: [("environment", key.environment), ("deployment", key.deployment)]
                )
            gauge.record(flips)
            flapping[key] = gauge
        }
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
        for set in sets {
            for figure in set.figures {
                // Builds and scans are of no environment.
                let environment = set.scope.environment?.description
                if environment != nil, figure.kind == .builds || figure.kind == .vulnerabilities { continue }
                var dimensions = [("figure", figure.kind.rawValue)]
                if let environment { dimensions.append(("environment", environment)) }
                guard let value = figure.value else { continue }
                Meter(label: "cairn_release_figure", dimensions: dimensions).set(value)
            }
            guard let environment = set.scope.environment?.description else { continue }
            Meter(label: "cairn_drift_open", dimensions: [("environment", environment)])
                .set(set[.drift]?.count("open") ?? 0)
        }
        for environment in sets.first?[.vulnerabilities]?.environments.prefix(RegistryLimits.shownEnvironments) ?? [] {
            Meter(
                label: "cairn_critical_vulnerabilities",
                dimensions: [("environment", environment.environment.description)]
            ).set(environment.critical)
        }
    }
}
