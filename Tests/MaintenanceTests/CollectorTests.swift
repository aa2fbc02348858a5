// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import GRDB
import Maintenance
import OCI
import Registry
import TestSupport
import Testing

@Suite("The collector")
struct CollectorTests {
    @Test("a blob that was only pushed goes when its lease has ended, and not a second before")
    func leased() async throws {
        try await CollectorFixture.with { fixture in
            let digest = try await fixture.store.push(Sample.bytes(100))
            fixture.advance(CollectorFixture.lease)
            let early = await fixture.collector.turn()
            #expect(early.work == CollectionWork())
            fixture.advance(1)
            let turn = await fixture.collector.turn()
            #expect(turn.work.removedLinks == 1 && turn.work.removedBlobs == 1)
            #expect(turn.work.unusedBytes == 100 && turn.work.freedBytes == 100)
            #expect(!fixture.files.contains(digest.hex))
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test("a look at a blob renews its promise")
    func renewed() async throws {
        try await CollectorFixture.with { fixture in
            let digest = try await fixture.store.push(Sample.bytes(100))
            let name = try Sample.repository()
            fixture.advance(CollectorFixture.lease)
            _ = try await fixture.store.registry.statBlob(digest, in: name)
            fixture.advance(CollectorFixture.grace)
            await fixture.collector.turn()
            _ = try await fixture.store.registry.statBlob(digest, in: name)
            fixture.advance(CollectorFixture.lease + 1)
            await fixture.collector.turn()
            await #expect(throws: RegistryError.self) { try await fixture.store.registry.statBlob(digest, in: name) }
        }
    }

    @Test("what an image refers to stays for ever; deleted, it stays for the undo window and then a grace")
    func image() async throws {
        try await CollectorFixture.with { fixture in
            let image = try await fixture.store.putImage(seed: 1, tag: "v1")
            try await fixture.collectAll()
            #expect(fixture.files.count == 3)
            try await fixture.store.delete(.digest(image))
            fixture.advance(CollectorFixture.undo)
            let early = await fixture.collector.turn()
            #expect(early.work.purgedManifests == 0)
            fixture.advance(1)
            let purge = await fixture.collector.turn()
            #expect(purge.work.purgedManifests == 1 && purge.work.removedLinks == 0)
            fixture.advance(CollectorFixture.grace)
            let graced = await fixture.collector.turn()
            #expect(graced.work.removedLinks == 0, "losing the last reference begins a grace")
            fixture.advance(1)
            let last = await fixture.collector.turn()
            #expect(last.work.removedLinks == 3 && last.work.removedBlobs == 3)
            #expect(fixture.files.isEmpty)
            let (usage, stored) = try await (
                fixture.store.catalog.usage(prefix: ""), fixture.store.catalog.storedBytes()
            )
            #expect(usage == 0 && stored.bytes == 0 && stored.blobs == 0)
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test("a push of a purged image whose blobs are still promised needs no blob again")
    func putAfterPurge() async throws {
        try await CollectorFixture.with { fixture in
            let store = fixture.store
            let image = try await store.putImage(seed: 1)
            let bytes = try Sample.image(layers: [Sample.bytes(64, seed: 1)])
            try await store.delete(.digest(image))
            fixture.advance(CollectorFixture.undo + 1)
            await fixture.collector.turn()
            fixture.advance(CollectorFixture.grace)
            await fixture.collector.turn()
            let again = try await store.put(bytes, tag: "v1")
            #expect(again == image)
            try await fixture.collectAll()
            #expect(fixture.files.count == 3)
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test("a trashed image that is put again before its purge is not purged")
    func revived() async throws {
        try await CollectorFixture.with { fixture in
            let image = try await fixture.store.putImage(seed: 1)
            try await fixture.store.delete(.digest(image))
            fixture.advance(CollectorFixture.undo + 1)
            try await fixture.store.put(try Sample.image(layers: [Sample.bytes(64, seed: 1)]), tag: "v1")
            let turn = await fixture.collector.turn()
            #expect(turn.work.purgedManifests == 0)
            #expect(try await fixture.store.get("v1") == image)
        }
    }

    @Test("an index and its image, trashed together, are purged in one turn, parents first")
    func nested() async throws {
        try await CollectorFixture.with { fixture in
            let store = fixture.store
            let image = try await store.putImage(seed: 1)
            let child = try Sample.image(layers: [Sample.bytes(64, seed: 1)])
            let index = try await store.put(try Sample.index([child]), tag: "all")
            try await store.delete(.digest(index))
            // The image's window ends before that of the index would.
            try await store.delete(.digest(image))
            try await fixture.sql { try $0.execute(sql: "UPDATE manifest SET purge_after_st = 5 WHERE depth = 0") }
            fixture.advance(10)
            let early = await fixture.collector.turn()
            #expect(early.work == CollectionWork(), "an index that can be brought back needs its image")
            fixture.advance(CollectorFixture.undo)
            let turn = await fixture.collector.turn()
            #expect(turn.work.purgedManifests == 2)
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test("a blob that another repository has stays, and its bytes leave the account of the first")
    func shared() async throws {
        try await CollectorFixture.with { fixture in
            let store = fixture.store
            let layer = Sample.bytes(64, seed: 1)
            try await store.putImage(seed: 1, in: "kept")
            let digest = try await store.push(layer, in: "lost")
            try await fixture.collectAll()
            #expect(fixture.files.contains(digest.hex))
            let (kept, lost) = try await (store.catalog.usage(prefix: "kept"), store.catalog.usage(prefix: "lost"))
            #expect(kept > 0 && lost == 0)
        }
    }

    @Test("a hidden blob leaves the account once, and a push brings it back into it")
    func hidden() async throws {
        try await CollectorFixture.with { fixture in
            let store = fixture.store
            let bytes = Sample.bytes(64, seed: 1)
            let digest = try await store.push(bytes)
            try await store.registry.deleteBlob(digest, in: Sample.repository(), caller: TestStore.caller)
            var used = try await store.catalog.usage(prefix: "")
            #expect(used == 0)
            try await store.push(bytes)
            used = try await store.catalog.usage(prefix: "")
            #expect(used == 64)
            try await store.registry.deleteBlob(digest, in: Sample.repository(), caller: TestStore.caller)
            try await fixture.collectAll()
            #expect(fixture.files.isEmpty)
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test("a pinned manifest in the trash is not purged")
    func pinned() async throws {
        try await CollectorFixture.with { fixture in
            let image = try await fixture.store.putImage(seed: 1)
            try await fixture.store.delete(.digest(image))
            try await fixture.sql { database in
                try database.execute(
                    sql: """
                        INSERT INTO pin(repo_id, kind, digest, reason, actor, since)
                        SELECT repo_id, 'hold', digest, 'court', 'someone', 0 FROM manifest
                        """
                )
            }
            try await fixture.collectAll()
            #expect(fixture.files.count == 3)
            try await fixture.sql { try $0.execute(sql: "DELETE FROM pin") }
            try await fixture.collectAll()
            #expect(fixture.files.isEmpty)
        }
    }

    @Test("what a purge leaves of trust, scans and attachments is nothing")
    func leftovers() async throws {
        try await CollectorFixture.with { fixture in
            let store = fixture.store
            let image = try await store.putImage(seed: 1)
            let name = try Sample.repository()
            try await store.catalog.enqueueScan(of: image, in: name)
            _ = try await store.catalog.keepVerdict([1], on: image, tag: "", in: name, generation: 0)
            try await store.catalog.keepLayerScan([1], of: Sample.digest(Sample.bytes(64, seed: 1)), scanner: 1)
            _ = try await store.catalog.setQuarantine(image, reason: "bad", context: TestStore.caller.context)
            try await store.put(try Sample.image(subject: Sample.image(layers: [Sample.bytes(64, seed: 1)])))
            let before = try await fixture.count("SELECT COUNT(*) FROM trust")
            #expect(before > 0)
            try await store.delete(.digest(image))
            try await fixture.collectAll()
            for table in ["trust", "trust_verdict", "scan_queue", "layer_scan"] {
                let rows = try await fixture.count("SELECT COUNT(*) FROM \(table)")
                #expect(rows == 0, "\(table)")
            }
            let quarantined = try await fixture.count("SELECT COUNT(*) FROM quarantine")
            #expect(quarantined == 1, "a quarantine is about the digest")
            let events = try await fixture.count("SELECT COUNT(*) FROM event WHERE kind = 'manifest.purge'")
            #expect(events == 1)
        }
    }
}
