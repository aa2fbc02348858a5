// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What is to run at a place.
struct WantedImage: Hashable {
    let digest: Digest
    /// nil where nothing was said of it.
    let configuration: Digest?

    /// Whether what was observed is something else.
    func differs(from digest: Digest, _ configuration: Digest?) -> Bool {
        if self.digest != digest { return true }
        guard let desired = self.configuration, let configuration else { return false }
        return desired != configuration
    }
}

/// What is to run and what was reported to, and where they differ for too long (M7).
struct DriftFigures {
    private struct Service {
        /// nil where nothing was ever to run, or is no more.
        var desired: WantedImage?
        var reports: [Reporter: Report] = [:]
    }

    private struct Reporter: Hashable {
        let target: PlaceName
        let name: String
    }

    private struct Report {
        let digest: Digest
        let configuration: Digest?
        let deployment: PlaceName?
        let until: Int64
        /// Since when it differs; nil while it does not.
        var differsSince: Int64?
    }

    private let scope: FigureScope
    private let limit: Int
    private var places: OpenTable<ReleasePlace, Service>
    /// Reports of all places together.
    private var held = 0
    private var sweepsAt = 1_024
    private var refusedReports = 0
    private var observed = 0
    private var incidents = 0
    private var open = 0
    private var exemplars = FigureExemplars()

    init(_ scope: FigureScope, limit: Int) {
        self.scope = scope
        self.limit = limit
        places = OpenTable(limit: limit)
    }

    var heldCount: Int { places.count + held }
    var refused: Int { places.refused + refusedReports }

    mutating func add(_ promotion: PromotionReport, of image: ReleaseImage, at time: Int64) {
        promote(WantedImage(digest: image.digest, configuration: nil), promotion, of: image.repository, at: time)
    }

    /// Nothing is to run there any more: what does is no drift.
    mutating func withdraw(_ promotion: PromotionReport, of repository: RepositoryName, at time: Int64) {
        promote(nil, promotion, of: repository, at: time)
    }

    private mutating func promote(
        _ desired: WantedImage?,
        _ promotion: PromotionReport,
        of repository: RepositoryName,
        at time: Int64
    ) {
        let place = ReleasePlace(
            repository: repository,
            environment: promotion.environment,
            service: promotion.service
        )
        desire(desired, at: place, time)
    }

    mutating func add(_ step: PlacedStep) {
        guard step.wholePhase == .started || step.wholePhase == .rollbackOrdered else { return }
        let desired = WantedImage(digest: step.opening.digest, configuration: step.step.configuration)
        desire(desired, at: step.place, step.time)
    }

    mutating func add(_ report: RunningReport, of image: ReleaseImage, at time: Int64) {
        let place = ReleasePlace(
            repository: image.repository,
            environment: report.environment,
            service: report.service
        )
        guard places.admits(place) else { return }
        var service = places.take(place) ?? Service()
        if report.isRunning, scope.contains(time) { observed += 1 }
        let reporter = Reporter(target: report.target, name: report.reporter)
        let former = service.reports.removeValue(forKey: reporter)
        held -= former == nil ? 0 : 1
        let isRunning = report.isRunning && report.until > time
        let differs = isRunning && service.desired?.differs(from: image.digest, report.configuration) == true
        // One that follows at the very end of the former goes on with it.
        let since = former.flatMap { $0.until >= time ? $0.differsSince : nil }
        if let former, !differs || since == nil { settle(place, reporter, former, at: time) }
        if isRunning, held < limit {
            held += 1
            service.reports[reporter] = Report(
                digest: image.digest,
                configuration: report.configuration,
                deployment: report.deployment,
                until: report.until,
                differsSince: differs ? since ?? time : nil
            )
        } else if isRunning {
            refusedReports += 1
        }
        places.put(place, service)
        if held >= sweepsAt { sweep(at: time) }
    }

    /// Changes what is to run at one place, and at no other: a promotion without a service is of the place without one.
    private mutating func desire(_ desired: WantedImage?, at place: ReleasePlace, _ time: Int64) {
        guard places.admits(place) else { return }
        var service = places.take(place) ?? Service()
        service.desired = desired
        for (reporter, report) in service.reports where report.until > time {
            var report = report
            let differs = desired?.differs(from: report.digest, report.configuration) ?? false
            if differs {
                report.differsSince = report.differsSince ?? time
            } else {
                settle(place, reporter, report, at: time)
                report.differsSince = nil
            }
            service.reports[reporter] = report
        }
        places.put(place, service)
    }

    /// Counts a difference that is over, or is looked at for the last time, at a time.
    private mutating func settle(_ place: ReleasePlace, _ reporter: Reporter, _ report: Report, at time: Int64) {
        guard let since = report.differsSince else { return }
        let end = min(time, report.until)
        let begin = since + scope.driftAfter
        guard begin <= end, scope.contains(begin) else { return }
        incidents += 1
        let names = [
            place.repository.description, place.environment.description, place.service?.description ?? "",
            reporter.target.description, reporter.name,
        ]
        exemplars.offer(
            ExemplarRank(time: begin, text: names.joined(separator: "\n")),
            FigureExemplar(
                repository: place.repository,
                digest: report.digest,
                environment: place.environment,
                service: place.service,
                deployment: report.deployment,
                target: reporter.target,
                time: begin,
                value: Double(end - since) / 1_000
            )
        )
    }

    /// Forgets reports that are out of date.
    private mutating func sweep(at time: Int64) {
        held = 0
        for (place, state) in places.values {
            var service = state
            for (reporter, report) in state.reports where report.until < time {
                settle(place, reporter, report, at: time)
                service.reports[reporter] = nil
            }
            held += service.reports.count
            if service.reports.count < state.reports.count { places.put(place, service) }
        }
        sweepsAt = max(1_024, held * 2)
    }

    /// The images desired in each environment.
    func desiredImages() -> [PlaceName: Set<ReleaseImage>] {
        var images: [PlaceName: Set<ReleaseImage>] = [:]
        for (place, service) in places.values {
            guard let desired = service.desired else { continue }
            let image = ReleaseImage(repository: place.repository, digest: desired.digest)
            images[place.environment, default: []].insert(image)
        }
        return images
    }

    /// Counts everything that is left as of the last moment of the window. Nothing is added afterwards.
    mutating func finish(at time: Int64) -> Figure {
        for (place, service) in places.values {
            for (reporter, report) in service.reports {
                settle(place, reporter, report, at: time)
                if let since = report.differsSince, report.until > time, time - since >= scope.driftAfter { open += 1 }
            }
        }
        let length = min(scope.to, time + 1) - scope.from
        let isObserved = observed > 0 || incidents > 0 || open > 0
        let rate = Double(incidents) * Double(ReleaseFiguresLimits.driftDays * ReleaseFiguresLimits.day)
        let value = isObserved && length > 0 ? rate / Double(length) : nil
        return Figure(
            .drift,
            value: value,
            isMet: value.map(FigureKind.drift.target.isMet),
            counts: [
                FigureCount("incidents", incidents), FigureCount("open", open), FigureCount("reports", observed),
            ],
            exemplars: exemplars
        )
    }
}
