// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct UploadLifeTests {
    private static func find(_ session: UploadSession, _ store: TestStore) async throws -> UploadSession {
        try await store.registry.upload(session.id.description, in: Sample.repository(), caller: TestStore.caller)
    }

    /// With what a session is refused in a repository.
    private static func refusal(of id: UploadID, _ store: TestStore, in name: String = "team/app") async throws
        -> String?
    {
        try await TestSupport.refusal {
            _ = try await store.registry.upload(id.description, in: Sample.repository(name), caller: TestStore.caller)
        }
    }

    private static func append(_ bytes: [UInt8], to session: UploadSession, _ store: TestStore) async throws {
        let claim = try store.registry.claim(session)
        try await claim.append(ByteBuffer(bytes: bytes))
        _ = try await claim.flush()
        claim.release()
    }

    @Test func aSessionThatNobodyUsesExpires() async throws {
        try await TestStore.with { store in
            let session = try await store.startUpload()
            try await Self.append(Sample.bytes(100), to: session, store)
            store.clock.advance(seconds: RegistryLimits.uploadIdleSeconds)
            await store.registry.expireUploads()
            #expect(try await Self.find(session, store).offset == 100)
            store.clock.advance(seconds: 1)
            await store.registry.expireUploads()
            #expect(try await Self.refusal(of: session.id, store) == "uploadUnknown")
            #expect(store.directory.files(in: "uploads").isEmpty)
        }
    }

    @Test func eachUseStartsTheTimeAnew() async throws {
        try await TestStore.with { store in
            let session = try await store.startUpload()
            for _ in 0..<4 {
                store.clock.advance(seconds: RegistryLimits.uploadIdleSeconds - 1)
                await store.registry.expireUploads()
                try await Self.append(Sample.bytes(100), to: Self.find(session, store), store)
            }
            #expect(session.offset == 400)
        }
    }

    @Test func aSessionThatIsReceivingIsNotIdle() async throws {
        try await TestStore.with { store in
            let session = try await store.startUpload()
            let claim = try store.registry.claim(session)
            for _ in 0..<3 {
                try await claim.append(ByteBuffer(bytes: Sample.bytes(100)))
                store.clock.advance(seconds: RegistryLimits.uploadIdleSeconds + 1)
                await store.registry.expireUploads()
            }
            #expect(try await claim.flush() == 300)
            claim.release()
            await store.registry.expireUploads()
            #expect(try await Self.find(session, store).offset == 300)
        }
    }

    @Test func noSessionOutlivesItsLife() async throws {
        try await TestStore.with { store in
            let session = try await store.startUpload()
            for _ in 0..<25 {
                store.clock.advance(seconds: RegistryLimits.uploadIdleSeconds - 1)
                try? await Self.append([1], to: session, store)
                await store.registry.expireUploads()
            }
            #expect(try await Self.refusal(of: session.id, store) == "uploadUnknown")
        }
    }

    @Test func aSessionIsThatOfItsRepositoryBeforeAndAfterARestart() async throws {
        let directory = try TemporaryDirectory()
        let bytes = Sample.bytes(1000)
        let id = try await TestStore.with(in: directory) { store in
            try await store.push([1], in: "team/other")
            let session = try await store.startUpload()
            try await Self.append(Array(bytes[..<100]), to: session, store)
            try await Self.expectOwned(session.id, store)
            await store.registry.drain()
            return session.id
        }
        try await TestStore.with(in: directory) { store in
            _ = try await store.registry.recover()
            // The session sleeps still: whoever asks elsewhere must neither wake nor end it.
            try await Self.expectOwned(id, store)
            try await Self.finish(id, bytes, expectedOffset: 100, store)
            #expect(try await Self.refusal(of: id, store) == "uploadUnknown")
        }
    }

    private static func expectOwned(_ id: UploadID, _ store: TestStore) async throws {
        for name in ["team/other", "team", "team/app/x", "unknown"] {
            #expect(try await refusal(of: id, store, in: name) == "uploadUnknown")
            let cancelling = try await TestSupport.refusal {
                try await store.registry.cancelUpload(
                    id.description,
                    in: Sample.repository(name),
                    caller: TestStore.caller
                )
            }
            #expect(cancelling == "uploadUnknown")
        }
        #expect(store.directory.files(in: "uploads") == [id.description])
    }

    @Test func aDrainedSessionGoesOnAfterARestart() async throws {
        let directory = try TemporaryDirectory()
        let bytes = Sample.bytes(300_000)
        let id = try await TestStore.with(in: directory) { store in
            let session = try await store.startUpload()
            try await Self.append(Array(bytes[..<100_000]), to: session, store)
            await store.registry.drain()
            return session.id
        }
        try await TestStore.with(in: directory) { store in
            #expect(try await store.registry.recover().resumable == 1)
            try await Self.finish(id, bytes, expectedOffset: 100_000, store)
        }
    }

    @Test func aSessionOfAKilledProcessGoesOnFromWhatWasDurable() async throws {
        let directory = try TemporaryDirectory()
        let bytes = Sample.bytes(900_000)
        var options = TestStore.Options()
        options.limits.durableBytes = 200_000
        options.limits.batchBytes = 100_000
        let id = try await TestStore.with(in: directory, options: options) { store in
            let session = try await store.startUpload()
            try await Self.append(Array(bytes[..<500_000]), to: session, store)
            await store.recorded.wait()
            return session.id
        }
        // What a power cut may leave after the durable part.
        let file = "uploads/\(id)"
        try directory.write(directory.read(file) + Array(repeating: 0xEE, count: 10_000), to: file)
        try await TestStore.with(in: directory, options: options) { store in
            #expect(try await store.registry.recover().resumable == 1)
            let session = try await store.registry.upload(
                id.description,
                in: Sample.repository(),
                caller: TestStore.caller
            )
            #expect(session.offset >= 200_000 && session.offset <= 500_000)
            try await Self.finish(id, bytes, expectedOffset: session.offset, store)
        }
    }

    @Test func bytesThatNoRowNamesAreSweptAtStart() async throws {
        let directory = try TemporaryDirectory()
        let id = try await TestStore.with(in: directory) { store in
            let session = try await store.startUpload()
            try await Self.append(Sample.bytes(100), to: session, store)
            return session.id
        }
        #expect(directory.files(in: "uploads") == [id.description])
        try await TestStore.with(in: directory) { store in
            let recovery = try await store.registry.recover()
            #expect(recovery.resumable == 0)
            #expect(recovery.strays == 1)
            #expect(directory.files(in: "uploads").isEmpty)
            #expect(try await Self.refusal(of: id, store) == "uploadUnknown")
        }
    }

    @Test func aRowWithoutItsFileIsForgotten() async throws {
        let directory = try TemporaryDirectory()
        let id = try await TestStore.with(in: directory) { store in
            let session = try await store.startUpload()
            try await Self.append(Sample.bytes(100), to: session, store)
            await store.registry.drain()
            return session.id
        }
        try directory.remove("uploads/\(id)")
        try await TestStore.with(in: directory) { store in
            let recovery = try await store.registry.recover()
            #expect(recovery.resumable == 1)
            #expect(try await Self.refusal(of: id, store) == "uploadUnknown")
            #expect(try await store.catalog.upload(id.description) == nil)
        }
    }

    @Test func whatWasAcknowledgedIsThereAfterARestart() async throws {
        let directory = try TemporaryDirectory()
        let digest = try await TestStore.with(in: directory) { try await $0.putImage(seed: 1, tag: "v1") }
        try await TestStore.with(in: directory) { store in
            _ = try await store.registry.recover()
            #expect(try await store.get("v1") == digest)
            let layer = try Sample.digest(Sample.bytes(64, seed: 1))
            #expect(try await store.registry.statBlob(layer, in: Sample.repository()) == 64)
        }
    }

    private static func finish(_ id: UploadID, _ bytes: [UInt8], expectedOffset: Int64, _ store: TestStore) async throws
    {
        let name = try Sample.repository()
        let session = try await store.registry.upload(id.description, in: name, caller: TestStore.caller)
        #expect(session.offset == expectedOffset)
        let claim = try store.registry.claim(session)
        try await claim.append(ByteBuffer(bytes: bytes[Int(session.offset)...]))
        let digest = try Sample.digest(bytes)
        try await store.registry.commit(claim, as: digest, in: name, caller: TestStore.caller)
        #expect(try store.directory.read(store.file(of: digest)) == bytes)
        #expect(try await store.catalog.upload(id.description) == nil)
    }
}
