// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Glibc
import OCI
import Testing

@Suite("Files of blobs go in batches")
struct CollectingTests {
    @Test("a batch is unlinked, flushed once for each directory, recorded, and only then closed")
    func order() async throws {
        try await TestStore.with { test in
            var digests: [Digest] = []
            for seed in 1...20 { digests.append(try await test.push(sample(100, seed: UInt64(seed)))) }
            digests.append(try await test.push(sample(100, seed: 21), algorithm: .sha512))
            let kept = try await test.push(sample(100, seed: 22))
            test.plan.clear()
            let layout = test.store.layout
            let removal = try await test.store.remove(digests + digests, confirm: { $0 }) { removed in
                let model = DurabilityModel(test.plan.events)
                #expect(removed.allSatisfy { model.staysGone(layout.blob($0)) }, "recorded before it was durable")
                #expect(removed.allSatisfy { test.plan.openPaths.contains(layout.blob($0)) }, "closed under the locks")
                return removed.count
            }
            #expect(removal.record == 21)
            #expect(removal.removed == digests.sorted())
            #expect(removal.refused.isEmpty)
            #expect(test.plan.count(.fsync) == 2)
            #expect(test.blobs == [kept.hex])
            #expect(!digests.contains { test.plan.openPaths.contains(layout.blob($0)) })
        }
    }

    @Test("what is not confirmed stays, and nothing is recorded for an empty batch")
    func confirmed() async throws {
        try await TestStore.with { test in
            let (first, second) = (try await test.push(sample(10)), try await test.push(sample(10, seed: 2)))
            let none = try await test.store.remove([first], confirm: { _ in [] }, record: { _ in neverRecorded() })
            #expect(none.record == nil && none.removed.isEmpty)
            let one = try await test.store.remove([first, second], confirm: { _ in [second] }, record: { $0 })
            #expect(one.record == [second])
            #expect(test.blobs == [first.hex])
        }
    }

    @Test(
        "a file that cannot be opened or unlinked stays and is not recorded; the others go",
        arguments: [
            SystemCall.open, SystemCall.unlink,
        ]
    )
    func refused(call: SystemCall) async throws {
        try await TestStore.with { test in
            let (bad, good) = (try await test.push(sample(10)), try await test.push(sample(10, seed: 2)))
            let path = test.store.layout.blob(bad)
            test.plan.fail(call, errno: EIO) { $0 == path }
            let removal = try await test.store.remove([bad, good], confirm: { $0 }, record: { $0 })
            #expect(removal.record == [good])
            #expect(removal.refused.map(\.digest) == [bad])
            #expect(removal.refused.first?.error.errno == EIO)
            #expect(test.blobs == [bad.hex])
            let again = try await test.store.remove([bad], confirm: { $0 }, record: { $0 })
            #expect(again.removed == [bad])
        }
    }

    @Test("a failed flush ends the process and records nothing")
    func failedFlush() async throws {
        try await TestStore.with { test in
            let digest = try await test.push(sample(10))
            let directory = test.store.layout.blobs(.sha256)
            test.plan.fail(.fsync, errno: EIO) { $0 == directory }
            try await contentError(.io) {
                _ = try await test.store.remove([digest], confirm: { $0 }, record: { _ in neverRecorded() })
            }
            #expect(test.fatal.all.count == 1)
        }
    }

    @Test("a record that fails leaves no file, and the next call records what is absent")
    func failedRecord() async throws {
        try await TestStore.with { test in
            let digest = try await test.push(sample(10))
            struct Full: Error {}
            await #expect(throws: Full.self) {
                try await test.store.remove([digest], confirm: { $0 }, record: { _ in throw Full() })
            }
            #expect(test.blobs.isEmpty)
            let again = try await test.store.remove([digest], confirm: { $0 }, record: { $0 })
            #expect(again.record == [digest])
        }
    }

    @Test("a push of a blob waits for the batch that removes it, and then brings its own file")
    func pushDuringRemoval() async throws {
        try await TestStore.with { test in
            let bytes = sample(5_000)
            let digest = try await test.push(bytes)
            let other = try await test.push(sample(10, seed: 2))
            let order = TestStore.Log()
            let push = try await test.store.remove([digest, other], confirm: { $0 }) { _ in
                let push = Task { try await test.store.put(bytes, digest: digest) { order.add("pushed") } }
                for _ in 0..<100 { await Task.yield() }
                order.add("removed")
                return push
            }
            try await push.record?.value
            #expect(order.all == ["removed", "pushed"])
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("batches over the same blobs do not wait for one another for ever")
    func overlappingBatches() async throws {
        try await TestStore.with { test in
            var digests: [Digest] = []
            for seed in 1...8 { digests.append(try await test.push(sample(10, seed: UInt64(seed)))) }
            let (forward, backward) = (digests, Array(digests.reversed()))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for round in 0..<40 {
                    group.addTask {
                        _ = try await test.store.remove(
                            round % 2 == 0 ? forward : backward,
                            confirm: { _ in [] },
                            record: { _ in }
                        )
                    }
                }
                try await group.waitForAll()
            }
            #expect(test.blobs.count == 8)
        }
    }

    @Test("names are listed without a look at the files, and age and size of one are told")
    func listing() async throws {
        try await TestStore.with { test in
            var digests: Set<Digest> = []
            for seed in 1...5 { digests.insert(try await test.push(sample(10, seed: UInt64(seed)))) }
            test.plan.clear()
            var found: Set<Digest> = []
            try await test.store.forEachDigest(.sha256) { found.formUnion($0) }
            #expect(found == digests)
            #expect(test.plan.count(.open) + test.plan.count(.fstat) == 0)
            let file = try await test.store.storedFile(try #require(digests.first))
            #expect(file?.size == 10)
            #expect((file?.changedAt ?? 0) > 1_600_000_000)
            #expect(try await test.store.storedFile(Digest.of(sample(3))) == nil)
        }
    }
}
