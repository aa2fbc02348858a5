// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Releases
import Testing

/// What decides which image runs, or is gone back to, takes more than the right to pull.
struct DeploymentStepTests {
    private func step(_ phase: DeploymentStep.Phase, target: String? = nil) throws -> DeploymentStep {
        DeploymentStep(
            deployment: try PlaceName(parsing: "d1"),
            environment: try PlaceName(parsing: "prod"),
            target: try target.map { try PlaceName(parsing: $0) },
            phase: phase
        )
    }

    @Test func aWholeRolloutDecides() throws {
        let deciding = try DeploymentStep.Phase.allCases.filter { try step($0).decides }
        #expect(Set(deciding) == [.started, .healthy, .failed, .rollbackOrdered, .rolledBack])
    }

    @Test(arguments: DeploymentStep.Phase.allCases)
    func anInstanceDecidesNothing(phase: DeploymentStep.Phase) throws {
        let decides = try step(phase, target: "web-1").decides
        #expect(!decides)
    }
}
