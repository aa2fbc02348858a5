// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Foundation
import Glibc
import NIOCore
import OCI
import Testing

@Suite("Checking and repair")
struct RepairTests {
    @Test("verify tells intact, missing, corrupt and unreadable apart", arguments: Digest.Algorithm.allCases)
    func verify(algorithm: Digest.Algorithm) async throws {
        var limits = ContentLimits()
        limits.rehashChunkBytes = 1_000
        limits.rehashTurnBytes = 10_000
        try await TestStore.with(limits: limits) { test in
            let digest = try await test.push(sample(54_321), algorithm: algorithm)
            guard case .intact(size: 54_321) = try await test.store.verify(digest) else {
                Issue.record("an intact blob was not found intact")
                return
            }
            test.plan.fail(.pread, errno: EIO, skip: 3)
            guard case .unreadable(let error) = try await test.store.verify(digest), error.errno == EIO else {
                Issue.record("an error of the disk is not corruption")
                return
            }
            try corrupt(test, digest)
            guard case .corrupt(let found) = try await test.store.verify(digest) else {
                Issue.record("a changed byte was not found")
                return
            }
            #expect(found.digest == digest)
            #expect(found.actual != digest)
            #expect(found.size == 54_321)
            let absent = try Digest.of([9], algorithm: algorithm)
            guard case .missing = try await test.store.verify(absent) else {
                Issue.record("an absent blob was not missing")
                return
            }
        }
    }

    @Test("a truncated blob is corrupt, an emptied one too", arguments: [0, 1, 999])
    func truncated(size: Int) async throws {
        try await TestStore.with { test in
            let digest = try await test.push(sample(1_000))
            #expect(truncate(test.store.layout.blob(digest), size) == 0)
            guard case .corrupt(let found) = try await test.store.verify(digest) else {
                Issue.record("it was not found corrupt")
                return
            }
            #expect(found.size == Int64(size))
        }
    }

    @Test("corrupt and missing blobs are healed by the next push of them", arguments: [true, false])
    func healing(bySession: Bool) async throws {
        try await TestStore.with { test in
            let bytes = sample(20_000)
            let digest = try await test.push(bytes)
            for damage in 0..<2 {
                if damage == 0 {
                    try corrupt(test, digest)
                } else {
                    #expect(unlink(test.store.layout.blob(digest)) == 0)
                }
                if bySession {
                    try await test.push(bytes)
                } else {
                    try await test.store.put(bytes, digest: digest) {}
                }
                guard case .intact = try await test.store.verify(digest) else {
                    Issue.record("it was not healed")
                    return
                }
            }
        }
    }

    @Test("quarantine keeps every bad copy under a name of its own")
    func quarantine() async throws {
        try await TestStore.with { test in
            let bytes = sample(2_000)
            for round in 1...3 {
                let digest = try await test.push(bytes)
                try corrupt(test, digest)
                guard case .corrupt(let found) = try await test.store.verify(digest) else {
                    Issue.record("it was not found corrupt")
                    return
                }
                guard case .moved(to: let path, let answer) = try await test.store.quarantine(found, record: { round })
                else {
                    Issue.record("it was not moved")
                    return
                }
                #expect(answer == round)
                #expect(path == test.store.layout.quarantined(digest, round))
                #expect(try await test.store.open(digest) == nil)
            }
            #expect(test.directory.files(in: "quarantine").count == 3)
            #expect(test.blobs.isEmpty)
        }
    }

    @Test("a blob that a push healed meanwhile is not quarantined")
    func healedBeforeQuarantine() async throws {
        try await TestStore.with { test in
            let bytes = sample(2_000)
            let digest = try await test.push(bytes)
            try corrupt(test, digest)
            guard case .corrupt(let found) = try await test.store.verify(digest) else {
                Issue.record("it was not found corrupt")
                return
            }
            try await test.push(bytes)
            guard case .replaced = try await test.store.quarantine(found, record: { neverRecorded() }) else {
                Issue.record("good bytes were taken away")
                return
            }
            #expect(try await test.contents(digest) == bytes)
            #expect(try await test.store.remove(digest) { true })
            guard case .replaced = try await test.store.quarantine(found, record: { neverRecorded() }) else {
                Issue.record("an absent file was quarantined")
                return
            }
        }
    }

    @Test("removal asks under the lock, and readers keep what they have open")
    func remove() async throws {
        try await TestStore.with { test in
            let bytes = sample(30_000)
            let digest = try await test.push(bytes)
            let file = try #require(try await test.store.open(digest))
            #expect(!(try await test.store.remove(digest) { false }))
            #expect(test.blobs == [digest.hex])
            #expect(try await test.store.remove(digest) { true })
            #expect(test.blobs.isEmpty)
            let again = try await test.store.remove(digest) { true }
            #expect(again, "a file that is absent counts as removed, or a crash would leave its row for ever")
            #expect(Array(buffer: try await file.read(at: 0, count: 30_000)) == bytes)
            struct Unsure: Error {}
            try await test.push(bytes)
            await #expect(throws: Unsure.self) { try await test.store.remove(digest) { throw Unsure() } }
            #expect(test.blobs == [digest.hex], "an error while deciding means keep")
        }
    }

    @Test("removal and push of one digest exclude each other")
    func removalExcludesPush() async throws {
        try await TestStore.with { test in
            let bytes = sample(100)
            let digest = try await test.push(bytes)
            let order = TestStore.Log()
            try await test.store.withDigestLock(digest) {
                let push = Task {
                    try await test.store.put(bytes, digest: digest) { order.add("pushed") }
                }
                while test.plan.count(.fdatasync) < 2 { await Task.yield() }
                for _ in 0..<100 { await Task.yield() }
                order.add("unlocked")
                return push
            }.value
            #expect(order.all == ["unlocked", "pushed"])
        }
    }

    @Test("the listing shows each blob once, in pages, and what does not belong there")
    func listing() async throws {
        var limits = ContentLimits()
        limits.listingPage = 10
        try await TestStore.with(limits: limits) { test in
            var expected: Set<BlobEntry> = []
            for index in 0..<35 {
                let bytes = sample(index, seed: UInt64(index))
                let digest = try Digest.of(bytes, algorithm: index == 3 ? .sha512 : .sha256)
                try await test.store.put(bytes, digest: digest) {}
                if index != 3 { expected.insert(.blob(digest, size: Int64(index))) }
            }
            let folder = test.store.layout.blobs(.sha256)
            let foreign = [
                "readme.txt", String(repeating: "a", count: 63), String(repeating: "A", count: 64),
                String(repeating: "c", count: 128),
            ]
            for name in foreign {
                try Data().write(to: URL(fileURLWithPath: folder + "/" + name))
                expected.insert(.stranger(name: name))
            }
            let subdirectory = String(repeating: "d", count: 64)
            #expect(mkdir(folder + "/" + subdirectory, 0o755) == 0)
            expected.insert(.stranger(name: subdirectory))
            var seen: [BlobEntry] = []
            try await test.store.forEachBlob(.sha256) { page in
                #expect(page.count <= 10)
                seen += page
            }
            #expect(seen.count == expected.count)
            #expect(Set(seen) == expected)
            var others: [BlobEntry] = []
            try await test.store.forEachBlob(.sha512) { others += $0 }
            #expect(others.count == 1)
            test.plan.fail(.opendir, errno: EIO)
            try await contentError(.io) { try await test.store.forEachBlob(.sha256) { _ in } }
        }
    }
}
