// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct DamageTests {
    enum Damage: CaseIterable, Sendable { case missing, short, long }

    private static func plant(_ damage: Damage, _ bytes: [UInt8], _ digest: Digest, _ store: TestStore) throws {
        let file = store.file(of: digest)
        switch damage {
        case .missing: try store.directory.remove(file)
        case .short: try store.directory.write(Array(bytes.dropLast()), to: file)
        case .long: try store.directory.write(bytes + [0], to: file)
        }
    }

    /// Why a blob is not served; nil when it is.
    private static func absence(_ digest: Digest, _ store: TestStore, in name: String = "team/app") async throws
        -> BlobAbsence?
    {
        do {
            _ = try await store.registry.openBlob(digest, in: Sample.repository(name))
            return nil
        } catch RegistryError.blobUnknown(let named, let absence) {
            #expect(named == digest)
            return absence
        }
    }

    @Test(arguments: Damage.allCases)
    func damageIsNoticedRememberedAndHealedByTheNextPush(_ damage: Damage) async throws {
        try await TestStore.with { store in
            let bytes = Sample.bytes(1000)
            let digest = try await store.push(bytes)
            try await store.push(bytes, in: "team/other")
            try Self.plant(damage, bytes, digest, store)
            let first = damage == .missing ? BlobAbsence.fileMissing : .corrupt
            #expect(try await Self.absence(digest, store) == first)
            // Remembered: the row says so now, in every repository.
            #expect(try await Self.absence(digest, store) == .corrupt)
            #expect(try await Self.absence(digest, store, in: "team/other") == .corrupt)
            #expect(
                try await refusal { _ = try await store.registry.statBlob(digest, in: Sample.repository()) }
                    == "blobUnknown"
            )
            try await store.push(bytes)
            #expect(try await Self.absence(digest, store) == nil)
            #expect(try await Self.absence(digest, store, in: "team/other") == nil)
            #expect(try store.directory.read(store.file(of: digest)) == bytes)
        }
    }

    @Test(arguments: Damage.allCases)
    func headNoticesDamageToo(_ damage: Damage) async throws {
        try await TestStore.with { store in
            let bytes = Sample.bytes(1000)
            let digest = try await store.push(bytes)
            try Self.plant(damage, bytes, digest, store)
            #expect(
                try await refusal { _ = try await store.registry.statBlob(digest, in: Sample.repository()) }
                    == "blobUnknown"
            )
            #expect(try await store.catalog.blobRecord(digest)?.health == .corrupt)
        }
    }

    @Test func aBlobOfAnotherRepositoryIsNotSeen() async throws {
        try await TestStore.with { store in
            let digest = try await store.push(Sample.bytes(10))
            try await store.push(Sample.bytes(10, seed: 2), in: "team/other")
            #expect(try await Self.absence(digest, store, in: "team/other") == .notLinked)
            do {
                _ = try await store.registry.openBlob(digest, in: Sample.repository("unknown"))
                Issue.record("it was opened")
            } catch RegistryError.nameUnknown(let name) {
                #expect(name.description == "unknown")
            }
        }
    }

    @Test func manyPushesOfOneBlobAtOnceAreOneBlob() async throws {
        try await TestStore.with { store in
            let bytes = Sample.bytes(200_000)
            let digest = try Sample.digest(bytes)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        let name = try Sample.repository("team/app\(number % 3)")
                        if number.isMultiple(of: 2) {
                            try await store.push(bytes, in: name.description)
                        } else {
                            try await Self.upload(bytes, as: digest, in: name, store)
                        }
                        // Whoever was told that it is stored can read it, whatever the others do.
                        let file = try await store.registry.openBlob(digest, in: name)
                        #expect(try await file.read(at: 0, count: bytes.count) == ByteBuffer(bytes: bytes))
                    }
                }
                try await group.waitForAll()
            }
            #expect(store.directory.files(in: "blobs/sha256") == [digest.hex])
            #expect(store.directory.files(in: "uploads").isEmpty)
            let check = ConsistencyCheck(content: store.content, catalog: store.catalog, deep: true, repair: false)
            let report = try await check.run()
            #expect(report.problems.isEmpty && report.notices.isEmpty)
        }
    }

    private static func upload(
        _ bytes: [UInt8],
        as digest: Digest,
        in name: RepositoryName,
        _ store: TestStore
    ) async throws {
        let session = try await store.startUpload(in: name.description)
        let claim = try store.registry.claim(session)
        for start in stride(from: 0, to: bytes.count, by: 50_000) {
            try await claim.append(ByteBuffer(bytes: bytes[start..<min(start + 50_000, bytes.count)]))
        }
        try await store.registry.commit(claim, as: digest, in: name, caller: TestStore.caller)
    }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct MountTests {
    @Test func whatMayBeMountedIs() async throws {
        try await TestStore.with { store in
            let digest = try await store.push(Sample.bytes(100), in: "source")
            #expect(try await store.mount(digest, from: "source", to: "named"))
            #expect(try await store.mount(digest, from: nil, to: "unnamed"))
            for name in ["named", "unnamed"] {
                #expect(try await store.registry.statBlob(digest, in: Sample.repository(name)) == 100)
            }
        }
    }

    @Test func everyRefusalLooksTheSame() async throws {
        try await TestStore.with { store in
            let linked = try await store.push(Sample.bytes(100), in: "source")
            let absent = try Sample.digest(Array("absent".utf8))
            let gone = try await store.push(Sample.bytes(100, seed: 2), in: "source")
            try store.directory.remove(store.file(of: gone))
            let sick = try await store.push(Sample.bytes(100, seed: 3), in: "source")
            try await store.catalog.markBlob(sick, health: .corrupt)
            let short = try await store.push(Sample.bytes(100, seed: 5), in: "source")
            try store.directory.write(Sample.bytes(99, seed: 5), to: store.file(of: short))
            try await store.push(Sample.bytes(100, seed: 4), in: "other")
            let refusals: [(digest: Digest, source: String?)] = [
                (linked, "unknown"), (linked, "other"), (absent, "source"), (absent, "unknown"), (absent, nil),
                (gone, "source"), (gone, nil), (sick, "source"), (sick, nil),
                (short, "source"), (short, nil),
            ]
            for (digest, source) in refusals {
                #expect(try await !store.mount(digest, from: source, to: "target"), "\(source ?? "anywhere")")
                // Nothing is left of the attempt.
                #expect(try await !store.catalog.repositoryExists(Sample.repository("target")))
            }
            // Where it is known already, the next push heals it.
            #expect(try await store.catalog.blobRecord(short)?.health == .corrupt)
        }
    }
}
