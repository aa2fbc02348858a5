// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry
import Releases
import TestSupport
import Testing

/// Going back to the last good image of a service.
@Suite(.serialized, .timeLimit(.minutes(1))) struct RollbackTests {
    private static func name(_ text: String) throws -> PlaceName { try PlaceName(parsing: text) }

    /// Rollouts of three images, each of which was healthy.
    private static func rolledOut(_ store: TestStore) async throws -> [Digest] {
        var images: [Digest] = []
        for number in 1...3 {
            let image = try await store.putImage(seed: UInt64(number))
            for phase in [DeploymentStep.Phase.started, .healthy] {
                let step = DeploymentStep(
                    deployment: try name("rollout-\(number)"),
                    environment: try name("prod"),
                    service: try name("web"),
                    phase: phase
                )
                _ = try await store.registry.recordStep(
                    step,
                    of: image,
                    in: Sample.repository(),
                    caller: TestStore.caller
                )
            }
            images.append(image)
        }
        return images
    }

    private static func goBack(_ store: TestStore, to digest: Digest? = nil, as text: String) async throws -> Rollback {
        try await store.registry.rollback(
            name("prod"),
            name("web"),
            in: Sample.repository(),
            to: digest,
            deployment: name(text),
            caller: TestStore.caller
        )
    }

    @Test func aRollbackThatIsToldAgainGoesBackOnce() async throws {
        try await TestStore.with { store in
            let images = try await Self.rolledOut(store)
            let first = try await Self.goBack(store, as: "back-1")
            #expect(first.digest == images[1])
            #expect(first.former == images[2])
            #expect(first.event != nil)
            for wanted in [nil, images[1]] {
                let again = try await Self.goBack(store, to: wanted, as: "back-1")
                #expect(again.digest == images[1], "who got no answer asks again, and is not taken further back")
                #expect(again.former == nil)
                #expect(again.event == nil)
            }
            let next = try await Self.goBack(store, as: "back-2")
            #expect(next.digest == images[0], "another rollback gives up what the first one brought")
        }
    }

    @Test func aRollbackUnderTheNameOfTheRolloutThatFailedGoesBack() async throws {
        try await TestStore.with { store in
            let images = try await Self.rolledOut(store)
            let rollback = try await Self.goBack(store, as: "rollout-3")
            #expect(rollback.digest == images[1])
            #expect(rollback.event != nil)
        }
    }
}
