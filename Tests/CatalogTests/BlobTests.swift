// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

@Suite struct BlobTests {
    private static func link(_ catalog: Catalog, _ digest: Digest, in name: String = "team/app") async throws
        -> BlobLink?
    {
        if case .present(let link) = try await catalog.blob(digest, in: Sample.repository(name)) { link } else { nil }
    }

    @Test(arguments: Digest.Algorithm.allCases)
    func anUploadedBlobIsSeenWhereItWasPushedOnly(algorithm: Digest.Algorithm) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try Sample.digest(7, algorithm)
        let name = try Sample.repository()
        try await catalog.createUpload("u", in: name, lifetime: 10, context: Sample.context)
        let first = try await catalog.linkUploadedBlob(
            digest,
            size: 7,
            in: name,
            upload: "u",
            context: Sample.context
        )
        let second = try await catalog.linkUploadedBlob(
            digest,
            size: 7,
            in: name,
            upload: nil,
            context: Sample.context
        )
        #expect(first == .linked(isNew: true) && second == .linked(isNew: false))
        #expect(try await catalog.upload("u") == nil)
        let link = try #require(try await BlobTests.link(catalog, digest))
        #expect(link.digest == digest && link.size == 7)
        #expect(!link.isReferenced && link.leaseRemaining == Sample.lease)
        #expect(try await catalog.blob(digest, in: Sample.repository("team/other")) == .absent)
        #expect(try await catalog.blobRecord(digest)?.state == .live)
        #expect(try fixture.count("SELECT SUM(bytes) FROM usage_delta") == 7)
        #expect(try await fixture.problems() == [])
    }

    // MARK: - Leases

    /// Seconds after the push, and the seconds left after a touch: one with less than the grace left is renewed.
    @Test(arguments: [
        (0, 1_500), (499, 1_001), (500, 1_000), (501, 1_500), (1_499, 1_500), (1_501, 1_500), (9_000, 1_500),
    ])
    func aTouchGrantsTheGrace(age: Int64, left: Int64) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try await catalog.link(1)
        fixture.clock.advance(seconds: age)
        guard case .present(let link) = try await catalog.touchBlob(digest, in: Sample.repository()) else {
            Issue.record("absent")
            return
        }
        #expect(link.leaseRemaining == left)
        #expect(try fixture.count("SELECT lease_until_st FROM repo_blob") == Int(age + left))
    }

    @Test func aTouchOfAReferencedBlobWritesNothing() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        #expect(try await catalog.put(SampleManifest.image(1)).isStored)
        fixture.clock.advance(seconds: 9_000)
        let found = try await catalog.touchBlob(Sample.digest(0), in: Sample.repository())
        guard case .present(let link) = found else {
            Issue.record("absent")
            return
        }
        #expect(link.isReferenced && link.leaseRemaining == Sample.lease - 9_000)
        #expect(try fixture.count("SELECT MAX(lease_until_st) FROM repo_blob") == Int(Sample.lease))
    }

    @Test func aStepOfTheWallClockEndsNoLease() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try await catalog.link(1)
        fixture.clock.setWall(milliseconds: 4_000_000_000_000)
        #expect(try await BlobTests.link(catalog, digest)?.leaseRemaining == Sample.lease)
        fixture.clock.setWall(milliseconds: 0)
        #expect(try await BlobTests.link(catalog, digest)?.leaseRemaining == Sample.lease)
    }

    /// A collector that removed the link between the look and the renewal: the client must not be told it is there.
    @Test func aRenewalThatFindsNothingSaysSo() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try await catalog.link(1)
        let name = try Sample.repository()
        #expect(try await catalog.renewLease(digest, in: name))
        try fixture.raw { try $0.execute(sql: "UPDATE repo_blob SET hidden = 1") }
        #expect(try await !catalog.renewLease(digest, in: name))
        #expect(try await catalog.touchBlob(digest, in: name) == .absent)
        #expect(try await !catalog.renewLease(Sample.digest(2), in: name))
        #expect(try await !catalog.renewLease(digest, in: Sample.repository("team/other")))
    }

    @Test func aPushDoesNotShortenALease() async throws {
        let fixture = try CatalogFixture()
        let digest = try await fixture.catalog.link(1)
        try fixture.raw { try $0.execute(sql: "UPDATE repo_blob SET lease_until_st = 99999") }
        try await fixture.catalog.link(1)
        #expect(try await fixture.catalog.renewLease(digest, in: Sample.repository()))
        #expect(try fixture.count("SELECT lease_until_st FROM repo_blob") == 99_999)
    }

    // MARK: - Mount

    @Test func aMountNeedsAReadableVisibleWholeSource() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try await catalog.link(1, in: "source")
        let (source, other, target) = (
            try Sample.repository("source"), try Sample.repository("other"), try Sample.repository("target")
        )
        func mount(from: RepositoryName?, readable: Set<RepositoryName>) async throws -> Bool {
            try await catalog.mount(
                digest,
                from: from,
                to: target,
                isReadable: { readable.contains($0) },
                context: Sample.context
            ) == .mounted
        }
        #expect(try await !mount(from: source, readable: []))
        #expect(try await !mount(from: other, readable: [source, other]))
        #expect(try await !mount(from: nil, readable: [other]))
        #expect(try fixture.count("SELECT COUNT(*) FROM repo WHERE name = 'target'") == 0)
        #expect(try await mount(from: source, readable: [source]))
        #expect(try await BlobTests.link(catalog, digest, in: "target")?.size == 1)
        #expect(try await mount(from: nil, readable: [source]))

        _ = try await catalog.deleteBlob(digest, in: source, context: Sample.context)
        #expect(try await !mount(from: source, readable: [source]))
        #expect(try await mount(from: nil, readable: [target]))
        #expect(try await catalog.markBlob(digest, health: .corrupt))
        #expect(try await !mount(from: nil, readable: [source, target]))
        #expect(try await fixture.problems() == [])
    }

    @Test func aMountBringsAHiddenLinkBack() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try await catalog.link(1, in: "source")
        try await catalog.link(1, in: "target")
        let target = try Sample.repository("target")
        #expect(try await catalog.deleteBlob(digest, in: target, context: Sample.context) == .deleted)
        #expect(try await catalog.blob(digest, in: target) == .absent)
        #expect(
            try await catalog.mount(digest, from: nil, to: target, isReadable: { _ in true }, context: Sample.context)
                == .mounted
        )
        #expect(try await BlobTests.link(catalog, digest, in: "target") != nil)
        #expect(try fixture.count("SELECT SUM(bytes) FROM usage_delta") == 2)
    }

    @Test func aMountLooksAtABoundedNumberOfLinks() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for number in 0..<120 { try await catalog.link(1, in: "r\(number)") }
        let readable = try Sample.repository("r119")
        let mounted = try await catalog.mount(
            Sample.digest(1),
            from: nil,
            to: Sample.repository("target"),
            isReadable: { $0 == readable },
            context: Sample.context
        )
        #expect(mounted == .notMountable)
    }

    // MARK: - Delete and health

    @Test func aBlobOfALiveManifestIsNotDeleted() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        let (config, name) = (try Sample.digest(0), try Sample.repository())
        #expect(try await catalog.put(image).isStored)
        #expect(
            try await catalog.deleteBlob(config, in: name, context: Sample.context)
                == .referenced(by: [image.digest])
        )
        #expect(
            try await catalog.deleteBlob(image.digest, in: name, context: Sample.context)
                == .referenced(by: [image.digest])
        )
        _ = try await catalog.delete(image.digest)
        #expect(try await catalog.deleteBlob(config, in: name, context: Sample.context) == .deleted)
        #expect(try await catalog.deleteBlob(config, in: name, context: Sample.context) == .notFound)
        #expect(try await catalog.blob(config, in: name) == .absent)
        #expect(try await catalog.touchBlob(config, in: name) == .absent)
        #expect(try fixture.count("SELECT COUNT(*) FROM gc_queue WHERE reason = 'hidden'") == 1)
        // The trashed manifest still holds the row, and a push brings the blob back into sight.
        try await catalog.linkConfig()
        #expect(try await catalog.put(image).isStored)
        #expect(try await fixture.problems() == [])
    }

    @Test func aBlobIsDeletedInOneRepositoryOnly() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try await catalog.link(1, in: "one")
        try await catalog.link(1, in: "two")
        #expect(
            try await catalog.deleteBlob(digest, in: Sample.repository("one"), context: Sample.context) == .deleted
        )
        #expect(try await BlobTests.link(catalog, digest, in: "two") != nil)
        #expect(
            try await catalog.deleteBlob(digest, in: Sample.repository("none"), context: Sample.context) == .notFound
        )
    }

    @Test func aCorruptBlobIsToldApartAndHealedByAPush() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try await catalog.link(1)
        let name = try Sample.repository()
        #expect(try await catalog.markBlob(digest, health: .corrupt))
        #expect(try await !catalog.markBlob(digest, health: .corrupt))
        #expect(try await !catalog.markBlob(Sample.digest(2), health: .corrupt))
        #expect(try await catalog.blob(digest, in: name) == .corrupt)
        fixture.clock.advance(seconds: 1_400)
        #expect(try await catalog.touchBlob(digest, in: name) == .corrupt)
        #expect(try await !catalog.renewLease(digest, in: name))
        try await catalog.link(1)
        #expect(try await BlobTests.link(catalog, digest) != nil)
    }

    @Test func aPushRevivesACondemnedBlob() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let digest = try await catalog.link(1)
        try fixture.raw { database in
            try database.execute(sql: "DELETE FROM repo_blob")
            try database.execute(sql: "UPDATE blob SET state = 'condemned', condemned_st = 5")
        }
        #expect(try await catalog.blobRecord(digest)?.state == .condemned)
        try await catalog.link(1)
        #expect(try await catalog.blobRecord(digest)?.state == .live)
        #expect(try fixture.count("SELECT COUNT(*) FROM blob WHERE condemned_st IS NULL") == 1)
    }

    // MARK: - Uploads

    @Test func uploadsAreKeptForRecovery() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let name = try Sample.repository()
        for id in ["c", "a", "b"] {
            try await catalog.createUpload(id, in: name, lifetime: 100, context: Sample.context)
        }
        #expect(try await catalog.updateUpload("b", durableOffset: 4_096))
        fixture.clock.advance(seconds: 50)
        #expect(try await catalog.updateUpload("c", durableOffset: 8, lifetime: 100))
        #expect(try await !catalog.updateUpload("z", durableOffset: 1))
        let reopened = try fixture.reopen()
        let all = try await reopened.uploads(after: nil, limit: 10)
        #expect(all.map(\.id) == ["a", "b", "c"])
        #expect(all.map(\.durableOffset) == [0, 4_096, 8])
        #expect(all.map(\.expires.seconds) == [100, 100, 150])
        #expect(all.map(\.repository) == [name, name, name] && all.map(\.actor) == ["someone", "someone", "someone"])
        #expect(try await reopened.uploads(after: "a", limit: 1).map(\.id) == ["b"])
        #expect(try await reopened.upload("b") == all[1])

        #expect(reopened.serviceTime.seconds == 50)
        fixture.clock.advance(seconds: 50)
        #expect(try await Set(reopened.expireUploads(limit: 10)) == ["a", "b"])
        #expect(try await reopened.deleteUpload("c"))
        #expect(try await !reopened.deleteUpload("c"))
        #expect(try await reopened.uploads(after: nil, limit: 10) == [])
    }
}
