// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Foundation
import Glibc
import NIOCore
import OCI
import Testing

@Suite("Storage space")
struct StorageGaugeTests {
    static let mebibyte: Int64 = 1 << 20

    /// A plan whose file system has that size.
    static func plan(total: Int64, available: Int64) -> FaultPlan {
        let plan = FaultPlan()
        plan.setSpace(FilesystemSpace(total: total, available: available))
        return plan
    }

    struct Size: Sendable {
        let total, soft, hard, ballast: Int64
    }

    static let sizes = [
        Size(total: 8 << 20, soft: 419_430, hard: 83_886, ballast: 524_288),
        Size(total: 64 << 20, soft: 3_355_443, hard: 671_088, ballast: 4 << 20),
        Size(total: 1 << 40, soft: 5 << 30, hard: 10_995_116_277, ballast: 64 << 20),
    ]

    @Test("limits and BALLAST follow the size of the file system", arguments: sizes)
    func limits(size: Size) async throws {
        try await TestStore.with(plan: Self.plan(total: size.total, available: size.total)) { test in
            let space = test.store.gauge.space
            #expect(space.softLimit == size.soft)
            #expect(space.hardLimit == size.hard)
            #expect(space.ballast == size.ballast)
            var status = stat()
            #expect(lstat(test.store.layout.ballast, &status) == 0)
            #expect(Int64(status.st_size) == size.ballast)
            #expect(Int64(status.st_blocks) * 512 >= size.ballast, "BALLAST has to hold its room")
            #expect(test.store.gauge.state == .ok)
        }
    }

    @Test("below the soft limit no upload begins, but what runs goes on and manifests are taken")
    func soft() async throws {
        let total = 64 * Self.mebibyte
        try await TestStore.with(plan: Self.plan(total: total, available: total / 2)) { test in
            let running = try await test.claimed()
            test.plan.setSpace(FilesystemSpace(total: total, available: 2 * Self.mebibyte))
            #expect(try await test.store.gauge.refresh() == .soft)
            let error = try await contentError(.noSpace) { _ = try await test.store.startUpload() }
            #expect(error.free == 0)
            #expect(error.needed == 0)
            let bytes = sample(100_000)
            try await running.append(all: bytes)
            try await running.commit(expecting: Digest.of(bytes)) {}
            try await test.store.put([1], digest: Digest.of([1])) {}
            #expect(FileManager.default.fileExists(atPath: test.store.layout.ballast))
        }
    }

    @Test("below the hard limit nothing grows, BALLAST is released, and reads and deletes go on")
    func hard() async throws {
        let total = 64 * Self.mebibyte
        try await TestStore.with(plan: Self.plan(total: total, available: total / 2)) { test in
            let old = try await test.push(sample(1_000))
            let running = try await test.claimed()
            test.plan.setSpace(FilesystemSpace(total: total, available: 500_000))
            #expect(try await test.store.gauge.refresh() == .hard)
            #expect(!FileManager.default.fileExists(atPath: test.store.layout.ballast))
            #expect(test.store.gauge.space.ballast == 0)
            // The room that BALLAST gave back is the catalog's, not the blobs'.
            test.plan.setSpace(FilesystemSpace(total: total, available: 500_000 + 4 * Self.mebibyte))
            #expect(try await test.store.gauge.refresh() == .hard)
            try await contentError(.noSpace) { _ = try await test.store.startUpload() }
            try await contentError(.noSpace) { try await test.store.put([1], digest: Digest.of([1])) {} }
            try await contentError(.noSpace) {
                try await running.append(all: sample(200_000))
                _ = try await running.flush()
            }
            #expect(try await test.contents(old) != nil)
            #expect(try await test.store.remove(old) { true })
            #expect(test.uploads.isEmpty)
        }
    }

    @Test("BALLAST is made again only when the soft limit is cleared without its room")
    func recovery() async throws {
        let total = 64 * Self.mebibyte
        try await TestStore.with(plan: Self.plan(total: total, available: 100_000)) { test in
            let gauge = test.store.gauge
            func see(_ available: Int64) async throws -> (StorageGauge.State, Bool) {
                test.plan.setSpace(FilesystemSpace(total: total, available: available))
                let state = try await gauge.refresh()
                return (state, FileManager.default.fileExists(atPath: test.store.layout.ballast))
            }
            #expect(gauge.state == .hard)
            #expect(try await see(4 * Self.mebibyte) == (.hard, false))
            #expect(try await see(6 * Self.mebibyte) == (.soft, false))
            #expect(try await see(8 * Self.mebibyte) == (.ok, true))
            #expect(try await see(8 * Self.mebibyte) == (.ok, true))
            try await test.push(sample(1_000))
        }
    }

