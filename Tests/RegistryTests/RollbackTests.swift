// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
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
                #expect(again.isProven, "it was healthy, and still counts as that")
            }
            let next = try await Self.goBack(store, as: "back-2")
            #expect(next.digest == images[0], "another rollback gives up what the first one brought")
        }
    }

    @Test func aRollbackThatIsToldAgainAfterAnotherRolloutIsAnotherOne() async throws {
        try await TestStore.with { store in
            let images = try await Self.rolledOut(store)
            _ = try await Self.goBack(store, as: "back-1")
            let step = DeploymentStep(
                deployment: try Self.name("rollout-4"),
                environment: try Self.name("prod"),
                service: try Self.name("web"),
                phase: .started
            )
            _ = try await store.registry.recordStep(
                step,
                of: images[2],
                in: Sample.repository(),
                caller: TestStore.caller
            )
            let again = try await Self.goBack(store, as: "back-1")
            #expect(again.digest == images[1] && again.former == images[2] && again.event != nil)
            let desired = try await store.catalog.desiredImage(
                in: Self.name("prod"),
                of: Sample.repository(),
                service: Self.name("web")
            )
            #expect(desired?.digest == images[1], "what is answered is what is to run")
        }
    }

    @Test func whatIsNotKnownToBeGoodIsNotSaidToBe() async throws {
        try await TestStore.with { store in
            var images: [Digest] = []
            for number in 1...2 {
                images.append(try await store.putImage(seed: UInt64(number)))
                let promotion = PromotionReport(environment: try Self.name("prod"), service: try Self.name("web"))
                _ = try await store.registry.promote(
                    images[number - 1],
                    promotion,
                    in: Sample.repository(),
                    caller: TestStore.caller
                )
            }
            for isFirst in [true, false] {
                let rollback = try await Self.goBack(store, to: images[0], as: "back-1")
                #expect(!rollback.isProven)
                #expect((rollback.event != nil) == isFirst)
            }
        }
    }

    @Test func theRepositoryOfAServiceIsLookedForAmongThoseThatAreAllowed() async throws {
        try await TestStore.with { store in
            let (prod, web) = (try Self.name("prod"), try Self.name("web"))
            let names = ["team/app", "team/other"]
            for (seed, name) in names.enumerated() {
                let image = try await store.putImage(seed: UInt64(seed), in: name)
                _ = try await store.registry.promote(
                    image,
                    PromotionReport(environment: prod, service: web),
                    in: Sample.repository(name),
                    caller: TestStore.caller
                )
            }
            let other = try Sample.repository(names[1])
            let found = try await store.registry.repository(of: web, in: prod) { $0 == other }
            #expect(found == other)
            let many = await #expect(throws: RegistryError.self) {
                try await store.registry.repository(of: web, in: prod) { _ in true }
            }
            guard case .recordConflict(let reason)? = many, names.allSatisfy({ reason.contains($0) }) else {
                Issue.record("\(String(describing: many))")
                return
            }
            let none = await #expect(throws: RegistryError.self) {
                try await store.registry.repository(of: web, in: prod) { _ in false }
            }
            guard case .notInLog(let why)? = none, !names.contains(where: { why.contains($0) }) else {
                Issue.record("\(String(describing: none))")
                return
            }
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
