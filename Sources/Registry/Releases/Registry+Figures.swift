// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
package import Releases
import Synchronization
import Trust

/// What figures are asked for, by people: the last so many days, of all or of some entries.
package struct FigureRequest: Sendable, Hashable {
    /// Milliseconds before now.
    package let span: Int64
    package let repository: RepositoryName?
    package let environment: PlaceName?

    package init(span: Int64, repository: RepositoryName? = nil, environment: PlaceName? = nil) {
        self.span = span
        self.repository = repository
        self.environment = environment
    }
}

/// What rollouts are judged by beside their entries.
package struct ReleaseSettings: Sendable, Hashable {
    /// The environments whose promotions M4 counts.
    package var production: Set<PlaceName>
    /// For how many seconds an image must differ from the one that is to run to be an incident.
    package var driftAfter: Int64

    package init(
        production: Set<PlaceName> = Set(["prod", "production"].compactMap { PlaceName($0) }),
        driftAfter: Int64 = 900
    ) {
        self.production = production
        self.driftAfter = driftAfter
    }
}

/// Figures that were computed a moment ago: each reads the whole record.
final class RecentFigures: Sendable {
    private struct Entry {
        let figures: FigureSet
        let until: Int64
    }

    private let entries = Mutex<[FigureRequest: Entry]>([:])

    func find(_ request: FigureRequest, at now: Int64) -> FigureSet? {
        entries.withLock { entries in entries[request].flatMap { $0.until > now ? $0.figures : nil } }
    }

    func keep(_ figures: FigureSet, for request: FigureRequest, at now: Int64) {
        entries.withLock { entries in
            if entries.count >= RegistryLimits.recentFigures { entries.removeAll() }
            entries[request] = Entry(figures: figures, until: now + RegistryLimits.figuresMilliseconds)
        }
    }
}

extension Registry {
    /// The figures M1 to M8 and M10 over the last so long, as of a time in milliseconds since 1970. What was asked for
    /// within half a minute is not computed again.
    package func figures(_ request: FigureRequest, _ settings: ReleaseSettings, at now: Int64) async throws -> FigureSet
    {
        if let recent = recentFigures.find(request, at: now) { return recent }
        let scope = FigureScope(
            from: now - request.span,
            to: now + 1,
            repository: request.repository,
            environment: request.environment,
            production: settings.production,
            driftAfter: settings.driftAfter * 1_000
        )
        guard let figures = try await figures([scope], at: now).first else {
            throw RegistryError.fault("no figures were computed")
        }
        recentFigures.keep(figures, for: request, at: now)
        return figures
    }

    /// The figures of any windows, from all entries up to a time, in one reading. Vulnerabilities are those that
    /// reports attached to the images tell of at this moment.
    package func figures(_ scopes: [FigureScope], at now: Int64) async throws -> [FigureSet] {
        try await translating {
            var figures = scopes.map { ReleaseFigures($0) }
            var position = ReleasePosition(time: 0)
            while true {
                let page = try await catalog.releases(
                    after: position,
                    before: now + 1,
                    limit: RegistryLimits.figuresPage
                )
                for record in page {
                    for index in figures.indices { figures[index].add(record.entry) }
                }
                guard let last = page.last, page.count == RegistryLimits.figuresPage else { break }
                position = ReleasePosition(time: last.entry.time, id: last.id)
                await Task.yield()
            }
            for scan in try await scans(scopes, at: now) {
                for index in figures.indices { figures[index].add(scan) }
            }
            return figures.map { $0.finish(at: now) }
        }
    }

