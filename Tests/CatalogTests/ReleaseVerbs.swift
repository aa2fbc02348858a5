// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Releases

/// What a request can ask of the release record, and tell it.
enum ReleaseVerbs {
    static func run(_ catalog: Catalog, _ place: DeploymentPlace) async throws {
        let (name, context) = (try Sample.repository(), Sample.context)
        let images = try [4, 5].map { try SampleManifest.image($0) }
        let build = BuildReport(succeeded: true, revision: PlaceName("abc"), build: PlaceName("17"))
        let promotion = PromotionReport(from: place.environment, environment: place.environment, service: place.service)
        for image in images {
            _ = try await catalog.put(image)
            _ = try await catalog.recordBuild(build, of: image.digest, in: name, context: context)
            let first = PromotionReport(environment: place.environment, service: place.service)
            for promotion in [first, promotion] {
                _ = try await catalog.promote(image.digest, promotion, in: name, context: context)
            }
            for phase in [DeploymentStep.Phase.started, .healthy, .rollbackOrdered, .rolledBack] {
                let step = DeploymentStep(
                    deployment: place.target,
                    environment: place.environment,
                    service: place.service,
                    phase: phase
                )
                _ = try await catalog.recordStep(step, of: image.digest, in: name, context: context)
            }
            _ = try await catalog.rollbackImages(
                from: image.digest,
                in: place.environment,
                of: name,
                service: place.service
            )
            _ = try await catalog.orderedImage(
                by: place.target,
                in: place.environment,
                of: name,
                service: place.service
            )
            _ = try await catalog.releases(of: image.digest, in: name, before: .max, limit: 10)
            _ = try await catalog.builds(of: image.digest, in: name, limit: 10)
            _ = try await catalog.firstBuildTime(of: image.digest, in: name)
            _ = try await catalog.firstPromotion(of: image.digest, in: name, to: [place.environment])
            _ = try await catalog.wasHealthy(
                image.digest,
                in: place.environment,
                of: name,
                service: place.service
            )
            _ = try await catalog.desiredPlaces(of: image.digest, in: name)
        }
        try await lists(catalog, place)
        _ = try await catalog.protections(of: name, previousImages: 3, now: 1_700_000_000)
        _ = try await catalog.write { transaction in
            for image in images {
                _ = try transaction.isProtected(image.digest, tags: [], in: name, previousImages: 3, now: 0)
            }
        }
        _ = try await catalog.trimReleases(before: 0)
        try await verbsOfWebhooks(catalog)
        try await verbsOfTraffic(catalog, place)
    }

    private static func lists(_ catalog: Catalog, _ place: DeploymentPlace) async throws {
        let name = try Sample.repository()
        for repository in [nil, name] {
            for environment in [nil, place.environment] {
                let filter = ReleaseFilter(repository: repository, environment: environment)
                _ = try await catalog.releases(filter, before: .max, limit: 10)
            }
        }
        _ = try await catalog.releases(after: ReleasePosition(time: 0), before: .max, limit: 10)
        _ = try await catalog.releases(after: 0, limit: 10)
        _ = try await catalog.lastRelease()
        _ = try await catalog.desiredPlaces(in: place.environment, after: 1, service: nil, limit: 10)
        _ = try await catalog.desiredImage(in: place.environment, of: name, service: place.service)
        _ = try await catalog.repositories(of: place.service, in: place.environment) { _ in true }
        _ = try await catalog.firstStepTime(
            of: place.target,
            in: place.environment,
            of: name,
            service: place.service
        )
        for repository in [nil, name] {
            _ = try await catalog.desiredDigests(in: place.environment, of: repository, limit: 10)
        }
        _ = try await catalog.environments(after: "", limit: 10)
    }

    private static func verbsOfTraffic(_ catalog: Catalog, _ place: DeploymentPlace) async throws {
        let key = RolloutKey(
            repository: try Sample.repository(),
            environment: place.environment,
            service: place.service,
            deployment: place.target
        )
        if let traffic = RolloutTraffic(requests: 1, errors: 0) {
            _ = try await catalog.reportTraffic(traffic, as: .canary, of: key, context: Sample.context)
        }
        _ = try await catalog.traffic(of: key)
        _ = try await catalog.trimTraffic(before: 0)
    }

    private static func verbsOfWebhooks(_ catalog: Catalog) async throws {
        try await catalog.notice("budget.burn", subject: "pulls", ["rate": "3"])
        _ = try await catalog.lastNotices(limit: 10)
        let position = try await catalog.webhook("deploys")
        for source in ToldEvent.Source.allCases {
            let events = try await catalog.toldEvents(source, after: 0, limit: 10)
            _ = try await catalog.toldEvent(source, 1)
            try await catalog.moveWebhook("deploys", to: position, givingUp: events.first)
        }
        _ = try await catalog.deadLetters(of: "deploys", after: 0, limit: 10)
        _ = try await catalog.deadLetterCount(of: "deploys")
        _ = try await catalog.dropDeadLetter(1, of: "deploys")
    }
}
