// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI
package import Releases
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

extension Registry {
    /// The figures M1 to M8 and M10 over the last so long, as of a time in milliseconds since 1970. What was asked for
    /// within half a minute, or is being computed, is not computed again.
    ///
    /// - Throws: `RegistryError.overloaded` where too many others are waited for.
    package func figures(_ request: FigureRequest, _ settings: ReleaseSettings, at now: Int64) async throws -> FigureSet
    {
        let scope = FigureScope(
            from: now - request.span,
            to: now + 1,
            repository: request.repository,
            environment: request.environment,
            production: settings.production,
            driftAfter: settings.driftAfter * 1_000
        )
        return try await recentFigures.result(for: request, at: now) { [self] in
            guard let figures = try await self.figures([scope], at: now).first else {
                throw RegistryError.fault("no figures were computed")
            }
            return figures
        }
    }

    /// The figures of any windows, from all entries up to a time, in one reading. Vulnerabilities are those that
    /// reports attached to the images tell of at this moment. Each reads the whole record, so there is one reading at a
    /// time, and others wait.
    package func figures(_ scopes: [FigureScope], at now: Int64) async throws -> [FigureSet] {
        try await figureTurns.run { [self] in try await compute(scopes, at: now) }
    }

    private func compute(_ scopes: [FigureScope], at now: Int64) async throws -> [FigureSet] {
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

    /// What scanners say of the images that are to run, as entries of this moment. Where so much was read that is not
    /// remembered that it is enough for one computation, the others are not looked at until a later one.
    private func scans(_ scopes: [FigureScope], at now: Int64) async throws -> [ReleaseEntry] {
        var (scans, looked, bytes): ([ReleaseEntry], Set<EvidenceNotes.Key>, Int) = ([], [], 0)
        let repository = scopes.first?.repository
        let isOfOne = scopes.allSatisfy { $0.repository == repository }
        for environment in try await scannedEnvironments(scopes) {
            let images = try await catalog.desiredDigests(
                in: environment,
                of: isOfOne ? repository : nil,
                limit: RegistryLimits.figuresScans
            )
            for image in images {
                let key = EvidenceNotes.Key(repository: image.repository, image: image.digest)
                guard looked.count < RegistryLimits.figuresScans, looked.insert(key).inserted else { continue }
                var note = evidenceNotes.find(key)
                if note == nil, bytes < RegistryLimits.figuresEvidenceBytes {
                    let reading = try await readEvidence(key)
                    bytes += reading.bytes
                    note = reading.note
                }
                guard let fact = note?.scan else { continue }
                scans.append(
                    ReleaseEntry(time: now, repository: image.repository, digest: image.digest, fact: .scan(fact))
                )
            }
        }
        return scans
    }

    /// The environments whose images count in some of the windows: those that are asked for and, where all are, those
    /// of production and then the others by their names.
    private func scannedEnvironments(_ scopes: [FigureScope]) async throws -> [PlaceName] {
        let asked = scopes.compactMap(\.environment)
        var names = asked
        if asked.count < scopes.count {
            let production = scopes.reduce(into: Set<PlaceName>()) { $0.formUnion($1.production) }
            names += production.sorted { $0.description < $1.description }
            names += try await catalog.environments(after: "", limit: RegistryLimits.figuresEnvironments)
        }
        var seen: Set<PlaceName> = []
        return Array(names.filter { seen.insert($0).inserted }.prefix(RegistryLimits.figuresEnvironments))
    }

    /// What has gone back and forth between healthy and unhealthy in the last hour. What was asked for within half a
    /// minute, or is being computed, is not computed again.
    package func flapping(at now: Int64) async throws -> [Flapping.Case] {
        let span = RegistryLimits.flappingSpan
        return try await recentFlapping.result(for: span, at: now) { [self] in
            try await flapping(from: now - span, to: now)
        }
    }

    private func flapping(from begin: Int64, to now: Int64) async throws -> [Flapping.Case] {
        try await translating {
            var flapping = Flapping()
            var position = ReleasePosition(time: begin)
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
    /// - Throws: `RegistryError.badReport` for more errors than requests or more requests than one may report, and
    ///   where too many report of it.
    package func reportTraffic(
        requests: Int64,
        errors: Int64,
        as role: RolloutRole,
        of repository: RepositoryName,
        _ step: DeploymentStep,
        caller: Caller
    ) async throws {
        let limit = ReleaseLimits.trafficRequests
        guard requests <= limit else { throw RegistryError.badReport("one reports at most \(limit) requests") }
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

extension EvidenceNote {
    /// The figures of a scan; nil where none is known. Of an image of which not every document was read so much is
    /// known at least, but not that nothing critical is in it.
    fileprivate var scan: ScanCounts? {
        guard let counts, isRead || (counts[.critical] ?? 0) > 0 else { return nil }
        return ScanCounts(
            critical: counts[.critical] ?? 0,
            high: counts[.high] ?? 0,
            medium: counts[.medium] ?? 0,
            low: counts[.low] ?? 0
        )
    }
}
