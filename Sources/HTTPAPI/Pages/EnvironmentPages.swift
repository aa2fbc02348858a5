// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry
import Releases
import WebUI

/// What is to run where. Of repositories from which the reader may not pull nothing is shown, and of environments in
/// which there is nothing else, not even the name.
extension Responder {
    /// The environments, or with `env` one of them.
    func environmentsPage(_ exchange: Exchange) async throws -> Answer {
        if let name = exchange.query["env"] {
            return try await environmentPage(exchange, exchange.requiredPlaceName(name, "env"))
        }
        let position = try exchange.environmentsPosition()
        let found = try await registry.environments(after: position, limit: HTTPLimits.pageRows) { repository in
            exchange.mayPull(repository)
        }
        let page = EnvironmentsPage(
            environments: found.names.map { name in
                LinkedText(name.description, href: PageAddress.environment(name))
            },
            pager: Pager(
                what: "environments",
                first: position == nil ? nil : PageAddress.environments,
                next: found.next.map { PageAddress.with([("after", $0.text)], PageAddress.environments) }
            )
        )
        return html(page, exchange)
    }

    private func environmentPage(_ exchange: Exchange, _ name: PlaceName) async throws -> Answer {
        let position = try exchange.environmentPosition()
        let found = try await registry.desiredImages(in: name, after: position, limit: HTTPLimits.pageRows) {
            repository in
            exchange.mayPull(repository)
        }
        let now = dates.seconds()
        let page = EnvironmentPage(
            name: name.description,
            services: found.images.map { service($0, at: now) },
            pager: Pager(
                what: "services",
                first: position == nil ? nil : PageAddress.environment(name),
                next: found.next.map { PageAddress.environment(name, after: $0.text) }
            )
        )
        return html(page, exchange)
    }

    private func service(_ image: DesiredImage, at now: Int64) -> EnvironmentPage.Service {
        let states = image.targets.map { $0.state(of: image, at: now) }
        let good = states.count { $0 == "as-desired" }
        let state: Badge
        if !image.isLive {
            state = Badge("image deleted", .bad)
        } else if states.contains("drifted") {
            state = Badge("drifted", .warn)
        } else if states.contains("stale") {
            state = Badge("stale", .warn)
        } else {
            state = states.isEmpty ? Badge("nothing reported", .calm) : Badge("as desired", .good)
        }
        return EnvironmentPage.Service(
            name: image.service?.description ?? image.repository.description,
            state: state,
            image: LinkedText(image.repository.description, href: PageAddress.repository(image.repository)),
            desired: Self.digestText(image.digest, in: image.repository),
            running: states.isEmpty ? "no target says" : "\(good) of \(states.count) targets",
            deployed: moment(image.since / 1_000),
            deployment: image.deployment?.description,
            rollback: image.rollback.first.map { Self.digestText($0, in: image.repository) }
        )
    }
}
