// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import Journal
import OCI
import Synchronization
import TestSupport
import Testing
import Transparency

@Suite struct SealTests {
    @Test func sealsWhatWasChanged() async throws {
        try await JournalFixture.with { log in
            #expect(log.journal.published == nil)
            try await log.change(3)
            try await log.seal()
            #expect(log.size == 3)
            try await log.change(600, from: 3)
            try await log.seal()
            #expect(log.size == 603)
            let report = try await log.journal.check.run()
            #expect(report.problems == [] && report.entries == 603 && report.checkpoints == 2)
            let kept = log.files
            #expect(kept.contains("tile/0/000") && kept.contains("tile/0/002.p/91"))
            #expect(!kept.contains { $0.hasPrefix("tile/0/000.p") }, "partial tiles of a full one are removed")
        }
    }

    /// It grows while it is checked: partial tiles that the check began with go, larger trees are signed.
    @Test(arguments: [3, 300]) func aLogThatGrowsMeanwhileIsFoundSound(_ more: Int) async throws {
        try await JournalFixture.with { log in
            try await log.change(600)
            try await log.seal()
            let grown = Mutex(600)
            let report = try await log.journal.check.run {
                let first = grown.withLock { known in
                    defer { known += more }
                    return known
                }
                try await log.change(more, from: first)
                try await log.seal()
            }
            #expect(report.problems == [] && report.entries == 600)
            #expect(log.size == Int64(600 + 3 * more))
        }
    }

    @Test func goesOnWhereItWas() async throws {
        let directory = try TemporaryDirectory()
        var roots: [TreeHash?] = []
        for round in 0..<4 {
            try await JournalFixture.with(in: directory) { log in
                #expect(log.opened.readOnly == nil)
                #expect(log.size == Int64(round * 200))
                #expect(log.root32 == roots.last ?? nil)
                try await log.change(200, from: round * 200)
                try await log.seal()
                roots.append(log.root32)
                #expect(try await log.journal.check.run().problems == [])
            }
        }
    }

    @Test func waitersGoOnOnceTheirEventIsCovered() async throws {
        try await JournalFixture.with { log in
            let context = Catalog.Context(actor: "someone", requestID: "r")
            let event = try await log.catalog.recordChange(.robotCreated(name: "a"), context: context)
            async let covered = log.journal.waitForCheckpoint(of: event)
            await log.catalog.unsealed.wait(for: 2)
            try await log.seal()
            #expect(await covered)
            #expect(try await log.catalog.index(of: event) == 0)
        }
    }

    @Test func waitersForGrowthGoOnOnceThereIsMore() async throws {
        try await JournalFixture.with { log in
            try await log.change(3)
            try await log.seal()
            // What is there already is no news, and nobody waits for it.
            #expect(await log.journal.waitForCheckpoint(over: 2))
            async let grown = log.journal.waitForCheckpoint(over: 3)
            while log.journal.waiting == 0 { await Task.yield() }
            try await log.change(1)
            try await log.seal()
            #expect(await grown)
        }
    }

    /// A process that ends answers those who wait for growth, and not those who wait for their own change.
    @Test func theEndDoesNotWaitForGrowth() async throws {
        try await JournalFixture.with { log in
            let context = Catalog.Context(actor: "someone", requestID: "r")
            let event = try await log.catalog.recordChange(.robotCreated(name: "a"), context: context)
            async let grown = log.journal.waitForCheckpoint(over: 0)
            async let covered = log.journal.waitForCheckpoint(of: event)
            while log.journal.waiting < 2 { await Task.yield() }
            log.journal.endWaitingForGrowth()
            #expect(await !grown)
            #expect(log.journal.waiting == 1)
            #expect(await !log.journal.waitForCheckpoint(over: 0), "nobody begins to wait any more")
            try await log.seal()
            #expect(await covered)
        }
    }

    @Test func theServiceSealsByItself() async throws {
        try await JournalFixture.with { log in
            let running = Task { try await log.sealer.run() }
            let context = Catalog.Context(actor: "someone", requestID: "r")
            let event = try await log.catalog.recordChange(.robotCreated(name: "a"), context: context)
            let isCovered = await log.journal.waitForCheckpoint(of: event)
            #expect(isCovered)
            running.cancel()
            try await running.value
            #expect(log.size == 1)
        }
    }

    @Test func provesEveryEntry() async throws {
        try await JournalFixture.with { log in
            try await log.change(300)
            try await log.seal()
            try await log.change(5, from: 300)
            try await log.seal()
            let key = try NoteVerifier(parsing: log.journal.keys[0])
            for entry in try await log.catalog.entries(from: 0, limit: 305, bytesLimit: .max) {
                let bytes = try await log.journal.proof(of: entry.leaf, at: try #require(entry.index))
                let proof = try TransparencyProof(parsing: bytes)
                #expect(proof.extra == entry.leaf)
                let checkpoint = try proof.verify(leafHash: MerkleTree.leafHash(entry.leaf), log: key)
                #expect(checkpoint.size == 305)
            }
            await #expect(throws: JournalError.self) { try await log.journal.proof(of: [1], at: 0) }
            await #expect(throws: JournalError.self) { try await log.journal.proof(of: [1], at: 305) }
        }
    }

    /// The disk fails at each call in turn, and a new process goes on from what is there: no size ever has two roots,
    /// no entry that was signed is missing, and the log ends whole.
    @Test func aFailureAtAnyCallLosesNothing() async throws {
        let calls = try await Self.crash(at: .max).calls
        #expect(calls > 40)
        for call in 0..<calls {
            let outcome = try await Self.crash(at: call)
            #expect(outcome.problems == [], "after a failure at call \(call)")
            #expect(outcome.contradictions == [], "after a failure at call \(call)")
            #expect(outcome.size == 520)
        }
    }

    private struct Outcome {
        var calls = 0
        var size: Int64 = 0
        var problems: [String] = []
        var contradictions: [String] = []
    }

    /// Two seals, the second one over a full tile, with a failure at one call of them.
    private static func crash(at call: Int) async throws -> Outcome {
        let directory = try TemporaryDirectory()
        var outcome = Outcome()
        var roots: [Int64: TreeHash] = [:]
        func note(_ bytes: [UInt8]?) throws {
            guard let bytes, let checkpoint = try? Checkpoint(SignedNote(parsing: bytes)) else { return }
            if let known = roots[checkpoint.size], known != checkpoint.root {
                outcome.contradictions.append("two roots of size \(checkpoint.size)")
            }
            roots[checkpoint.size] = checkpoint.root
        }
        let first = try await JournalFixture(in: directory)
        try await first.change(250)
        first.disk.fail(at: call)
        do {
            try await first.seal()
            try await first.change(270, from: 250)
            try await first.seal()
        } catch {}
        outcome.calls = first.disk.calls
        let sealed = try await first.catalog.lastCheckpoints().sealed
        if let sealed { roots[sealed.size] = TreeHash(bytes: sealed.root) }
        await first.close()
        try note(try? directory.read("signer/checkpoint"))
        try note(try? directory.read("store/log/checkpoint"))

        let second = try await JournalFixture(in: directory)
        let events = try await second.catalog.statistics().events
        try await second.seal()
        try await second.change(520 - Int(events), from: Int(events))
        try await second.seal()
        try note(second.journal.published?.note)
        for row in try await second.catalog.checkpoints(after: 0, limit: 100) { try note(row.note) }
        outcome.size = second.size
        outcome.problems = try await second.journal.check.run().problems
        await second.close()
        return outcome
    }
}
