// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Glibc
import NIOCore
import OCI
import Testing

/// Every call on the way of a push fails once; the push must fail with it, leave nothing, and work the next time.
@Suite("Faults")
struct FaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let call: SystemCall
        let errno: Int32
        let code: ContentError.Code
        var testDescription: String { SystemCallError(call, errno: errno).description }

        init(_ call: SystemCall, _ errno: Int32, _ code: ContentError.Code) {
            self.call = call
            self.errno = errno
            self.code = code
        }
    }

    static let ofSessions: [Fault] = [
        Fault(.open, EMFILE, .tooManyFiles), Fault(.open, ENFILE, .tooManyFiles), Fault(.open, ENOSPC, .noSpace),
        Fault(.open, EIO, .io), Fault(.statvfs, EIO, .io),
        Fault(.pwritev, EIO, .io), Fault(.pwritev, ENOSPC, .noSpace), Fault(.pwritev, EDQUOT, .noSpace),
        Fault(.pwritev, EFBIG, .tooLarge), Fault(.sync_file_range, EIO, .io), Fault(.fchmod, EPERM, .io),
        Fault(.fdatasync, EIO, .io), Fault(.fdatasync, ENOSPC, .noSpace), Fault(.fdatasync, EDQUOT, .noSpace),
        Fault(.rename, EIO, .io), Fault(.rename, ENOSPC, .noSpace),
    ]

    @Test("of a session: the push fails, nothing stays, the next push works", arguments: ofSessions)
    func session(fault: Fault) async throws {
        var limits = ContentLimits()
        limits.writebackBytes = 100_000
        try await TestStore.with(limits: limits) { test in
            let bytes = sample(400_000)
            let digest = try Digest.of(bytes)
            let before = test.plan.openPaths
            test.plan.fail(fault.call, errno: fault.errno) { $0.contains("/uploads/") || fault.call == .statvfs }
            let error = try await contentError(fault.code) {
                let claim = try await test.claimed()
                try await claim.append(all: bytes)
                _ = try await claim.flush()
                try await claim.commit(expecting: digest) { neverRecorded() }
            }
            #expect(error.errno == fault.errno)
            #expect(test.uploads.isEmpty)
            #expect(test.blobs.isEmpty)
            #expect(test.store.uploads.isEmpty)
            // The thread of the session answers before it lets go of its buffer and its file.
            while test.store.uploadBuffers.used != 0 || test.plan.openPaths != before { await Task.yield() }
            #expect(test.fatal.all.isEmpty)
            #expect(try await test.push(bytes) == digest)
        }
    }

    @Test("of a put: the same", arguments: ofSessions.filter { $0.call != .sync_file_range })
    func put(fault: Fault) async throws {
        try await TestStore.with { test in
            let bytes = sample(5_000)
            let digest = try Digest.of(bytes)
            let before = test.plan.openPaths
            test.plan.fail(fault.call, errno: fault.errno) { $0.contains("/uploads/") || fault.call == .statvfs }
            try await contentError(fault.code) {
                try await test.store.put(bytes, digest: digest) { neverRecorded() }
            }
            #expect(test.uploads.isEmpty)
            #expect(test.blobs.isEmpty)
            while test.plan.openPaths != before { await Task.yield() }
            try await test.store.put(bytes, digest: digest) {}
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("a failed fdatasync is never tried again on the same file")
    func noSecondSync() async throws {
        try await TestStore.with { test in
            let bytes = sample(50_000)
            let digest = try Digest.of(bytes)
            for round in 0..<2 {
                test.plan.clear()
                test.plan.fail(.fdatasync, errno: EIO)
                try await contentError(.io) {
                    if round == 0 {
                        try await test.store.put(bytes, digest: digest) { neverRecorded() }
                    } else {
                        try await test.push(bytes)
                    }
                }
                #expect(test.plan.count(.fdatasync) == 1)
                #expect(test.plan.count(.rename) == 0)
                let last = test.plan.events.last { $0.call == .unlink }
                #expect(last?.path == test.plan.events.last { $0.call == .fdatasync }?.path)
            }
            try await test.push(bytes)
            let files = test.plan.events.filter { $0.call == .fdatasync }.map(\.path)
            #expect(Set(files).count == files.count, "a new push has a new file")
        }
    }

    @Test("a failed fdatasync in the middle of an upload kills it, and its next request learns so")
    func progressSyncFails() async throws {
        var limits = ContentLimits()
        limits.durableBytes = 100_000
        limits.batchBytes = 50_000
        limits.minimumBatchBytes = 50_000
        try await TestStore.with(limits: limits) { test in
            test.plan.fail(.fdatasync, errno: EIO)
            let bytes = sample(300_000)
            let claim = try await test.claimed()
            try await contentError(.io) {
                try await claim.append(all: bytes)
                try await claim.commit(expecting: Digest.of(bytes)) { neverRecorded() }
            }
            #expect(test.plan.count(.fdatasync) == 1)
            #expect(test.uploads.isEmpty)
            #expect(claim.session.phase == .aborted)
            #expect(test.durable.all.isEmpty)
        }
    }

    @Test(
        "a directory that cannot be synced ends the process; nothing is recorded any more",
        arguments: [SystemCall.fsync, .fstat]
    )
    func fatalDirectory(call: SystemCall) async throws {
        try await TestStore.with { test in
            let first = sample(10)
            let directory = test.store.layout.blobs(.sha256)
            test.plan.fail(call, errno: EIO) { $0 == directory }
            try await contentError(.io) {
                try await test.store.put(first, digest: Digest.of(first)) { neverRecorded() }
            }
            #expect(test.fatal.all.count == 1)
            #expect(test.fatal.all.first?.contains("blobs/sha256") == true)
            test.plan.clear()
            try await contentError(.io) { try await test.push(sample(20)) }
            #expect(test.plan.count(.fsync) == 0, "the flush is not tried again")
            #expect(test.fatal.all.count == 1)
        }
    }

    @Test("short writes are carried on", arguments: [1, 7, 4_096, 65_537])
    func shortWrites(bytes longest: Int) async throws {
        try await TestStore.with { test in
            test.plan.shortenWrites(to: longest)
            let bytes = sample(longest == 1 ? 3_000 : 300_000)
            let digest = try await test.push(bytes, piece: 50_000)
            #expect(try await test.contents(digest) == bytes)
            try await test.store.put(bytes, digest: digest) {}
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("a write that takes nothing and reports nothing is an error, not a loop")
    func emptyWrites() async throws {
        try await TestStore.with { test in
            test.plan.shortenWrites(to: 0)
            try await contentError(.io) { try await test.push(sample(100)) }
            #expect(test.uploads.isEmpty)
        }
    }

    @Test("a file that is not as long as what was written is not committed")
    func wrongSize() async throws {
        try await TestStore.with { test in
            let bytes = sample(1_000)
            let claim = try await test.claimed()
            try await claim.append(all: bytes)
            _ = try await claim.flush()
            #expect(truncate(test.store.layout.upload(claim.session.id), 500) == 0)
            try await contentError(.truncated) {
                try await claim.commit(expecting: Digest.of(bytes)) { neverRecorded() }
            }
            #expect(test.blobs.isEmpty)
        }
    }

    @Test("an error between two requests is not forgotten")
    func errorBetweenRequests() async throws {
        try await TestStore.with { test in
            let session = try await test.store.startUpload()
            test.plan.fail(.pwritev, errno: EIO)
            let claim = try TestStore.claim(session)
            try await claim.append(ByteBuffer(bytes: sample(1_000)))
            claim.release()
            while session.phase != .aborted { await Task.yield() }
            guard case .ended = session.claim() else {
                Issue.record("a dead session was claimed")
                return
            }
            while test.store.upload(session.id) != nil || !test.uploads.isEmpty { await Task.yield() }
        }
    }
}

extension FaultTests {
    /// A file system that has shut itself down refuses reads too.
    @Test("of the storage as a whole: it is asked for by a read")
    func storage() async throws {
        try await TestStore.with { test in
            try test.store.confirmStorage()
            test.plan.fail(.pread, errno: EIO) { $0 == test.store.layout.lock }
            let error = #expect(throws: ContentError.self) { try test.store.confirmStorage() }
            #expect(error?.code == .io)
        }
    }
}
