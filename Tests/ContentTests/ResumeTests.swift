// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Cryptography
import Foundation
import NIOCore
import OCI
import Testing

@Suite("Uploads across restarts")
struct ResumeTests {
    static func limits(durable: Int64) -> ContentLimits {
        var limits = ContentLimits()
        limits.durableBytes = durable
        limits.batchBytes = 50_000
        limits.minimumBatchBytes = 50_000
        limits.rehashTurnBytes = 100_000
        limits.rehashChunkBytes = 30_000
        return limits
    }

    @Test("a planned restart loses nothing", arguments: Digest.Algorithm.allCases)
    func drain(algorithm: Digest.Algorithm) async throws {
        let directory = try TemporaryDirectory()
        let bytes = sample(777_777)
        var kept: [(id: UploadID, durableOffset: Int64)] = []
        try await TestStore.with(in: directory) { test in
            for count in [0, 1_000, 500_000] {
                let claim = try await test.claimed()
                try await claim.append(all: Array(bytes[..<count]))
            }
            kept = await test.store.drain()
            for (id, _) in kept {
                let path = test.store.layout.upload(id)
                let calls = test.plan.events.filter { $0.path == path }.map(\.call)
                #expect(calls.last == .fdatasync, "it was not made durable: \(calls)")
            }
            #expect(kept.map(\.durableOffset).sorted() == [0, 1_000, 500_000])
            #expect(test.uploads.count == 3)
        }
        try await TestStore.with(in: directory) { test in
            #expect(try await test.store.removeStrayUploads(keeping: Set(kept.map(\.id))) == 0)
            for (id, offset) in kept {
                #expect(test.store.upload(id) == nil)
                let session = try #require(try await test.store.resume(id, durableOffset: offset, hint: algorithm))
                #expect(session.offset == offset)
                let claim = try TestStore.claim(session)
                try await claim.append(all: Array(bytes[Int(offset)...]))
                let digest = try Digest.of(bytes, algorithm: algorithm)
                try await claim.commit(expecting: digest) {}
                #expect(try await test.contents(digest) == bytes)
            }
        }
    }

