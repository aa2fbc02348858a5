// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import GRDB
import Maintenance
import OCI
import Registry
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct ScrubTests {
    /// Blobs of mixed sizes, from one byte on, over the bounds of chunks and turns.
    private static let sizes = [1, 2, 4_095, 4_096, 4_097, 262_144, 262_145, 1_048_576, 1_048_577, 3_000_000]

    private static func fill(_ store: TestStore) async throws -> [(digest: Digest, bytes: [UInt8])] {
        var pushed: [(digest: Digest, bytes: [UInt8])] = []
        for (place, size) in sizes.enumerated() {
            let bytes = Sample.bytes(size, seed: UInt64(place) + 10)
            pushed.append((try await store.push(bytes), bytes))
        }
        return pushed
    }

    @Test func everyDamageIsFoundCountsAsAbsentAndIsHealedByAPush() async throws {
        try await ScrubFixture.with { test in
            let store = test.store
            let pushed = try await Self.fill(store)
            let whole = try await store.push(Sample.bytes(70_000, seed: 99))
            for (place, blob) in pushed.enumerated() {
                switch place {
                case 3: try store.directory.remove(store.file(of: blob.digest))
                case 5: try store.directory.write(Array(blob.bytes.dropLast()), to: store.file(of: blob.digest))
                default: try test.flip(blob.digest, bit: blob.bytes.count * 8 - 1)
                }
            }
            let scrubber = test.scrubber()
            try await scrubber.turn()
            for blob in pushed {
                let absence = try await test.absence(blob.digest)
                #expect(absence == .corrupt, "\(blob.bytes.count)")
                let isMounted = try await store.mount(blob.digest, from: "team/app", to: "team/other")
                #expect(!isMounted)
            }
            let sound = try await test.absence(whole)
            #expect(sound == nil)
            // All but the one that was removed are kept for study.
            #expect(test.quarantined().count == pushed.count - 1)
            var status = try await scrubber.status()
            #expect(status.found == Int64(pushed.count) && status.healed == 0)
            #expect(Set(status.damaged) == Set(pushed.map(\.digest)))
            #expect(status.lastPass?.blobs == Int64(pushed.count + 1) && status.lastPass?.found == status.found)
            // What is known is not found again.
            test.time.elapse(.seconds(ScrubLimits.passInterval))
            try await scrubber.turn()
            status = try await scrubber.status()
            #expect(status.found == Int64(pushed.count) && status.lastPass?.found == 0)
            for blob in pushed { try await store.push(blob.bytes) }
            for blob in pushed {
                let absence = try await test.absence(blob.digest)
                #expect(absence == nil)
            }
            status = try await scrubber.status()
            #expect(status.healed == status.found && status.damaged.isEmpty)
        }
    }

    @Test func aFileThatIsPutBackIsWholeAgain() async throws {
        try await ScrubFixture.with { test in
            let bytes = Sample.bytes(5_000)
            let digest = try await test.store.push(bytes)
            try test.store.directory.remove(test.store.file(of: digest))
            try await test.scrubber().turn()
            try test.store.directory.write(bytes, to: test.store.file(of: digest))
            test.time.elapse(.seconds(ScrubLimits.passInterval))
            try await test.scrubber().turn()
            let absence = try await test.absence(digest)
            #expect(absence == nil)
        }
    }

    @Test func aManifestOverADamagedBlobOrChildIsRefusedUntilItIsPushedAgain() async throws {
        try await ScrubFixture.with { test in
            let store = test.store
            let layer = Sample.bytes(3_000, seed: 4)
            let digest = try await store.push(layer)
            try await store.push(Array("{}".utf8))
            let image = try Sample.image(layers: [layer])
            let child = try await store.put(image)
            try test.flip(digest)
            try test.flip(child)
            try await test.spoilCopies(of: child)
            try await test.scrubber().turn()
            let other = try Sample.image(layers: [layer], annotations: ["a": "b"])
            #expect(try await refusal { try await store.put(other) } == "manifestBlobUnknown")
            let index = try Sample.index([image])
            #expect(try await refusal { try await store.put(index) } == "manifestBlobUnknown")
            try await store.push(layer)
            try await store.put(image)
            try await store.put(other)
            try await store.put(index)
        }
    }

    // MARK: Faults of the disk

    @Test func whatCannotBeReadIsDamagedAndWhatFailedOnceIsNot() async throws {
        try await ScrubFixture.with { test in
            let lost = try await test.store.push(Sample.bytes(3_000, seed: 1))
            let shaky = try await test.store.push(Sample.bytes(3_000, seed: 2))
            test.disk.fail(test.path(of: lost))
            test.disk.fail(test.path(of: shaky), times: 1)
            try await test.scrubber().turn()
            let (first, second) = (try await test.health(lost), try await test.health(shaky))
            #expect(first == .corrupt && second == .ok)
            #expect(test.quarantined().count == 1)
        }
    }

    @Test func aDiskThatGivesNothingStopsThePass() async throws {
        try await ScrubFixture.with { test in
            var digests: [Digest] = []
            for seed in 1...20 { digests.append(try await test.store.push(Sample.bytes(100, seed: UInt64(seed)))) }
            for digest in digests { test.disk.fail(test.path(of: digest)) }
            let scrubber = test.scrubber()
            do {
                try await scrubber.turn()
                Issue.record("it went on")
            } catch let error as ScrubError {
                #expect(error.code == .storage)
            }
            let damaged = try await scrubber.status().damaged
            #expect(damaged.count < 10)
        }
    }

    @Test func wantOfDescriptorsIsNoDamageAndThePassGoesOnWhereItWas() async throws {
        try await ScrubFixture.with { test in
            for seed in 1...20 { try await test.store.push(Sample.bytes(100, seed: UInt64(seed))) }
            _ = test.disk.takeOpened()
            test.disk.allow(descriptors: 7)
            do {
                try await test.scrubber().turn()
                Issue.record("it went on")
            } catch let error as ContentError {
                #expect(error.code == .tooManyFiles)
            }
            let first = test.disk.takeOpened().dropLast()
            #expect(first.count == 7)
            test.disk.allow(descriptors: .max)
            // Another process goes on from what is kept.
            let scrubber = test.scrubber()
            let present = try await scrubber.status().pass
            #expect(present?.blobs == 7)
            try await scrubber.turn()
            let rest = test.disk.takeOpened()
            #expect(rest.count == 13 && Set(rest).isDisjoint(with: first))
            #expect((first + rest) == (first + rest).sorted())
            let status = try await scrubber.status()
            #expect(status.damaged.isEmpty && status.lastPass?.blobs == 20 && status.pass == nil)
        }
    }

    @Test func aReadThatDoesNotComeBackEndsTheRunAndNothingIsBegunBeforeItDoes() async throws {
        try await ScrubFixture.with { test in
            let digest = try await test.store.push(Sample.bytes(100))
            let scrubber = test.scrubber()
            let gate = test.disk.stall()
            let first = try await Self.runNow(scrubber)
            #expect(first?.state == .failed)
            var status = try await scrubber.status()
            #expect(status.stalledSince != nil && status.damaged.isEmpty)
            _ = test.disk.takeOpened()
            let second = try await Self.runNow(scrubber)
            #expect(second?.state == .failed && test.disk.takeOpened().isEmpty)
            gate.signal()
            while status.stalledSince != nil { status = try await scrubber.status() }
            let health = try await test.health(digest)
            #expect(health == .ok)
        }
    }

    private static func runNow(
        _ scrubber: Scrubber,
        over name: RepositoryName? = nil,
        rate: Int64? = nil
    ) async throws -> ScrubRun.Snapshot? {
        _ = try await scrubber.start(over: name, rate: rate)
        guard let run = scrubber.lastRun else { return nil }
        await scrubber.perform(run)
        return run.snapshot
    }

    @Test func theCacheIsUsedWhereTheFileSystemWantsThat() async throws {
        try await ScrubFixture.with { test in
            test.disk.refuseDirect()
            let bytes = Sample.bytes(2_500_001)
            let digest = try await test.store.push(bytes)
            guard case .opened(let reading) = try await test.store.content.openForScrub(digest) else {
                Issue.record("it was not opened")
                return
            }
            #expect(!reading.isDirect)
            while reading.nextBytes > 0 { try await reading.turn() }
            #expect(try reading.finish() == digest)
        }
    }

    @Test func aPushThatIsFasterThanTheVerdictCounts() async throws {
        try await ScrubFixture.with { test in
            let store = test.store
            let bytes = Sample.bytes(2_000)
            let digest = try await store.push(bytes)
            try test.flip(digest)
            guard case .opened(let reading) = try await store.content.openForScrub(digest) else {
                Issue.record("it was not opened")
                return
            }
            while reading.nextBytes > 0 { try await reading.turn() }
            let damaged = DamagedBlob(reading, .mismatch(actual: try reading.finish()))
            try await store.push(bytes)
            let isSettled = try await store.content.settle(damaged) { _ in
                try await store.catalog.markBlob(digest, health: .corrupt)
            }
            #expect(!isSettled && test.quarantined().isEmpty)
            let absence = try await test.absence(digest)
            #expect(absence == nil)
        }
    }

    // MARK: Pace, passes and runs

    @Test(arguments: [Int64(1 << 20), 4 << 20]) func aPassTakesItsTime(_ rate: Int64) async throws {
        try await ScrubFixture.with { test in
            for seed in 1...10 { try await test.store.push(Sample.bytes(1 << 20, seed: UInt64(seed))) }
            var settings = ScrubSettings()
            settings.rate = rate
            let start = test.time.nanoseconds
            try await test.scrubber(settings).turn()
            let seconds = Double(test.time.nanoseconds - start) / 1e9
            let wanted = Double(10 << 20) / Double(rate)
            #expect(seconds > wanted * 0.95 && seconds < wanted * 1.15)
        }
    }

    @Test func aDeadlineThatIsShorterThanTheRateAllowsIsKept() async throws {
        try await ScrubFixture.with { test in
            for seed in 1...4 { try await test.store.push(Sample.bytes(1 << 20, seed: UInt64(seed))) }
            var settings = ScrubSettings()
            (settings.rate, settings.every) = (1 << 10, 60)
            let start = test.time.nanoseconds
            try await test.scrubber(settings).turn()
            #expect(Double(test.time.nanoseconds - start) / 1e9 < 61)
        }
    }

    @Test func aSmallStoreIsReadOnceInADay() async throws {
        try await ScrubFixture.with { test in
            try await test.store.push(Sample.bytes(100))
            let scrubber = test.scrubber()
            try await scrubber.turn()
            _ = test.disk.takeOpened()
            try await scrubber.turn()
            #expect(test.disk.takeOpened().isEmpty)
            test.store.clock.advance(seconds: ScrubLimits.passInterval)
            test.time.elapse(.seconds(ScrubLimits.passInterval))
            try await scrubber.turn()
            #expect(test.disk.takeOpened().count == 1)
        }
    }

    @Test func everythingThatWasReadSaysWhen() async throws {
        try await ScrubFixture.with { test in
            for seed in 1...5 { try await test.store.push(Sample.bytes(100, seed: UInt64(seed))) }
            let damaged = try await test.store.push(Sample.bytes(100, seed: 6))
            try test.flip(damaged)
            let scrubber = test.scrubber()
            let before = try await scrubber.status().oldestVerification
            #expect(before == nil)
            try await scrubber.turn()
            let times = try await test.store.catalog.write { transaction in
                try Int64?.fetchAll(transaction.database, sql: "SELECT verified_at FROM blob WHERE health = 'ok'")
            }
            #expect(times == Array(repeating: test.store.clock.wallSeconds, count: 5))
            let after = try await scrubber.status().oldestVerification
            #expect(after == test.store.clock.wallSeconds)
        }
    }

    @Test func aRunReadsItsRepositoryAndLeavesThePassAlone() async throws {
        try await ScrubFixture.with { test in
            let here = try await test.store.push(Sample.bytes(100, seed: 1), in: "team/one")
            let there = try await test.store.push(Sample.bytes(100, seed: 2), in: "team/two")
            try test.flip(here)
            try test.flip(there)
            let scrubber = test.scrubber()
            let run = try await Self.runNow(scrubber, over: Sample.repository("team/one"))
            #expect(run?.state == .done && run?.found == 1 && run?.damaged == 1 && run?.figures.blobs == 1)
            let (first, second) = (try await test.health(here), try await test.health(there))
            #expect(first == .corrupt && second == .ok)
            let status = try await scrubber.status()
            #expect(status.pass == nil && status.lastPass == nil && status.found == 1)
            // What is known to be damaged is told of again, and is nothing new.
            let again = try await Self.runNow(scrubber, over: Sample.repository("team/one"))
            #expect(again?.found == 0 && again?.damaged == 1)
        }
    }

    @Test func aRunIsJoinedWhereItCoversAndRefusedWhereItDoesNot() async throws {
        try await ScrubFixture.with { test in
            let (one, two) = (try Sample.repository("team/one"), try Sample.repository("team/two"))
            for name in [one, two] { try await test.store.push(Sample.bytes(10), in: name.description) }
            let scrubber = test.scrubber()
            let first = try await scrubber.start(over: one, rate: nil)
            let joined = try await scrubber.start(over: one, rate: nil)
            #expect(first.id == joined.id)
            for other in [two, nil] {
                do {
                    _ = try await scrubber.start(over: other, rate: nil)
                    Issue.record("it was begun")
                } catch let error as ScrubError {
                    #expect(error.code == .busy)
                }
            }
            if let run = scrubber.lastRun { await scrubber.perform(run) }
            let all = try await scrubber.start(over: nil, rate: nil)
            let part = try await scrubber.start(over: two, rate: nil)
            #expect(all.id != first.id && part.id == all.id)
            do {
                _ = try await scrubber.start(over: try Sample.repository("unknown"), rate: nil)
                Issue.record("it was begun")
            } catch let error as ScrubError {
                #expect(error.code == .unknownRepository)
            }
        }
    }
}
