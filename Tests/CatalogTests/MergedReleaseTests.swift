// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Releases
import Testing

/// What regions say of the same rollout comes to the same in all of them, whoever hears what first.
@Suite struct MergedReleaseTests {
    /// The region that was later hears last what was said before.
    @Test(arguments: [DeploymentStep.Phase.healthy, .failed, .started])
    func whatWasSaidLaterStands(phase: DeploymentStep.Phase) async throws {
        let (early, late) = (try MemoryRegion("early"), try MemoryRegion("late"))
        let images = try (1...2).map { try SampleManifest.image($0) }
        for (region, other) in [(early, late), (late, early)] {
            try await region.meet(other)
            try await region.catalog.linkConfig()
        }
        for image in images { _ = try await early.catalog.put(image) }
        try await late.mergeAll(of: early, manifests: images)
        late.clock.advance(seconds: 60)
        // Of an order the images differ: the later one is to run.
        let second = phase == .started ? 1 : 0
        for (region, image) in [(early, 0), (late, second)] {
            let step = DeploymentStep(
                deployment: try PlaceName(parsing: "\(region.name)-1"),
                environment: try PlaceName(parsing: "prod"),
                service: try PlaceName(parsing: "web"),
                phase: phase
            )
            let name = try Sample.repository()
            let digest = images[image].digest
            let made = try await region.catalog.recordStep(step, of: digest, in: name, context: Sample.context)
            guard case .recorded(.some, _, _) = made else {
                Issue.record("\(made)")
                return
            }
        }
        let before = try Self.decided(late)
        try await late.mergeAll(of: early, manifests: images)
        #expect(try Self.decided(late) == before, "what was said before changes nothing")
        try await early.mergeAll(of: late, manifests: images)
        #expect(try Self.decided(early) == before)
    }

    private static func decided(_ region: MemoryRegion) throws -> Set<String> {
        try region.texts("SELECT HEX(digest) || ' ' || good_hlc || ' ' || bad_hlc FROM outcome")
            .union(try region.texts("SELECT 'desired ' || HEX(digest) || ' ' || hlc FROM desired"))
    }
}
