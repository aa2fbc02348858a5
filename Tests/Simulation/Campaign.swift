// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Many schedules, one after the other, on the thread that asks for them.
package struct Campaign {
    package struct Failure: Sendable, Hashable {
        package let seed: UInt64
        package let violation: String
    }

    package private(set) var tally = Tally()
    package private(set) var failures: [Failure] = []
    private let world: World
    private let mutant: Mutant?

    /// Failures that are kept with what they were; more are only counted.
    static let failuresKept = 20

    package init(mutant: Mutant? = nil) throws {
        world = try World()
        self.mutant = mutant
    }

    package mutating func run(seed: UInt64) throws {
        let schedule = try Schedule(seed: seed, mutant: mutant, in: world)
        schedule.run()
        tally += schedule.tally
        guard let violation = schedule.violations.first else { return }
        tally.add(1, to: .violations)
        if failures.count < Self.failuresKept { failures.append(Failure(seed: seed, violation: violation)) }
    }

    /// Goes on from a seed until one shows that something is wrong; nil where none of so many does.
    package mutating func firstFailure(from seed: UInt64, within count: UInt64) throws -> Failure? {
        for next in seed..<(seed + count) {
            try run(seed: next)
            if let failure = failures.first { return failure }
        }
        return nil
    }
}
