// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Simulation

/// Runs schedules of the collector's model, for `tools/gc-model`.
struct CollectorModel: ParsableCommand {
    @Option(help: "The first seed.")
    var from: UInt64 = 1

    @Option(help: "How many seeds follow on one another, or, with a mutant, how many are tried.")
    var seeds: UInt64 = 1_000

    @Option(help: "Which of the parts into which the seeds are dealt out.")
    var part: UInt64 = 0

    @Option(help: "How many parts there are.")
    var parts: UInt64 = 1

    @Option(help: "Break the collector so, and stop once that shows.")
    var mutant: String?

    @Flag(help: "Name the mutants.")
    var listMutants = false

    func run() throws {
        if listMutants {
            for mutant in Mutant.allCases { print(mutant.rawValue) }
        } else if let mutant {
            guard let mutant = Mutant(rawValue: mutant) else { throw ValidationError("there is no such mutant") }
            var campaign = try Campaign(mutant: mutant)
            guard let failure = try campaign.firstFailure(from: from, within: seeds) else {
                print("missed \(mutant.rawValue) in \(seeds) seeds")
                throw ExitCode.failure
            }
            let violation = failure.violation.replacing("\n", with: " ")
            print("caught \(mutant.rawValue) after \(failure.seed - from + 1) seeds: \(violation)")
        } else {
            var campaign = try Campaign()
            for seed in stride(from: from + part, to: from + seeds, by: Int(parts)) {
                try campaign.run(seed: seed)
            }
            for failure in campaign.failures { print("seed \(failure.seed): \(failure.violation)") }
            for line in campaign.tally.lines { print(line) }
        }
    }
}

CollectorModel.main()
