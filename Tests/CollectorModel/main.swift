// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Simulation

let arguments = CommandLine.arguments
let world = try World()
let from = UInt64(arguments[1]) ?? 0
let count = UInt64(arguments[2]) ?? 1
let mutant = arguments.count > 3 ? Mutant(rawValue: arguments[3]) : nil
var tally = Tally()
var bad = 0
for seed in from..<(from + count) {
    let schedule = try Schedule(seed: seed, mutant: mutant, in: world)
    schedule.run()
    tally += schedule.tally
    if let first = schedule.violations.first {
        bad += 1
        if bad <= 10 { print("seed \(seed): \(first)") }
    }
}
print(tally.description)
print("\(bad) bad")
