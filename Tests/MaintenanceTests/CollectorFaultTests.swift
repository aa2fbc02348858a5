// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import GRDB
import Glibc
import Maintenance
import OCI
import Registry
import Synchronization
import TestSupport
import Testing

@Suite("The collector and what goes wrong")
struct CollectorFaultTests {
    @Test("a blob that is pushed again between its condemnation and its removal stays")
    func condemnedAndPushed() async throws {
        let bytes = Sample.bytes(64)
        let deletion = Hold()
        try await CollectorFixture.with(filesystem: deletion.filesystem) { fixture in
            let digest = try await fixture.store.push(bytes)
            fixture.advance(CollectorFixture.lease + 1)
            deletion.refuses.withLock { $0 = true }
            let refused = await fixture.collector.turn()
            #expect(refused.work.removedLinks == 1 && refused.work.removedBlobs == 0)
            #expect(refused.work.failures == 1)
            try await fixture.store.push(bytes, in: "other")
            deletion.refuses.withLock { $0 = false }
            let turn = await fixture.collector.turn()
            #expect(turn.work.removedBlobs == 0)
            _ = try await fixture.store.registry.statBlob(digest, in: Sample.repository("other"))
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test("a push during the removal of its blob brings it back, whichever comes first")
    func pushDuringRemoval() async throws {
        for round in 0..<20 {
            try await CollectorFixture.with { fixture in
                let bytes = Sample.bytes(64, seed: UInt64(round))
                let digest = try await fixture.store.push(bytes)
                fixture.advance(CollectorFixture.lease + 1)
                async let turn = fixture.collector.turn()
                for _ in 0..<round { await Task.yield() }
                try await fixture.store.push(bytes)
                _ = await turn
                _ = try await fixture.store.registry.statBlob(digest, in: Sample.repository())
                #expect(fixture.files == [digest.hex])
                let problems = try await fixture.problems()
                #expect(problems.isEmpty)
            }
        }
    }

    @Test("files that cannot be deleted do not keep the others, and go later")
    func refusedFiles() async throws {
        let deletion = Hold()
        try await CollectorFixture.with(filesystem: deletion.filesystem) { fixture in
            let bad = try await fixture.store.push(Sample.bytes(64, seed: 0))
            deletion.path.withLock { $0 = fixture.store.content.layout.blob(bad) }
            for seed in 1...600 { try await fixture.store.push(Sample.bytes(64, seed: UInt64(seed))) }
            fixture.advance(CollectorFixture.lease + 1)
            deletion.refuses.withLock { $0 = true }
            let turn = await fixture.collector.turn()
            #expect(turn.work.removedBlobs == 600 && turn.work.failures == 1)
            #expect(fixture.files == [bad.hex])
            deletion.refuses.withLock { $0 = false }
            let again = await fixture.collector.turn()
            #expect(again.work.removedBlobs == 1)
            #expect(fixture.files.isEmpty)
        }
    }

    @Test("after a stop in the middle the rows say what is left, and the next process does it")
    func resumed() async throws {
        let (directory, clock) = (try TemporaryDirectory(), ManualClock())
        let deletion = Hold()
        try await CollectorFixture.with(in: directory, clock: clock, filesystem: deletion.filesystem) { fixture in
            for seed in 1...10 { try await fixture.store.push(Sample.bytes(64, seed: UInt64(seed))) }
            fixture.advance(CollectorFixture.lease + 1)
            deletion.refuses.withLock { $0 = true }
            await fixture.collector.turn()
            #expect(fixture.files.count == 10)
            // One file went and its row did not: a crash between the unlink and the record.
            try directory.remove("blobs/sha256/\(fixture.files.sorted()[0])")
        }
        try await CollectorFixture.with(in: directory, clock: clock) { fixture in
            let turn = await fixture.collector.turn()
            #expect(turn.work.removedBlobs == 10)
            #expect(fixture.files.isEmpty)
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test("files that no row speaks of go once they are older than the grace period, and only they")
    func orphans() async throws {
        try await CollectorFixture.with { fixture in
            let kept = try await fixture.store.putImage(seed: 1)
            let orphan = try Sample.digest(Sample.bytes(64, seed: 9))
            try await fixture.store.content.put(Sample.bytes(64, seed: 9), digest: orphan) {}
            var found = try await fixture.collector.collectOrphans()
            #expect(found == 0, "it is young")
            let old = CollectorFixture.collector(
                over: fixture.store,
                .fastest,
                FineClock(),
                ahead: CollectorFixture.grace + 2
            )
            found = try await old.collectOrphans()
            #expect(found == 1)
            let stored = try await fixture.store.catalog.storedBytes()
            #expect(stored.blobs == 4)
            let turn = await old.turn()
            #expect(turn.work.removedBlobs == 1)
            #expect(!fixture.files.contains(orphan.hex) && fixture.files.contains(kept.hex))
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test("a push that is under way makes its file no orphan")
    func orphanBeingPushed() async throws {
        try await CollectorFixture.with { fixture in
            let bytes = Sample.bytes(64, seed: 9)
            let digest = try Sample.digest(bytes)
            let size = Int64(bytes.count)
            try await fixture.store.content.put(bytes, digest: digest) {
                let condemned = try await fixture.store.catalog.condemnFiles([(digest: digest, size: size)])
                #expect(condemned == 1)
                _ = try await fixture.store.catalog.linkUploadedBlob(
                    digest,
                    size: size,
                    in: Sample.repository(),
                    upload: nil,
                    context: TestStore.caller.context
                )
            }
            await fixture.collector.turn()
            #expect(fixture.files == [digest.hex])
            let problems = try await fixture.problems()
            #expect(problems.isEmpty)
        }
    }

    @Test(
        "an audit finds what is not queued, not counted, or not condemned, and changes nothing",
        arguments: [
            "DELETE FROM gc_queue", "UPDATE usage_delta SET bytes = bytes + 1 WHERE repo_id <> 0",
            "INSERT INTO blob(digest, size, state) SELECT CAST(x'01' || randomblob(32) AS BLOB), 1, 'live'",
            "UPDATE stored SET bytes = bytes + 1",
            "UPDATE blob SET state = 'condemned', condemned_st = 0",
            "UPDATE manifest SET live = 0, purge_after_st = 1 WHERE depth = 0",
        ]
    )
    func drift(damage: String) async throws {
        try await CollectorFixture.with { fixture in
            try await fixture.store.putImage(seed: 1)
            try await fixture.store.put(try Sample.index([Sample.image(layers: [Sample.bytes(64, seed: 1)])]))
            try await fixture.store.push(Sample.bytes(64, seed: 2))
            let sound = try await fixture.collector.audit()
            #expect(sound.findings.isEmpty && sound.links == 5 && sound.blobs == 5 && sound.manifests == 2)
            try await fixture.sql { try $0.execute(sql: damage) }
            let summary = try await fixture.collector.audit()
            #expect(summary.findingCount > 0)
            #expect(fixture.files.count == 5)
        }
    }
}

/// A file system that refuses to delete blobs, all or one, while a test wants that.
private final class Hold: Sendable {
    let refuses = Mutex(false)
    let path = Mutex("")

    var filesystem: Filesystem {
        var filesystem = Filesystem.live
        filesystem.unlink = { path throws(SystemCallError) in
            let named = self.path.withLock { $0 }
            if self.refuses.withLock({ $0 }), path.contains("/blobs/"), named.isEmpty || named == path {
                throw SystemCallError(.unlink, errno: EIO)
            }
            try Filesystem.live.unlink(path)
        }
        return filesystem
    }
}
