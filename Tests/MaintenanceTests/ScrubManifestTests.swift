// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Maintenance
import NIOCore
import OCI
import Registry
import TestSupport
import Testing

/// A manifest is there twice: as a file, and in the catalog. Either heals the other.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ScrubManifestTests {
    private static let names = ["team/app", "team/other"]

    /// The same image in two repositories, under a tag; read once, so that it is in the cache.
    private static func push(_ store: TestStore) async throws -> (digest: Digest, bytes: [UInt8]) {
        let bytes = try Sample.image()
        var digest = try Sample.digest(bytes)
        for name in names {
            try await store.push(Array("{}".utf8), in: name)
            digest = try await store.put(bytes, tag: "v1", in: name)
            _ = try await store.get("v1", in: name)
        }
        return (digest, bytes)
    }

    /// What is served under the tag; nil where it is known to be damaged.
    private static func served(_ store: TestStore, in name: String) async throws -> [UInt8]? {
        do {
            let manifest = try await store.registry.manifest(
                .tag(Sample.tag("v1")),
                in: Sample.repository(name)
            )
            return Array(manifest.bytes.readableBytesView)
        } catch RegistryError.manifestDamaged {
            return nil
        }
    }

    private static func copies(_ test: ScrubFixture, _ digest: Digest) async throws -> [[UInt8]] {
        try await test.store.catalog.manifestCopies(of: digest, after: nil, limit: 10).map(\.payload)
    }

    @Test func aDamagedFileIsWrittenFromTheCopy() async throws {
        try await ScrubFixture.with { test in
            let (digest, bytes) = try await Self.push(test.store)
            try test.flip(digest)
            let scrubber = test.scrubber()
            try await scrubber.turn()
            #expect(try test.store.directory.read(test.store.file(of: digest)) == bytes)
            let (health, status) = (try await test.health(digest), try await scrubber.status())
            #expect(health == .ok && test.quarantined().count == 1)
            #expect(status.found == 1 && status.healed == 1 && status.damaged.isEmpty)
        }
    }

    @Test func aDamagedCopyIsWrittenFromTheFile() async throws {
        try await ScrubFixture.with { test in
            let (digest, bytes) = try await Self.push(test.store)
            try await test.spoilCopies(of: digest)
            try await test.scrubber().turn()
            let copies = try await Self.copies(test, digest)
            #expect(copies == [bytes, bytes])
        }
    }

    @Test func aDamagedCopyIsNeverServed() async throws {
        try await ScrubFixture.with { test in
            let (digest, bytes) = try await Self.push(test.store)
            try await test.spoilCopies(of: digest)
            // Something changes, so that the cache holds nothing of before.
            for name in Self.names { try await test.store.push([1], in: name) }
            for name in Self.names {
                let served = try await Self.served(test.store, in: name)
                #expect(served == bytes)
            }
            let copies = try await Self.copies(test, digest)
            #expect(copies == [bytes, bytes])
        }
    }

    enum Push: CaseIterable, Sendable { case manifest, blob }

    @Test(arguments: Push.allCases)
    func withBothDamagedItIsAbsentUntilItIsPushedAgain(_ push: Push) async throws {
        try await ScrubFixture.with { test in
            let store = test.store
            let (digest, bytes) = try await Self.push(store)
            try test.flip(digest)
            try await test.spoilCopies(of: digest)
            let scrubber = test.scrubber()
            try await scrubber.turn()
            for name in Self.names {
                // Although it was in the cache.
                let served = try await Self.served(store, in: name)
                let absence = try await test.absence(digest, in: name)
                #expect(served == nil && absence == .corrupt)
                let cached = store.registry.cachedManifest(.tag(try Sample.tag("v1")), in: try Sample.repository(name))
                #expect(cached == nil)
            }
            switch push {
            case .manifest: try await store.put(bytes, in: "team/app")
            case .blob: try await store.push(bytes, in: "team/app")
            }
            for name in Self.names {
                let served = try await Self.served(store, in: name)
                let absence = try await test.absence(digest, in: name)
                #expect(served == bytes && absence == nil)
            }
            let status = try await scrubber.status()
            #expect(status.found == 1 && status.healed == 1)
        }
    }

    @Test func aMissingFileThatARequestNoticesIsRestoredByTheNextReadOfTheManifest() async throws {
        try await ScrubFixture.with { test in
            let (digest, bytes) = try await Self.push(test.store)
            try test.store.directory.remove(test.store.file(of: digest))
            let absence = try await test.absence(digest)
            #expect(absence == .fileMissing)
            let served = try await Self.served(test.store, in: "team/app")
            #expect(served == bytes)
            #expect(try test.store.directory.read(test.store.file(of: digest)) == bytes)
            let after = try await test.absence(digest)
            #expect(after == nil)
        }
    }
}
