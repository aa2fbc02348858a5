// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Testing

/// Regions that have heard everything are equal, however they heard it, and are what the rules say.
@Suite struct RegionConvergenceTests {
    /// Seeds of each part; more by the environment, for a long run.
    private static let seeds = ProcessInfo.processInfo.environment["CAIRN_REGION_SEEDS"].flatMap(UInt64.init) ?? 250

    /// Steps of a history: as many of each kind of change as when there were fewer kinds.
    private static let steps = 46

    @Test(arguments: 0..<4 as Range<UInt64>)
    func regionsConverge(part: UInt64) async throws {
        let pool = try EmptyDatabases()
        var (red, outcomes): ([UInt64], [String: Int]) = ([], [:])
        for seed in part * 1_000_000..<part * 1_000_000 + Self.seeds {
            // A history never waits for anything: others, who talk over sockets, would wait for all of them.
            await Task.yield()
            do {
                let world = try await RegionWorld(seed: seed, pool)
                try await world.run(steps: Self.steps)
                try await world.heal()
                outcomes.merge(world.outcomes) { $0 + $1 }
                if let fault = try await Self.fault(in: world) {
                    red.append(seed)
                    if red.count == 1 { Issue.record("seed \(seed): \(fault)") }
                }
            } catch {
                red.append(seed)
                if red.count == 1 { Issue.record("seed \(seed): \(error)") }
            }
        }
        let counts = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        print("regions: \(Self.seeds) histories, entries: \(counts); \(red.count) differ")
        #expect(red.isEmpty, "\(red.count) of \(Self.seeds) seeds: \(red.prefix(10))")
        #expect(outcomes["applied", default: 0] > 0 && outcomes["waits", default: 0] > 0, "\(outcomes)")
    }

    /// A merge that is broken is noticed.
    @Test(arguments: RegionMutant.allCases) func mutantsAreCaught(mutant: RegionMutant) async throws {
        let pool = try EmptyDatabases(mutant)
        for seed in 0..<max(Self.seeds, 1_000) {
            await Task.yield()
            do {
                let world = try await RegionWorld(seed: seed, pool)
                try await world.run(steps: Self.steps)
                try await world.heal()
                if try await Self.fault(in: world) == nil { continue }
            } catch {
                // An impossible outcome is a finding too.
            }
            print("regions: \(mutant.rawValue) was caught by seed \(seed)")
            return
        }
        Issue.record("\(mutant) was not noticed")
    }

    private static func fault(in world: RegionWorld) async throws -> String? {
        let oracle = try RegionOracle(world.regions, world.universe)
        let first = try await world.visible(world.regions[0])
        for region in world.regions {
            let visible = try await world.visible(region)
            if visible != first { return "\(region.name) has \(visible), and \(world.regions[0].name) \(first)" }
            let problems = try await region.problems()
            if !problems.isEmpty { return "\(region.name): \(problems)" }
        }
        for tag in RegionWorld.tags {
            let value = first.tags[tag]
            if let value, !oracle.written(to: tag).contains(value) { return "nobody set \(tag) to \(value)" }
            let isImmutable = tag == RegionWorld.immutable
            guard value != (isImmutable ? oracle.immutableValue(of: tag) : oracle.value(of: tag)) else { continue }
            return "\(tag) is \(value?.description ?? "not set")"
        }
        if first.desired != oracle.desired { return "desired are \(first.desired), not \(oracle.desired)" }
        if first.home != oracle.home { return "the home is \(first.home), not \(oracle.home)" }
        let live = oracle.live(tagged: Set(first.tags.values))
        if first.live != live { return "live are \(first.live), not \(live)" }
        return nil
    }
}
