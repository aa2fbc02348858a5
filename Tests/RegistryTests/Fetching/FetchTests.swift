// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

/// A blob that others have comes here whole or not at all, whatever they do.
@Suite(.timeLimit(.minutes(1))) struct FetchTests {
    private let bytes = Sample.bytes(10_000)
    private let time = FetchTime()

    private var options: TestStore.Options {
        var options = TestStore.Options()
        var limits = FetchLimits()
        limits.windowBytes = 1000
        options.fetching = time.options(limits)
        return options
    }

    private static func fetch(
        _ bytes: [UInt8],
        knowingSize: Bool = true,
        from sources: [any ContentSource],
        priority: FetchPriority = .backfill,
        in name: String = "team/app",
        _ store: TestStore
    ) async throws -> FetchOutcome {
        try await store.registry.fetchBlob(
            Sample.digest(bytes),
            size: knowingSize ? Int64(bytes.count) : nil,
            in: Sample.repository(name),
            from: sources,
            priority: priority
        )
    }

    /// What each source did wrong, as `name fault`.
    private static func faults(_ work: () async throws -> Void) async throws -> [String] {
        do {
            try await work()
            return []
        } catch let error as FetchError {
            return error.failures.map { "\($0.source) \($0.fault.rawValue)" }
        }
    }

    /// The bytes that the repository serves; nil where it has none.
    private static func served(_ digest: Digest, in name: String = "team/app", _ store: TestStore) async throws
        -> [UInt8]?
    {
        do {
            let file = try await store.registry.openBlob(digest, in: Sample.repository(name))
            return Array(try await file.read(at: 0, count: Int(file.size)).readableBytesView)
        } catch let error as RegistryError where ["blobUnknown", "nameUnknown"].contains(error.name) {
            return nil
        }
    }

    private func expectWhole(_ store: TestStore) async throws {
        let found = try await Self.served(Sample.digest(bytes), store)
        #expect(found == bytes)
        #expect(store.content.uploads.isEmpty)
    }

    private func expectNothing(_ store: TestStore) async throws {
        let digest = try Sample.digest(bytes)
        let found = try await Self.served(digest, store)
        #expect(found == nil)
        let stored = try await store.content.stat(digest)
        #expect(stored == nil)
        #expect(store.content.uploads.isEmpty)
    }

    @Test(arguments: [true, false])
    func aBlobIsFetchedOnce(_ knowingSize: Bool) async throws {
        try await TestStore.with(options: options) { store in
            let source = try ScriptedSource("there", [bytes])
            let first = try await Self.fetch(bytes, knowingSize: knowingSize, from: [source], store)
            #expect(first == .fetched(FetchedBlob(size: 10_000, sources: ["there"])))
            let second = try await Self.fetch(bytes, from: [source], store)
            #expect(second == .present(size: 10_000))
            #expect(source.asked == [0])
            try await expectWhole(store)
        }
    }

    @Test func aRemoteBlobBecomesOneThatIsHere() async throws {
        try await TestStore.with(options: options) { store in
            let digest = try await store.push(bytes)
            try await store.makeRemote(digest)
            let before = try await store.catalog.holding(of: digest, in: Sample.repository())
            #expect(before == .elsewhere(size: 10_000))
            let source = try ScriptedSource("there", [bytes])
            _ = try await Self.fetch(bytes, knowingSize: false, from: [source], store)
            let after = try await store.catalog.holding(of: digest, in: Sample.repository())
            #expect(after == .here(size: 10_000))
            try await expectWhole(store)
        }
    }

    @Test func aDamagedBlobIsHealed() async throws {
        try await TestStore.with(options: options) { store in
            let digest = try await store.push(bytes)
            try store.directory.write([1, 2, 3], to: store.file(of: digest))
            let damaged = try await Self.served(digest, store)
            #expect(damaged == nil)
            _ = try await Self.fetch(bytes, from: [ScriptedSource("there", [bytes])], store)
            try await expectWhole(store)
        }
    }

    @Test func theNextSourceGoesOnWhereOneBrokeOff() async throws {
        try await TestStore.with(options: options) { store in
            let first = try ScriptedSource("first", [bytes], .breakOff(after: 3500))
            let second = try ScriptedSource("second", [bytes], .end(after: 2000))
            let third = try ScriptedSource("third", [bytes])
            let outcome = try await Self.fetch(bytes, from: [first, second, third], store)
            #expect(outcome == .fetched(FetchedBlob(size: 10_000, sources: ["first", "second", "third"])))
            #expect([first.asked, second.asked, third.asked] == [[0], [3500], [5500]])
            try await expectWhole(store)
        }
    }

    @Test func aSourceIsAskedAgainAfterAPauseThatGrows() async throws {
        try await TestStore.with(options: options) { store in
            let source = try ScriptedSource(
                "there",
                [bytes],
                .breakOff(after: 1000),
                .breakOff(after: 0),
                .breakOff(after: 0)
            )
            _ = try await Self.fetch(bytes, from: [source], store)
            #expect(source.asked == [0, 1000, 1000, 1000])
            #expect(time.pauses == [.milliseconds(250), .milliseconds(500), .seconds(1)])
            try await expectWhole(store)
        }
    }

    @Test func whatFailsAlwaysIsGivenUp() async throws {
        try await TestStore.with(options: options) { store in
            let source = try ScriptedSource("there", [bytes], script: Array(repeating: .fail(.unavailable), count: 6))
            let faults = try await Self.faults { _ = try await Self.fetch(bytes, from: [source], store) }
            #expect(faults == ["there broken_off"])
            #expect(source.asked.count == 5)
            try await expectNothing(store)
        }
    }

    @Test func whoHasItNotIsAskedOnce() async throws {
        try await TestStore.with(options: options) { store in
            let (empty, down) = (try ScriptedSource("empty"), try ScriptedSource("down", [bytes]))
            let strange = try ScriptedSource("strange", [bytes], .fail(.refused))
            down.isReachable = false
            let faults = try await Self.faults {
                _ = try await Self.fetch(bytes, from: [empty, down, strange], store)
            }
            #expect(faults == ["empty absent", "down unreachable", "strange refused"])
            #expect([empty.asked.count, down.asked.count, strange.asked.count] == [1, 0, 1])
            let none = try await Self.faults { _ = try await Self.fetch(bytes, from: [empty], store) }
            #expect(none == ["empty absent"])
            try await expectNothing(store)
        }
    }

    @Test func wrongBytesAreNeverLinked() async throws {
        try await TestStore.with(options: options) { store in
            let liar = try ScriptedSource("liar", [bytes], .lie(Sample.bytes(10_000, seed: 2)))
            let faults = try await Self.faults { _ = try await Self.fetch(bytes, from: [liar], store) }
            #expect(faults == ["liar wrong_bytes"])
            #expect(liar.asked == [0])
            try await expectNothing(store)
        }
    }

    @Test func whoLiesIsLeftForWhoDoesNot() async throws {
        try await TestStore.with(options: options) { store in
            let liar = try ScriptedSource("liar", [bytes], .lie(Sample.bytes(10_000, seed: 2)))
            let honest = try ScriptedSource("honest", [bytes])
            let outcome = try await Self.fetch(bytes, from: [liar, honest], store)
            #expect(outcome == .fetched(FetchedBlob(size: 10_000, sources: ["honest"])))
            try await expectWhole(store)
        }
    }

    /// Where several have sent some of what is wrong, each is asked alone: only who lies is blamed.
    @Test func oneLieAmongSeveralIsFound() async throws {
        try await TestStore.with(options: options) { store in
            let lie = ScriptedSource.Act.lie(Sample.bytes(4000, seed: 2))
            let liar = try ScriptedSource("liar", [bytes], lie, .lie(Sample.bytes(10_000, seed: 3)))
            let honest = try ScriptedSource("honest", [bytes])
            let outcome = try await Self.fetch(bytes, from: [liar, honest], store)
            #expect(outcome == .fetched(FetchedBlob(size: 10_000, sources: ["honest"])))
            #expect(liar.asked == [0, 0])
            #expect(honest.asked == [4000, 0])
            try await expectWhole(store)
        }
    }

    @Test func whoSendsWithoutEndIsLeft() async throws {
        try await TestStore.with(options: options) { store in
            let endless = try ScriptedSource("endless", [bytes], .goOn)
            let honest = try ScriptedSource("honest", [bytes])
            let outcome = try await Self.fetch(bytes, from: [endless, honest], store)
            #expect(outcome == .fetched(FetchedBlob(size: 10_000, sources: ["honest"])))
            #expect(endless.asked == [0])
            try await expectWhole(store)
        }
    }

    @Test func noMoreIsTakenThanABlobMayHave() async throws {
        var options = options
        options.blobLimit = 20_000
        try await TestStore.with(options: options) { store in
            let endless = try ScriptedSource("endless", [bytes], .goOn)
            let faults = try await Self.faults {
                _ = try await Self.fetch(bytes, knowingSize: false, from: [endless], store)
            }
            #expect(faults == ["endless too_long"])
            let large = try await refusal {
                try await store.registry.fetchBlob(
                    Sample.digest(bytes),
                    size: 20_001,
                    in: Sample.repository(),
                    from: [endless]
                )
            }
            #expect(large == "blobTooLarge")
            try await expectNothing(store)
        }
    }

    @Test(arguments: [0, 999])
    func whoDripsIsLeftForTheNext(_ dripped: Int) async throws {
        try await TestStore.with(options: options) { store in
            let slow = try ScriptedSource("slow", [bytes], piece: 100, .stall(after: dripped))
            let honest = try ScriptedSource("honest", [bytes])
            async let fetched = Self.fetch(bytes, from: [slow, honest], store)
            await slow.events.wait { $0 == "stalled" }
            // The window may not have begun: whoever waits for bytes is found by a later one.
            while honest.asked.isEmpty {
                time.endWindows()
                await Task.yield()
            }
            _ = try await fetched
            #expect(honest.asked == [Int64(dripped)])
            try await expectWhole(store)
        }
    }

    @Test func aFullDiskStopsFetchingAhead() async throws {
        let disk = TestDisk()
        var options = options
        disk.hold(&options)
        try await TestStore.with(options: options) { store in
            disk.isFull = true
            try await store.content.gauge.refresh()
            let source = try ScriptedSource("there", [bytes])
            for priority in [FetchPriority.backfill, .client] {
                let refused = try await refusal {
                    _ = try await Self.fetch(bytes, from: [source], priority: priority, store)
                }
                #expect(refused == "storageFull")
            }
            #expect(source.asked == [])
        }
    }
}
