// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

@Suite struct CatalogCollectingTests {
    @Test func aBatchJudgesNoMoreThanItsLimit() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for seed in 1...25 { try await catalog.link(seed) }
        fixture.clock.advance(seconds: Sample.lease + 1)
        let first = try await catalog.collectLinks(limit: 10)
        #expect(first.examined == 10 && first.removed == 10 && first.condemned == 10 && first.hasMore)
        _ = try await catalog.collectLinks(limit: 10)
        let last = try await catalog.collectLinks(limit: 10)
        #expect(last.removed == 5 && !last.hasMore)
        #expect(try await fixture.problems() == [])
    }

    @Test func aReferencedLinkLeavesTheQueueAndComesBackWithItsLastReference() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let layer = try await catalog.link(5)
        let image = try SampleManifest.image(1, layers: [(layer, 5)])
        _ = try await catalog.put(image)
        fixture.clock.advance(seconds: Sample.lease + 1)
        let kept = try await catalog.collectLinks(limit: 100)
        #expect(kept.examined == 3 && kept.removed == 0)
        #expect(try fixture.count("SELECT COUNT(*) FROM gc_queue") == 0)
        _ = try await catalog.delete(image.digest)
        fixture.clock.advance(seconds: Sample.undo + 1)
        let purge = try await catalog.purgeManifests(limit: 10, context: Sample.context)
        #expect(purge.purged == 1 && purge.queuedLinks == 3)
        #expect(try fixture.count("SELECT COUNT(*) FROM gc_queue WHERE reason = 'unreferenced'") == 3)
        #expect(try await fixture.problems() == [])
    }

    @Test func losingTheLastReferenceNeverShortensALease() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        _ = try await catalog.put(image)
        _ = try await catalog.delete(image.digest)
        fixture.clock.advance(seconds: Sample.undo + 1)
        try await catalog.linkConfig()
        _ = try await catalog.purgeManifests(limit: 10, context: Sample.context)
        fixture.clock.advance(seconds: Sample.lease)
        _ = try await catalog.collectLinks(limit: 100)
        guard case .present = try await catalog.blob(Sample.digest(0), in: Sample.repository()) else {
            Issue.record("a lease was shortened")
            return
        }
    }

    @Test func aLinkThatCannotBeJudgedIsKeptAndDoesNotKeepTheOthers() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for seed in 1...3 { try await catalog.link(seed) }
        let bad = try Sample.digest(2)
        try fixture.raw { database in
            try database.execute(
                sql: """
                    CREATE TRIGGER refuse BEFORE DELETE ON repo_blob WHEN old.digest = x'\(bad.storageHex)'
                    BEGIN SELECT RAISE(ABORT, 'not this one'); END
                    """
            )
        }
        fixture.clock.advance(seconds: Sample.lease + 1)
        let collection = try await catalog.collectLinks(limit: 100)
        #expect(collection.removed == 2 && collection.failed == 1)
        let again = try await catalog.collectLinks(limit: 100)
        #expect(again.examined == 0, "it is looked at later")
        #expect(try fixture.count("SELECT attempts FROM gc_queue") == 1)
    }

    @Test func onlyWhatIsCondemnedAndNotLinkedIsDeleted() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let (gone, back, live) = (try await catalog.link(1), try await catalog.link(2), try await catalog.link(3))
        fixture.clock.advance(seconds: Sample.lease + 1)
        _ = try await catalog.touchBlob(live, in: Sample.repository())
        _ = try await catalog.collectLinks(limit: 100)
        try await catalog.link(2, in: "other")
        let condemned = try await catalog.condemnedBlobs(after: nil, limit: 100)
        #expect(condemned.map(\.digest) == [gone] && condemned.first?.size == 1)
        let all = [gone, back, live]
        #expect(try await catalog.stillCondemned(all) == [gone])
        let removal = try await catalog.deleteCondemned(all)
        #expect(removal == BlobRemoval(blobs: 1, bytes: 1))
        let stored = try await catalog.storedBytes()
        #expect(stored == StoredBytes(bytes: 5, blobs: 2))
        #expect(try await fixture.problems() == [])
    }

    @Test func condemnedBlobsArePagedInTheOrderOfTheirCondemnation() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for round in 0..<3 {
            for seed in 0..<4 { try await catalog.link(round * 4 + seed + 1) }
            fixture.clock.advance(seconds: Sample.lease + 1)
            _ = try await catalog.collectLinks(limit: 100)
        }
        var (seen, last): ([CondemnedBlob], CondemnedBlob?) = ([], nil)
        while true {
            let page = try await catalog.condemnedBlobs(after: last, limit: 3)
            seen += page
            guard page.count == 3 else { break }
            last = page.last
        }
        #expect(seen.count == 12 && Set(seen.map(\.digest)).count == 12)
        #expect(seen.map(\.since) == seen.map(\.since).sorted())
    }

    @Test func whatIsStoredIsFoldedToOneRowAndStaysRight() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for seed in 1...20 { try await catalog.link(seed) }
        try await catalog.link(3, in: "other")
        try await catalog.housekeep()
        #expect(try fixture.count("SELECT COUNT(*) FROM stored") == 1)
        let stored = try await catalog.storedBytes()
        #expect(stored == StoredBytes(bytes: 210, blobs: 20))
        #expect(try await fixture.problems() == [])
    }

    @Test func theTimeUntilSomethingIsDueIsThatOfTheFirst() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        #expect(try await catalog.secondsUntilCollectable() == nil)
        try await catalog.link(1)
        #expect(try await catalog.secondsUntilCollectable() == Sample.lease + 1)
        fixture.clock.advance(seconds: Sample.lease)
        #expect(try await catalog.secondsUntilCollectable() == 1)
        fixture.clock.advance(seconds: 1)
        #expect(try await catalog.secondsUntilCollectable() == 0)
        let backlog = try await catalog.collectionBacklog()
        #expect(backlog.queuedLinks == 1 && backlog.dueLinks == 1 && backlog.oldestSeconds == 1)
        _ = try await catalog.collectLinks(limit: 100)
        #expect(try await catalog.secondsUntilCollectable() == 0, "a condemned blob is always due")
    }

    @Test func whatKeepsABlobIsSaidOnceForEach() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let (kept, trashed) = (try await catalog.link(10), try await catalog.link(20))
        _ = try await catalog.put(SampleManifest.image(1, layers: [(kept, 10)]))
        let image = try SampleManifest.image(2, layers: [(kept, 10), (trashed, 20)])
        _ = try await catalog.put(image)
        _ = try await catalog.delete(image.digest)
        try await catalog.link(40)
        let (sums, next) = try await catalog.storageCategories(after: nil)
        #expect(next == nil)
        #expect(sums.live.blobs == 3 && sums.trashed.blobs == 2 && sums.leased == StorageSum(blobs: 1, bytes: 40))
        #expect(sums.condemned.blobs == 0)
    }

    /// A catalog of the version before has no bookings of what is stored, and queued nothing that lost its reference.
    @Test func anOlderCatalogIsBookedAndQueued() async throws {
        let fixture = try CatalogFixture(prepare: { path in
            try Catalog.create(path: path, upTo: "4-trust")
            try DatabaseQueue(path: path).write { database in
                try database.execute(
                    sql: """
                        INSERT INTO repo(id, name) VALUES (1, 'old');
                        INSERT INTO blob(digest, size, state) VALUES (x'01' , 7, 'live'), (x'02', 5, 'live');
                        INSERT INTO repo_blob(repo_id, digest, lease_until_st, linked_at) VALUES (1, x'01', 3, 0),
                            (1, x'02', 9, 0);
                        INSERT INTO usage(repo_id, logical_bytes, manifests, tags) VALUES (1, 12, 0, 0);
                        """
                )
            }
        })
        let stored = try await fixture.catalog.storedBytes()
        #expect(stored == StoredBytes(bytes: 12, blobs: 2))
        #expect(try fixture.count("SELECT COUNT(*) FROM gc_queue WHERE reason = 'upgrade'") == 2)
        #expect(try await fixture.problems() == [])
    }
}

extension Digest {
    fileprivate var storageHex: String {
        storageBytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
