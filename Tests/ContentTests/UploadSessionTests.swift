// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Glibc
import NIOCore
import OCI
import Testing

@Suite("Upload sessions")
struct UploadSessionTests {
    @Test("bytes come back as they were sent", arguments: [0, 1, 4_095, 65_536, 1_000_003], [1_000, 262_144])
    func roundTrip(count: Int, piece: Int) async throws {
        try await TestStore.with { test in
            let bytes = sample(count)
            let digest = try await test.push(bytes, piece: piece)
            #expect(try await test.contents(digest) == bytes)
            #expect(try await test.store.stat(digest) == Int64(count))
            #expect(test.uploads.isEmpty)
            #expect(test.store.uploads.isEmpty)
            #expect(test.store.uploadBuffers.used == 0)
            var status = stat()
            #expect(lstat(test.store.layout.blob(digest), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o444)
        }
    }

    @Test("an upload goes on over many requests, at the offset")
    func manyRequests() async throws {
        try await TestStore.with { test in
            let bytes = sample(500_000)
            let session = try await test.store.startUpload()
            for part in 0..<5 {
                let claim = try TestStore.claim(session)
                #expect(claim.offset == Int64(part * 100_000))
                try await claim.append(all: Array(bytes[part * 100_000..<(part + 1) * 100_000]), piece: 7_001)
                if part % 2 == 0 { #expect(try await claim.flush() == Int64((part + 1) * 100_000)) }
                claim.release()
                #expect(test.store.upload(session.id) === session)
            }
            let digest = try Digest.of(bytes)
            try await TestStore.claim(session).commit(expecting: digest) {}
            #expect(session.phase == .committed)
            #expect(test.store.upload(session.id) == nil)
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("a connection that breaks off loses nothing that was accepted")
    func droppedClaim() async throws {
        try await TestStore.with { test in
            let session = try await test.store.startUpload()
            let bytes = sample(123_456)
            func request() async throws {
                let claim = try TestStore.claim(session)
                try await claim.append(all: bytes, piece: 10_000)
            }
            try await request()
            #expect(session.offset == 123_456)
            let claim = try TestStore.claim(session)
            #expect(try await claim.flush() == 123_456)
            try await claim.commit(expecting: Digest.of(bytes)) {}
        }
    }

    @Test("one request at a time")
    func busy() async throws {
        try await TestStore.with { test in
            let claim = try await test.claimed()
            guard case .busy = claim.session.claim() else {
                Issue.record("two requests had the session")
                return
            }
            #expect(claim.session.phase == .receiving)
            claim.release()
            claim.release()
            #expect(claim.session.phase == .open)
            let second = try TestStore.claim(claim.session)
            claim.release()
            guard case .busy = claim.session.claim() else {
                Issue.record("an old claim let go of a new one's session")
                return
            }
            second.release()
        }
    }

    @Test("a wrong digest is told, and the file deleted", arguments: Digest.Algorithm.allCases)
    func mismatch(algorithm: Digest.Algorithm) async throws {
        try await TestStore.with { test in
            let bytes = sample(50_000)
            let claim = try await test.claimed()
            try await claim.append(all: bytes)
            let wrong = try Digest.of([1, 2, 3], algorithm: algorithm)
            let error = try await contentError(.digestMismatch) {
                try await claim.commit(expecting: wrong) { neverRecorded() }
            }
            #expect(error.actual == (try Digest.of(bytes, algorithm: algorithm)))
            #expect(test.uploads.isEmpty)
            #expect(test.blobs.isEmpty)
            guard case .ended = claim.session.claim() else {
                Issue.record("the session lives on")
                return
            }
            let small = try await contentError(.digestMismatch) {
                try await test.store.put(bytes, digest: wrong) { neverRecorded() }
            }
            #expect(small.actual == error.actual)
            #expect(test.uploads.isEmpty)
        }
    }

    @Test("SHA-512 works announced and unannounced", arguments: [true, false])
    func sha512(announced: Bool) async throws {
        try await TestStore.with { test in
            let bytes = sample(300_000)
            let digest = try Digest.of(bytes, algorithm: .sha512)
            let claim = try await test.claimed(hint: announced ? .sha512 : nil)
            try await claim.append(all: bytes)
            test.plan.clear()
            try await claim.commit(expecting: digest) {}
            #expect((test.plan.count(.pread) == 0) == announced, "the file is read again only when it has to be")
            #expect(test.directory.files(in: "blobs/sha512") == [digest.hex])
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("an upload announced as SHA-512 may still be committed as SHA-256")
    func otherAlgorithm() async throws {
        try await TestStore.with { test in
            let bytes = sample(1_000)
            let claim = try await test.claimed(hint: .sha512)
            try await claim.append(all: bytes)
            try await claim.commit(expecting: Digest.of(bytes)) {}
            #expect(test.blobs.count == 1)
        }
    }

    @Test("more than the limit is refused and the rest kept")
    func tooLarge() async throws {
        var limits = ContentLimits()
        limits.blobBytes = 10_000
        try await TestStore.with(limits: limits) { test in
            try await contentError(.tooLarge) { _ = try await test.store.startUpload(expectedBytes: 10_001) }
            let claim = try await test.claimed()
            try await claim.append(all: sample(9_000))
            try await contentError(.tooLarge) { try await claim.reserve(1_001) }
            try await contentError(.tooLarge) { try await claim.append(ByteBuffer(repeating: 0, count: 1_001)) }
            #expect(try await claim.flush() == 9_000)
            try await claim.append(ByteBuffer(repeating: 0, count: 1_000))
            #expect(claim.offset == 10_000)
        }
    }

    @Test("no more sessions than the limit")
    func tooMany() async throws {
        var limits = ContentLimits()
        limits.uploads = 3
        try await TestStore.with(limits: limits) { test in
            var sessions: [UploadSession] = []
            for _ in 0..<3 { sessions.append(try await test.store.startUpload()) }
            try await contentError(.tooManyUploads) { _ = try await test.store.startUpload() }
            #expect(await sessions[0].cancel())
            _ = try await test.store.startUpload()
            #expect(test.store.uploads.count == 3)
        }
    }

    @Test("cancelling deletes the file and ends the request that had it")
    func cancel() async throws {
        try await TestStore.with { test in
            let claim = try await test.claimed()
            try await claim.append(all: sample(400_000))
            #expect(await claim.session.cancel())
            #expect(!(await claim.session.cancel()))
            #expect(test.uploads.isEmpty)
            #expect(claim.session.phase == .aborted)
            try await contentError(.sessionEnded) { try await claim.append(all: [1]) }
            try await contentError(.sessionEnded) { _ = try await claim.flush() }
            try await contentError(.sessionEnded) { try await claim.commit(expecting: Digest.of([])) {} }
            #expect(test.store.uploadBuffers.used == 0)
            #expect(test.store.uploads.isEmpty)
        }
    }

    @Test("a commit under way cannot be cancelled")
    func cancelDuringCommit() async throws {
        try await TestStore.with { test in
            let bytes = sample(10_000)
            let digest = try Digest.of(bytes)
            let claim = try await test.claimed()
            try await claim.append(all: bytes)
            let gate = test.plan.hold(.fdatasync)
            async let committed: Void = claim.commit(expecting: digest) {}
            await gate.waitUntilReached()
            #expect(claim.session.phase == .finalizing)
            #expect(!(await claim.session.cancel()))
            guard case .busy = claim.session.claim() else {
                Issue.record("it could be claimed while it was committed")
                return
            }
            gate.open()
            try await committed
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("a commit is finished although the task that asked for it was cancelled")
    func cancelledTask() async throws {
        try await TestStore.with { test in
            let bytes = sample(10_000)
            let digest = try Digest.of(bytes)
            let claim = try await test.claimed()
            try await claim.append(all: bytes)
            let gate = test.plan.hold(.fdatasync)
            let task = Task { try await claim.commit(expecting: digest) { "recorded" } }
            await gate.waitUntilReached()
            task.cancel()
            gate.open()
            #expect(try await task.value == "recorded")
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("what the record throws is what the caller gets; the blob stays as an orphan")
    func recordFails() async throws {
        struct Refused: Error {}
        try await TestStore.with { test in
            let bytes = sample(10_000)
            let digest = try Digest.of(bytes)
            let claim = try await test.claimed()
            try await claim.append(all: bytes)
            await #expect(throws: Refused.self) { try await claim.commit(expecting: digest) { throw Refused() } }
            await #expect(throws: Refused.self) { try await test.store.put(bytes, digest: digest) { throw Refused() } }
            #expect(test.blobs == [digest.hex])
            #expect(test.uploads.isEmpty)
            #expect(test.store.uploads.isEmpty)
            try await test.store.put(bytes, digest: digest) {}
        }
    }

    @Test("descriptors are closed, however a session ends")
    func descriptors() async throws {
        try await TestStore.with { test in
            let before = test.plan.openPaths
            try await test.push(sample(100_000))
            let cancelled = try await test.store.startUpload()
            _ = await cancelled.cancel()
            let wrong = try await test.claimed()
            try await wrong.append(all: [1])
            try await contentError(.digestMismatch) { try await wrong.commit(expecting: Digest.of([2])) {} }
            let digest = try await test.push(sample(10))
            _ = try await test.store.open(digest)?.size
            while test.plan.openPaths != before { await Task.yield() }
            #expect(test.plan.openPaths == before)
        }
    }
}
