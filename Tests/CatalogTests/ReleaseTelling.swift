// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Releases
import Testing

/// Tests that tell the release record of a service "web" of one repository.
protocol ReleaseTelling {
    var deployments: DeploymentFixture { get }
    var name: RepositoryName { get }
}

extension ReleaseTelling {
    var catalog: Catalog { get throws { try deployments.catalog } }
    var images: [Digest] { deployments.images }

    static func name(_ text: String) throws -> PlaceName { try PlaceName(parsing: text) }

    /// The event of an entry that was recorded; nil where the record said so already.
    func event(_ outcome: ReleaseRecording) -> EventID? {
        guard case .recorded(let event, _, _) = outcome else {
            Issue.record("\(outcome)")
            return nil
        }
        return event
    }

    func promote(_ image: Int?, to environment: String = "prod", from: String? = nil) async throws
        -> ReleaseRecording
    {
        let promotion = PromotionReport(
            from: try from.map(Self.name),
            environment: try Self.name(environment),
            service: try Self.name("web")
        )
        let digest = image.map { images[$0] }
        return try await catalog.promote(digest, promotion, in: name, context: Sample.context)
    }

    @discardableResult
    func step(
        _ phase: DeploymentStep.Phase,
        _ image: Int,
        _ deployment: String,
        on target: String? = nil,
        in environment: String = "prod",
        config: Digest? = nil
    ) async throws -> EventID? {
        let step = DeploymentStep(
            deployment: try Self.name(deployment),
            environment: try Self.name(environment),
            service: try Self.name("web"),
            target: try target.map(Self.name),
            phase: phase,
            configuration: config
        )
        return event(try await catalog.recordStep(step, of: images[image], in: name, context: Sample.context))
    }

    func desired() async throws -> DesiredImage? {
        try await catalog.desiredImage(in: Self.name("prod"), of: name, service: Self.name("web"))
    }
}
