// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Glibc
import NIOCore
import OCI
import Testing

/// The order of truth: file data, then the directory's entry, then the record. Taking any sync away turns these red.
@Suite("Order of a commit")
struct CommitOrderTests {
    static let interesting: Set<SystemCall> = [.fdatasync, .fsync, .rename, .fchmod, .pwritev, .unlink]

    @Test("a session: data durable, renamed, directory durable, then the record")
    func sessionOrder() async throws {
        try await TestStore.with { test in
            let bytes = sample(300_000)
            let digest = try Digest.of(bytes)
            let claim = try await test.claimed()
            try await claim.append(all: bytes)
            _ = try await claim.flush()
            test.plan.clear()
            let id = claim.session.id
            try await claim.commit(expecting: digest) { test.plan.mark("record") }
            let upload = test.store.layout.upload(id)
            let seen = test.plan.events.filter { Self.interesting.contains($0.call) || $0.path == "record" }
            #expect(
                seen.map(\.description) == [
                    "fchmod \(upload)",
                    "fdatasync \(upload)",
                    "rename \(upload) -> \(test.store.layout.blob(digest))",
                    "fsync \(test.store.layout.blobs(.sha256))",
                    "stat record",
                ]
            )
        }
    }

    @Test("a put has the same order")
    func putOrder() async throws {
        try await TestStore.with { test in
            let bytes = sample(3_000)
            let digest = try Digest.of(bytes, algorithm: .sha512)
            test.plan.clear()
            let answer = try await test.store.put(bytes, digest: digest) {
                test.plan.mark("record")
                return 42
            }
            #expect(answer == 42)
            let seen = test.plan.events.filter { Self.interesting.contains($0.call) || $0.path == "record" }
            #expect(seen.map(\.call) == [.pwritev, .fchmod, .fdatasync, .rename, .fsync, .stat])
            #expect(seen[3].target == test.store.layout.blob(digest))
            #expect(seen[4].path == test.store.layout.blobs(.sha512))
        }
    }

    enum Way: CaseIterable, Sendable { case put, session, sessionInTwoRequests, lateSHA512 }

    @Test("whatever the way, the blob would survive a power cut at the moment of its record", arguments: Way.allCases)
    func durableAtRecord(way: Way) async throws {
        var limits = ContentLimits()
        limits.durableBytes = 200_000
        limits.writebackBytes = 100_000
        limits.batchBytes = 50_000
        limits.minimumBatchBytes = 50_000
        try await TestStore.with(limits: limits) { test in
            let bytes = sample(700_000)
            let digest = try Digest.of(bytes, algorithm: way == .lateSHA512 ? .sha512 : .sha256)
            let path = test.store.layout.blob(digest)
            let record: @Sendable () -> Bool = { DurabilityModel(test.plan.events).survives(path) }
            let survives: Bool
            switch way {
            case .put:
                survives = try await test.store.put(bytes, digest: digest, record: record)
            case .session, .lateSHA512:
                let claim = try await test.claimed()
                try await claim.append(all: bytes)
                survives = try await claim.commit(expecting: digest, record: record)
            case .sessionInTwoRequests:
                let first = try await test.claimed()
                try await first.append(all: Array(bytes[..<300_000]))
                first.release()
                let second = try TestStore.claim(first.session)
                try await second.append(all: Array(bytes[300_000...]))
                survives = try await second.commit(expecting: digest, record: record)
            }
            #expect(survives)
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("a new store is durable before FORMAT says that it is one")
    func initialisation() async throws {
        let plan = FaultPlan()
        try await TestStore.with(plan: plan) { test in
            let layout = test.store.layout
            let renamed = try #require(plan.events.firstIndex { $0.call == .rename && $0.target == layout.format })
            let before = DurabilityModel(Array(plan.events[..<renamed]))
            for algorithm in Digest.Algorithm.allCases { #expect(before.survives(layout.blobs(algorithm))) }
            #expect(before.survives(layout.uploads))
            #expect(before.survives(layout.meta))
            #expect(before.survives(layout.quarantine))
            #expect(DurabilityModel(plan.events).survives(layout.format))
        }
    }

    @Test("quarantine and removal are durable before they are recorded or answered")
    func repairIsDurable() async throws {
        try await TestStore.with { test in
            let digest = try await test.push(sample(1_000))
            try corrupt(test, digest)
            guard case .corrupt(let found) = try await test.store.verify(digest) else {
                Issue.record("the corruption was not found")
                return
            }
            test.plan.clear()
            let moved = test.store.layout.quarantined(digest, 1)
            let outcome = try await test.store.quarantine(found) {
                let model = DurabilityModel(test.plan.events)
                return model.survives(moved) && model.staysGone(test.store.layout.blob(digest))
            }
            guard case .moved(to: moved, let durable) = outcome else {
                Issue.record("it was not moved")
                return
            }
            #expect(durable)

            let second = try await test.push(sample(1_000, seed: 2))
            test.plan.clear()
            #expect(try await test.store.remove(second) { true })
            #expect(DurabilityModel(test.plan.events).staysGone(test.store.layout.blob(second)))
        }
    }

    @Test("the record of one digest is made under its lock")
    func recordsExclude() async throws {
        try await TestStore.with { test in
            let bytes = sample(10_000)
            let digest = try Digest.of(bytes)
            let inside = TestStore.Log()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        try await test.store.put(bytes, digest: digest) {
                            inside.add("begin \(index)")
                            await Task.yield()
                            inside.add("end \(index)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let lines = inside.all
            #expect(lines.count == 40)
            for pair in stride(from: 0, to: lines.count, by: 2) {
                #expect(lines[pair].dropFirst(6) == lines[pair + 1].dropFirst(4), "records of one digest overlapped")
            }
        }
    }

    @Test("commits that come together share directory flushes, and none is answered by one that began before it")
    func sharedFlush() async throws {
        try await TestStore.with { test in
            test.plan.clear()
            let directory = test.store.layout.blobs(.sha256)
            let gate = test.plan.hold(.fsync) { $0 == directory }
            let count = 32
            try await withThrowingTaskGroup(of: Void.self) { group in
                func push(_ index: Int) {
                    group.addTask {
                        let bytes = sample(100, seed: UInt64(index))
                        try await test.store.put(bytes, digest: Digest.of(bytes)) {
                            test.plan.mark("record \(test.store.layout.blob(try Digest.of(bytes)))")
                        }
                    }
                }
                push(0)
                await gate.waitUntilReached()
                for index in 1...count { push(index) }
                while test.store.commitsWaiting(.sha256) < count { await Task.yield() }
                gate.open()
                try await group.waitForAll()
            }
            let events = test.plan.events
            #expect(events.count { $0.call == .fsync && $0.path == directory } == 2)
            for (index, event) in events.enumerated() where event.path.hasPrefix("record ") {
                let blob = event.path.dropFirst("record ".count)
                let renamed = try #require(events.firstIndex { $0.call == .rename && $0.target == blob })
                #expect(events[renamed..<index].contains { $0.call == .fsync && $0.path == directory })
            }
        }
    }
}

/// Changes a byte of a blob on disk, as a disk might.
func corrupt(_ test: TestStore, _ digest: Digest) throws {
    let path = test.store.layout.blob(digest)
    #expect(chmod(path, 0o644) == 0)
    let descriptor = open(path, O_RDWR)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var byte: UInt8 = 0
    #expect(pread(descriptor, &byte, 1, 0) == 1)
    byte ^= 0x40
    #expect(pwrite(descriptor, &byte, 1, 0) == 1)
    #expect(chmod(path, 0o444) == 0)
}
