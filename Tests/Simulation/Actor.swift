// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import NIOCore
import OCI
import Registry

/// Somebody who does something in one life of the server.
struct Actor: Sendable {
    let schedule: Schedule
    let life: Life

    var universe: Universe { schedule.universe }
    var registry: Registry { life.registry }
    var caller: Caller { life.caller }

    /// Seconds, or whatever else.
    func throwDice(_ range: ClosedRange<Int>) -> Int { schedule.dice.within(range) }

    func once(in throws: Int) -> Bool { schedule.dice.once(in: `throws`) }

    func pause(atMost seconds: Int) async throws { try await schedule.pause(throwDice(0...seconds), in: life) }

    /// An answer of the registry that came while the power was on.
    func ask<Answer: Sendable>(
        _ request: () async throws -> Answer
    ) async throws -> Result<Answer, RegistryError> {
        let answer: Result<Answer, RegistryError>
        do {
            answer = .success(try await request())
        } catch let error as RegistryError {
            answer = .failure(error)
        } catch {
            guard schedule.isUp(life) else { throw PowerCut() }
            guard let error = registry.translated(error) as? RegistryError else { throw error }
            answer = .failure(error)
        }
        guard schedule.isUp(life) else { throw PowerCut() }
        return answer
    }

    /// Runs what takes something away: what becomes of it is not known before its answer is here.
    func removing<Answer: Sendable>(
        _ thing: Knowledge.Thing,
        isDone: (Answer) -> Bool,
        _ request: () async throws -> Answer
    ) async throws -> Result<Answer, RegistryError> {
        schedule.knowledge.beginRemoval(thing)
        do {
            let answer = try await ask(request)
            var wasDone = false
            if case .success(let answer) = answer { wasDone = isDone(answer) }
            schedule.knowledge.endRemoval(thing, wasDone: wasDone)
            return answer
        } catch {
            schedule.knowledge.endRemoval(thing, wasDone: true)
            throw error
        }
    }
}

extension Schedule {
    /// Throws for who comes next.
    func startSomebody() {
        switch dice.below(20) {
        case 0..<9: start("a push") { try await $0.push() }
        case 9..<11: start("a pull") { try await $0.pull() }
        case 11..<13: start("a deletion of a manifest") { try await $0.deleteManifest() }
        case 13: start("a deletion of a tag") { try await $0.deleteTag() }
        case 14: start("a deletion of a blob") { try await $0.deleteBlob() }
        case 15: start("a retention run") { try await $0.trashAndRestore() }
        case 16 where dice.once(in: 3): start("decay") { try await $0.damage() }
        case 17 where dice.once(in: 2): start("a walk") { try await $0.walkForOrphans() }
        default: start("collection") { try await $0.collect() }
        }
    }
}