    @Test("an announced size that does not fit is refused at the start, with figures")
    func announced() async throws {
        let total = 64 * Self.mebibyte
        try await TestStore.with(plan: Self.plan(total: total, available: 20 * Self.mebibyte)) { test in
            let wanted = 30 * Self.mebibyte
            let free = 20 * Self.mebibyte - 3_355_443
            let error = try await contentError(.noSpace) { _ = try await test.store.startUpload(expectedBytes: wanted) }
            #expect(error.free == free)
            #expect(error.needed == wanted)
            #expect(test.uploads.isEmpty)
            let claim = try await test.claimed()
            try await contentError(.noSpace) { try await claim.reserve(wanted) }
            try await claim.append(all: sample(1_000))
            try await claim.commit(expecting: Digest.of(sample(1_000))) {}
        }
    }

    @Test("blocks are reserved for a known size, and given back when less came", arguments: [ENOSPC, EDQUOT])
    func reservation(errno: Int32) async throws {
        try await TestStore.with { test in
            let wanted = 8 * Self.mebibyte
            test.plan.fail(.fallocate, errno: errno) { $0.contains("/uploads/") }
            let error = try await contentError(.noSpace) { _ = try await test.store.startUpload(expectedBytes: wanted) }
            #expect(error.needed == wanted)
            #expect(test.uploads.isEmpty)
            let claim = try await test.claimed(expectedBytes: wanted)
            var status = stat()
            #expect(lstat(test.store.layout.upload(claim.session.id), &status) == 0)
            #expect(status.st_size == 0)
            #expect(Int64(status.st_blocks) * 512 >= wanted)
            let bytes = sample(10_000)
            try await claim.append(all: bytes)
            try await claim.commit(expecting: Digest.of(bytes)) {}
            #expect(lstat(test.store.layout.blob(try Digest.of(bytes)), &status) == 0)
            #expect(status.st_size == 10_000)
            #expect(Int64(status.st_blocks) * 512 < Self.mebibyte)
        }
    }

    @Test("a file system without reservations does without", arguments: [EOPNOTSUPP, ENOSYS])
    func noReservations(errno: Int32) async throws {
        let plan = FaultPlan()
        plan.fail(.fallocate, errno: errno, times: 100)
        try await TestStore.with(plan: plan) { test in
            let claim = try await test.claimed(expectedBytes: 8 * Self.mebibyte)
            try await claim.append(all: sample(1_000))
            try await claim.commit(expecting: Digest.of(sample(1_000))) {}
            #expect(test.store.gauge.state == .ok)
        }
    }

    @Test("a write that finds the disk full releases BALLAST, and a look at free space makes it again")
    func foundFull() async throws {
        try await TestStore.with(plan: Self.plan(total: 64 << 20, available: 32 << 20)) { test in
            test.plan.fail(.pwritev, errno: ENOSPC)
            try await contentError(.noSpace) { try await test.push(sample(1_000)) }
            #expect(!FileManager.default.fileExists(atPath: test.store.layout.ballast))
            #expect(test.store.gauge.state == .hard)
            #expect(try await test.store.gauge.refresh() == .ok)
            #expect(FileManager.default.fileExists(atPath: test.store.layout.ballast))
            await test.store.gauge.noteFull()
            #expect(!FileManager.default.fileExists(atPath: test.store.layout.ballast))
            #expect(test.store.gauge.state == .hard)
        }
    }

    @Test("reserved blocks may be filled although the disk became full meanwhile")
    func reservedIsKept() async throws {
        let plan = Self.plan(total: 64 << 20, available: 32 << 20)
        try await TestStore.with(plan: plan) { test in
            let bytes = sample(2 << 20)
            let claim = try await test.claimed(expectedBytes: Int64(bytes.count))
            plan.setSpace(FilesystemSpace(total: 64 << 20, available: 0))
            try await claim.append(all: bytes)
            try await claim.commit(expecting: Digest.of(bytes)) {}
        }
    }
}
