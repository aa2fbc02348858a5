// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Simulation
import Testing

/// The real store, catalog, registry and collector under seeded schedules with power cuts. `tools/gc-model` runs many
/// more of them.
@Suite("The model of the collector")
struct CollectorModelTests {
    @Test("schedules lose nothing that was promised, and leave nothing behind")
    func schedules() throws {
        var campaign = try Campaign()
        for seed in 1...60 { try campaign.run(seed: UInt64(seed)) }
        #expect(campaign.failures.isEmpty)
        let tally = campaign.tally
        for figure in Tally.Figure.allCases where figure != .violations {
            #expect(tally[figure] > 0, "\(figure) never happened")
        }
    }

    @Test(
        "a collector that is broken is noticed",
        arguments: zip(
            [
                Mutant.ownLocks, .leaselessHead, .unsyncedDirectory, .unsyncedData, .leaselessLoss, .unqueuedLoss,
                .unqueuedLink, .edgelessTrash, .eagerCondemnation, .keptFile, .ignoredPush,
            ],
            [400, 200, 20, 20, 400, 20, 50, 20, 50, 20, 200] as [UInt64]
        )
    )
    func mutants(mutant: Mutant, seeds: UInt64) throws {
        var campaign = try Campaign(mutant: mutant)
        let failure = try campaign.firstFailure(from: 1, within: seeds)
        #expect(failure != nil, "\(mutant) was not noticed in \(seeds) schedules")
    }

    @Test("a seed is one schedule: whatever came before, it does the same")
    func repeatable() throws {
        var first = try Campaign()
        try first.run(seed: 7)
        var second = try Campaign()
        try second.run(seed: 6)
        let former = second.tally
        try second.run(seed: 7)
        for figure in Tally.Figure.allCases {
            #expect(second.tally[figure] - former[figure] == first.tally[figure], "\(figure)")
        }
    }
}
