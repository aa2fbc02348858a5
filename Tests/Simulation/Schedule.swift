// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import OCI

/// One run: a seed says who does what, which step comes next, when time passes, and when the power goes.
///
/// Clients push, pull and delete few things in few repositories while the collector works; after each step that changed
/// the disk or the database, what must always be so is checked. At the end everything is deleted, and nothing may be
/// left.
// Safety: every task and every piece of work of a schedule runs on the one thread that calls `run`; the executor sees
// to that.
package final class Schedule: @unchecked Sendable {
    let universe: Universe
    let database: Database
    let disk: SimulatedDisk
    let executor = SeededExecutor()
    let mutant: Mutant?
    var dice: Dice
    var life: Life?
    /// Seconds that the server was up, over all its lives.
    private(set) var elapsed: Int64 = 0
    var knowledge = Knowledge()
    package private(set) var tally = Tally()
    /// What was found to be wrong. A schedule ends with the first.
    package private(set) var violations: [String] = []
    var isCollecting = false
    private var actors = 0
    private var isStarting = false
    private var sleepers: [(due: Int64, continuation: CheckedContinuation<Void, Never>)] = []
    private var uploads: UInt64 = 0
    private var seen = (disk: -1, database: -1)
    private let paths: StoredFiles

    /// Who meets whom, and how fast time passes: each seed has its own.
    let repositories: [RepositoryName]
    let images: [Universe.Image]
    private let crowd: Int
    private let stepsPerTick: Int

    static let steps = 500
    static let crowds = 2...6
    /// A power cut in so many steps, and one in the middle of a step in so many system calls.
    static let stepsPerCut = 400
    static let callsPerCut = 200

    package init(seed: UInt64, mutant: Mutant? = nil, in world: World) throws {
        (universe, database, paths) = (world.universe, world.database, world.files)
        self.mutant = mutant
        var dice = Dice(seed: seed)
        repositories = Array(universe.repositories.prefix(dice.within(1...universe.repositories.count)))
        images = Array(dice.shuffle(universe.images).prefix(dice.within(2...universe.images.count)))
        crowd = dice.within(Self.crowds)
        stepsPerTick = dice.within(2...10)
        self.dice = dice
        disk = SimulatedDisk(copying: world.emptyDisk, faults: mutant?.faults ?? SimulatedDisk.Faults())
        try database.reset(mutant)
    }

    var wallSeconds: Int64 { 1_700_000_000 + elapsed }

    func nextUploadID() -> UploadID {
        uploads += 1
        var generator = Numbers(last: uploads)
        return UploadID.random(using: &generator)
    }

    func violate(_ text: String) { violations.append(text) }

    func count(_ figure: Tally.Figure, by number: Int = 1) { tally.add(number, to: figure) }

    // MARK: Time and tasks

    func isUp(_ life: Life) -> Bool { life === self.life && !disk.isDown }

    /// Lets seconds of service pass.
    func pause(_ seconds: Int, in life: Life) async throws {
        if isUp(life), seconds > 0 {
            await withCheckedContinuation { sleepers.append((elapsed + Int64(seconds), $0)) }
        }
        guard isUp(life) else { throw PowerCut() }
    }

    private func advance(_ seconds: Int64) {
        elapsed += seconds
        disk.setTime(wallSeconds)
        wake { $0 <= elapsed }
    }

    private func wake(_ isDue: (Int64) -> Bool) {
        let due = sleepers.filter { isDue($0.due) }
        sleepers.removeAll { isDue($0.due) }
        for sleeper in due { sleeper.continuation.resume() }
    }

    /// Starts a client, or whoever else does something, in the life that goes on now.
    func start(_ name: String, _ body: @escaping @Sendable (Actor) async throws -> Void) {
        guard let life else { return }
        actors += 1
        let actor = Actor(schedule: self, life: life)
        _ = Task(executorPreference: executor) { [self] in
            do {
                try await body(actor)
            } catch is PowerCut {
                // Nobody knows what became of it.
            } catch {
                if isUp(life) { violate("\(name) failed: \(error)") }
            }
            actors -= 1
        }
    }

    // MARK: The run

    package func run() {
        boot()
        for _ in 0..<Self.steps {
            guard violations.isEmpty else { break }
            if actors < crowd, dice.once(in: 4) { startSomebody() }
            if dice.once(in: stepsPerTick) { advance(Int64(dice.within(1...2))) }
            step()
            if disk.isDown || dice.once(in: Self.stepsPerCut) { cutPower() }
        }
        settle()
        if violations.isEmpty { finish() }
        // What still waits ends as in a power cut, so that nothing of it is left over.
        unplug()
        count(.schedules)
        count(.seconds, by: Int(elapsed))
    }

    private func step() {
        if executor.step(choosing: { dice.below($0) }) {
            count(.steps)
        } else if let next = sleepers.map(\.due).min() {
            advance(next - elapsed)
        }
        check()
    }

    /// Lets everybody come to an end.
    private func settle() {
        while actors > 0, violations.isEmpty {
            if dice.once(in: stepsPerTick) { advance(1) }
            step()
            if disk.isDown { cutPower() }
        }
    }

    private func boot() {
        isStarting = true
        _ = Task(executorPreference: executor) { [self] in
            do {
                life = try await Life(self)
            } catch {
                violate("the server does not start: \(error)")
            }
            isStarting = false
        }
        while isStarting, executor.step(choosing: { dice.below($0) }) {}
        if isStarting { violate("the start of the server hangs") }
        if dice.once(in: 2) { disk.cutPower(afterCalls: dice.within(1...Self.callsPerCut)) }
    }

    /// Nothing that runs now gets anything done any more, and all of it ends.
    private func unplug() {
        disk.cutPower()
        life?.catalog.freeze(reason: "the power is off")
        wake { _ in true }
        while executor.step(choosing: { dice.below($0) }) { wake { _ in true } }
        if actors > 0, violations.isEmpty { violate("\(actors) tasks hang") }
        life = nil
        isCollecting = false
    }

    private func cutPower() {
        guard violations.isEmpty else { return }
        unplug()
        count(.cuts)
        disk.restart(&dice)
        boot()
        check()
    }

    /// No power cut comes any more: everything is asked for, deleted, and collected.
    private func finish() {
        disk.cutPower(afterCalls: .max / 2)
        for part in Actor.ending {
            start("the end") { actor in try await part(actor) }
            while actors > 0, violations.isEmpty { step() }
        }
    }

    /// What must be so after every step.
    private func check() {
        let now = (disk: disk.changes, database: database.changes)
        guard now != seen else { return }
        seen = now
        do {
            let damaged = knowledge.damaged.count
            for found in try paths.violations(database, disk, except: &knowledge) { violate(found) }
            count(.healed, by: max(0, damaged - knowledge.damaged.count))
        } catch {
            violate("the database cannot be read: \(error)")
        }
    }

    private struct Numbers: RandomNumberGenerator {
        let last: UInt64
        func next() -> UInt64 { last }
    }
}