    @Test("after a kill the upload goes on at the durable offset that was noted last")
    func kill() async throws {
        let directory = try TemporaryDirectory()
        let bytes = sample(400_000)
        var id: UploadID?
        var noted: Int64 = 0
        try await TestStore.with(in: directory, limits: Self.limits(durable: 100_000)) { test in
            let claim = try await test.claimed()
            try await claim.append(all: bytes, piece: 50_000)
            _ = try await claim.flush()
            while test.durable.all.isEmpty { await Task.yield() }
            noted = claim.session.durableOffset
            id = claim.session.id
            #expect(noted >= 100_000)
            #expect(test.durable.all.allSatisfy { $0.hasPrefix(claim.session.id.description) })
        }
        let upload = try #require(id)
        // What was written after the durable offset is not to be trusted.
        let path = directory.path + "/uploads/" + upload.description
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(noted))
        try file.write(contentsOf: Data(repeating: 0xee, count: 10_000))
        try file.close()
        try await TestStore.with(in: directory, limits: Self.limits(durable: 100_000)) { test in
            let session = try #require(try await test.store.resume(upload, durableOffset: noted))
            #expect(session.offset == noted)
            #expect(session.durableOffset == noted)
            let claim = try TestStore.claim(session)
            try await claim.append(all: Array(bytes[Int(noted)...]))
            let digest = try Digest.of(bytes)
            try await claim.commit(expecting: digest) {}
            #expect(try await test.contents(digest) == bytes)
        }
    }

    @Test("a file that is gone or too short cannot be resumed, and nothing of it stays")
    func lost() async throws {
        try await TestStore.with { test in
            let id = try #require(UploadID("00112233-4455-4677-8899-aabbccddeeff"))
            #expect(try await test.store.resume(id, durableOffset: 0) == nil)
            let path = test.store.layout.upload(id)
            try Data(count: 99).write(to: URL(fileURLWithPath: path))
            #expect(try await test.store.resume(id, durableOffset: 100) == nil)
            #expect(test.uploads.isEmpty)
            try Data(count: 99).write(to: URL(fileURLWithPath: path))
            #expect(try await test.store.resume(id, durableOffset: -1) == nil)
            #expect(test.uploads.isEmpty)
            #expect(test.store.uploads.isEmpty)
        }
    }

    @Test("many who resume one upload get one session")
    func once() async throws {
        try await TestStore.with { test in
            let id = try #require(UploadID("00112233-4455-4677-8899-aabbccddeeff"))
            try Data(sample(50_000)).write(to: URL(fileURLWithPath: test.store.layout.upload(id)))
            let sessions = try await withThrowingTaskGroup(of: UploadSession?.self) { group in
                for _ in 0..<10 { group.addTask { try await test.store.resume(id, durableOffset: 50_000) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let first = try #require(sessions.first ?? nil)
            #expect(sessions.allSatisfy { $0 === first })
            #expect(test.store.uploads.count == 1)
        }
    }

    @Test("a disk error while it is hashed again is told, and the upload stays for another try")
    func unreadable() async throws {
        try await TestStore.with { test in
            let id = try #require(UploadID("00112233-4455-4677-8899-aabbccddeeff"))
            try Data(sample(50_000)).write(to: URL(fileURLWithPath: test.store.layout.upload(id)))
            test.plan.fail(.pread, errno: 5)
            try await contentError(.io) { _ = try await test.store.resume(id, durableOffset: 50_000) }
            #expect(test.store.uploads.isEmpty)
            #expect(try await test.store.resume(id, durableOffset: 50_000)?.offset == 50_000)
        }
    }

    @Test("at most two files are hashed again at once", .timeLimit(.minutes(1)))
    func rehashesAtOnce() async throws {
        let plan = FaultPlan()
        try await TestStore.with(plan: plan, limits: Self.limits(durable: 1 << 30)) { test in
            var generator = SystemRandomNumberGenerator()
            let ids = (0..<8).map { _ in UploadID.random(using: &generator) }
            for id in ids {
                try Data(sample(300_000)).write(to: URL(fileURLWithPath: test.store.layout.upload(id)))
            }
            let gates = [plan.hold(.pread), plan.hold(.pread)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ids {
                    group.addTask {
                        let session = try await test.store.resume(id, durableOffset: 300_000)
                        #expect(session?.offset == 300_000)
                    }
                }
                for gate in gates { await gate.waitUntilReached() }
                while plan.count(.ftruncate, where: { $0.contains("/uploads/") }) < ids.count { await Task.yield() }
                for _ in 0..<200 { await Task.yield() }
                #expect(Set(plan.events.filter { $0.call == .pread }.map(\.path)).count == 2)
                for gate in gates { gate.open() }
                try await group.waitForAll()
            }
            #expect(Set(plan.events.filter { $0.call == .pread }.map(\.path)).count == ids.count)
        }
    }

    @Test("files that nobody knows are removed, those in use stay")
    func strays() async throws {
        let directory = try TemporaryDirectory()
        try await TestStore.with(in: directory) { test in
            var generator = SystemRandomNumberGenerator()
            let (known, unknown) = (UploadID.random(using: &generator), UploadID.random(using: &generator))
            for name in [known.description, unknown.description, "not-an-upload"] {
                try Data(count: 10).write(to: URL(fileURLWithPath: test.store.layout.uploads + "/" + name))
            }
            let open = try await test.store.startUpload()
            #expect(Set(try await test.store.uploadFiles()) == [known, unknown, open.id])
            #expect(try await test.store.removeStrayUploads(keeping: [known]) == 2)
            #expect(test.uploads == [known.description, open.id.description].sorted())

            let bytes = sample(100)
            let gate = test.plan.hold(.fdatasync)
            async let put: Void = test.store.put(bytes, digest: Digest.of(bytes)) {}
            await gate.waitUntilReached()
            #expect(try await test.store.removeStrayUploads(keeping: []) == 1)
            gate.open()
            try await put
        }
    }
}
