// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import NIOCore
import OCI
import Testing

/// The memory of all uploads together has a bound, and nobody waits for ever because of it.
@Suite("Upload buffers")
struct BackPressureTests {
    static func small(pool: Int) -> ContentLimits {
        var limits = ContentLimits()
        limits.bufferPoolBytes = pool
        limits.batchBytes = 64 << 10
        limits.minimumBatchBytes = 16 << 10
        limits.fragmentBytes = 8 << 10
        return limits
    }

    @Test("a hundred uploads at once stay within the pool", .timeLimit(.minutes(1)))
    func hundredSessions() async throws {
        let pool = 512 << 10
        try await TestStore.with(limits: Self.small(pool: pool)) { test in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let bytes = sample(200_000, seed: UInt64(index))
                        try await test.push(bytes, piece: [500, 9_000, 40_000, 131_072][index % 4])
                    }
                }
                try await group.waitForAll()
            }
            #expect(test.blobs.count == 100)
            #expect(test.store.uploadBuffers.used == 0)
            #expect(test.store.uploadBuffers.peak <= pool)
            #expect(
                test.store.uploadBuffers.peak > pool / 4,
                "the pool was never under pressure: the test shows nothing"
            )
        }
    }

    @Test("clients that stall do not keep others from the pool", .timeLimit(.minutes(1)))
    func stalledClients() async throws {
        let pool = 256 << 10
        try await TestStore.with(limits: Self.small(pool: pool)) { test in
            var stalled: [UploadClaim] = []
            for index in 0..<64 {
                let claim = try await test.claimed()
                // Less than a batch: it stays gathered while its client is silent.
                try await claim.append(ByteBuffer(bytes: sample(6_000, seed: UInt64(index))))
                stalled.append(claim)
            }
            #expect(test.store.uploadBuffers.peak > pool / 2, "nothing was held: the test shows nothing")
            let bytes = sample(600_000)
            #expect(try await test.push(bytes, piece: 65_536) == Digest.of(bytes))
            for (index, claim) in stalled.enumerated() {
                try await claim.commit(expecting: Digest.of(sample(6_000, seed: UInt64(index)))) {}
            }
            #expect(test.store.uploadBuffers.used == 0)
        }
    }

    @Test("a slow disk holds the client back instead of filling memory")
    func slowDisk() async throws {
        try await TestStore.with(limits: Self.small(pool: 8 << 20)) { test in
            let gate = test.plan.hold(.pwritev)
            let claim = try await test.claimed()
            let bytes = sample(2 << 20)
            let sending = Task { try await claim.append(all: bytes, piece: 32 << 10) }
            await gate.waitUntilReached()
            var offset = claim.offset
            for _ in 0..<200 {
                await Task.yield()
                offset = claim.offset
            }
            // One batch is held in the write, two wait, and the one that was handed over last made the client wait.
            #expect(offset <= 4 * 64 << 10)
            #expect(test.store.uploadBuffers.used <= 4 * 64 << 10)
            gate.open()
            try await sending.value
            try await claim.commit(expecting: Digest.of(bytes)) {}
        }
    }

    @Test("one byte in a large receive buffer does not hold the buffer")
    func fragments() async throws {
        try await TestStore.with { test in
            let claim = try await test.claimed()
            var expected: [UInt8] = []
            for index in 0..<1_000 {
                var receive = ByteBufferAllocator().buffer(capacity: 256 << 10)
                receive.writeInteger(UInt8(truncatingIfNeeded: index))
                expected.append(UInt8(truncatingIfNeeded: index))
                try await claim.append(receive)
            }
            #expect(test.store.uploadBuffers.peak <= ContentLimits().fragmentBytes)
            try await claim.commit(expecting: Digest.of(expected)) {}
        }
    }

    @Test("a full receive buffer is kept as it is, and counted with its whole storage")
    func wholeBuffers() async throws {
        try await TestStore.with { test in
            let claim = try await test.claimed()
            var receive = ByteBufferAllocator().buffer(capacity: 256 << 10)
            receive.writeRepeatingByte(7, count: 200 << 10)
            try await claim.append(receive)
            #expect(test.store.uploadBuffers.used == 256 << 10)
            #expect(try await claim.flush() == 200 << 10)
            #expect(test.store.uploadBuffers.used == 0)
        }
    }

    @Test("a buffer larger than the whole pool still passes", .timeLimit(.minutes(1)))
    func largerThanPool() async throws {
        try await TestStore.with(limits: Self.small(pool: 128 << 10)) { test in
            let bytes = sample(1 << 20)
            async let other = test.push(sample(300_000, seed: 9), piece: 5_000)
            #expect(try await test.push(bytes, piece: bytes.count) == Digest.of(bytes))
            _ = try await other
            #expect(test.store.uploadBuffers.used == 0)
        }
    }

    @Test("cancelling an upload that waits for memory gives back what it is given", .timeLimit(.minutes(1)))
    func cancelWhileWaiting() async throws {
        try await TestStore.with(limits: Self.small(pool: 64 << 10)) { test in
            let gate = test.plan.hold(.pwritev)
            let first = try await test.claimed()
            try await first.append(ByteBuffer(bytes: sample(64 << 10)))
            await gate.waitUntilReached()
            let second = try await test.claimed()
            let waiting = Task { try await second.append(ByteBuffer(bytes: sample(64 << 10))) }
            while test.store.uploadsWaitingForMemory == 0 { await Task.yield() }
            #expect(await second.session.cancel())
            gate.open()
            try await contentError(.sessionEnded) { try await waiting.value }
            _ = try await first.flush()
            #expect(test.store.uploadBuffers.used == 0)
        }
    }
}