    /// What scanners say of the images that are to run, as entries of this moment.
    private func scans(_ scopes: [FigureScope], at now: Int64) async throws -> [ReleaseEntry] {
        var (scans, looked): ([ReleaseEntry], Set<DesiredKey>) = ([], [])
        let names = try await catalog.environments(after: "", limit: RegistryLimits.figuresEnvironments)
        for environment in names {
            var position: DesiredPosition?
            repeat {
                let page = try await catalog.desiredImages(
                    in: environment,
                    after: position,
                    limit: RegistryLimits.desiredPage
                )
                for image in page
                where scopes.contains(where: { $0.repository == nil || $0.repository == image.repository }) {
                    let key = DesiredKey(repository: image.repository, digest: image.digest)
                    guard looked.count < RegistryLimits.figuresScans, looked.insert(key).inserted else { continue }
                    let summary = try await evidenceSummary(of: image.digest, in: image.repository)
                    guard let counts = summary.vulnerabilities?.counts else { continue }
                    let fact = ScanCounts(
                        critical: counts[.critical] ?? 0,
                        high: counts[.high] ?? 0,
                        medium: counts[.medium] ?? 0,
                        low: counts[.low] ?? 0
                    )
                    scans.append(
                        ReleaseEntry(time: now, repository: image.repository, digest: image.digest, fact: .scan(fact))
                    )
                }
                position =
                    page.count == RegistryLimits.desiredPage
                    ? page.last.map { DesiredPosition(repository: $0.repository, service: $0.service) } : nil
            } while position != nil
        }
        return scans
    }

    /// What has gone back and forth between healthy and unhealthy in the last hour.
    package func flapping(at now: Int64) async throws -> [Flapping.Case] {
        try await translating {
            var flapping = Flapping()
            var position = ReleasePosition(time: now - RegistryLimits.flappingSpan)
            while true {
                let page = try await catalog.releases(
                    after: position,
                    before: now + 1,
                    limit: RegistryLimits.figuresPage
                )
                for record in page { flapping.add(record.entry) }
                guard let last = page.last, page.count == RegistryLimits.figuresPage else { break }
                position = ReleasePosition(time: last.entry.time, id: last.id)
            }
            return flapping.cases(at: now)
        }
    }
}

extension Registry {
    /// Keeps what a reporter has counted of a rollout since it began, in place of what it said before.
    ///
    /// - Throws: `RegistryError.badReport` for more errors than requests, and where too many report of it.
    package func reportTraffic(
        requests: Int64,
        errors: Int64,
        as role: RolloutRole,
        of repository: RepositoryName,
        _ step: DeploymentStep,
        caller: Caller
    ) async throws {
        guard let traffic = RolloutTraffic(requests: Int(requests), errors: Int(errors)) else {
            throw RegistryError.badReport("of \(requests) requests, \(errors) cannot be errors")
        }
        try await translating {
            let key = RolloutKey(repository, step)
            let isKept = try await catalog.reportTraffic(traffic, as: role, of: key, context: caller.context)
            guard isKept else {
                throw RegistryError.badReport("there is no such repository, or too many report of this rollout")
            }
        }
    }

    /// What to do with a rollout, by the requests and errors that were reported of it and of what ran before.
    package func verdict(
        on repository: RepositoryName,
        _ step: DeploymentStep,
        _ limits: RolloutLimits
    ) async throws -> (verdict: RolloutVerdict, traffic: [RolloutRole: RolloutTraffic]) {
        try await translating {
            let traffic = try await catalog.traffic(of: RolloutKey(repository, step))
            guard let none = RolloutTraffic(requests: 0, errors: 0) else {
                throw RegistryError.fault("no requests are no traffic")
            }
            let verdict = RolloutVerdict(
                canary: traffic[.canary] ?? none,
                baseline: traffic[.baseline] ?? none,
                limits: limits
            )
            return (verdict, traffic)
        }
    }
}

extension RolloutKey {
    fileprivate init(_ repository: RepositoryName, _ step: DeploymentStep) {
        self.init(
            repository: repository,
            environment: step.environment,
            service: step.service,
            deployment: step.deployment
        )
    }
}

private struct DesiredKey: Hashable {
    let repository: RepositoryName
    let digest: Digest
}
