// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Registry
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct ConsistencyCheckTests {
    private static func check(_ store: TestStore, deep: Bool = false, repair: Bool = false) async throws
        -> ConsistencyReport
    {
        try await ConsistencyCheck(content: store.content, catalog: store.catalog, deep: deep, repair: repair).run()
    }

    private static func expectClean(_ store: TestStore) async throws {
        let report = try await check(store, deep: true)
        #expect(report.problems.isEmpty)
        #expect(report.notices.isEmpty)
    }

    @Test func aSoundStoreHasNoProblems() async throws {
        try await TestStore.with { store in
            for seed in 1...3 { try await store.putImage(seed: UInt64(seed), tag: "v\(seed)") }
            let image = try Sample.image(layers: [Sample.bytes(64, seed: 1)])
            try await store.put(Sample.index([image]), tag: "index")
            let report = try await Self.check(store, deep: true)
            #expect(report.problems.isEmpty && report.notices.isEmpty && report.repairs.isEmpty)
            // One config, three layers, three images, one index.
            #expect(report.blobsChecked == 8)
            #expect(report.manifestsChecked == 4)
            #expect(report.bytesChecked > 0)
        }
    }

    @Test(arguments: [false, true])
    func aTruncatedFileIsFound(_ deep: Bool) async throws {
        try await TestStore.with { store in
            let bytes = Sample.bytes(1000)
            let digest = try await store.push(bytes)
            try store.directory.write(Array(bytes[..<999]), to: store.file(of: digest))
            let report = try await Self.check(store, deep: deep)
            #expect(report.problems.count == 1)
            #expect(report.problems.first?.contains("999 bytes on disk, 1000 in the catalog") == true)
            #expect(report.repairs.isEmpty)
            #expect(try await store.catalog.blobRecord(digest)?.health == .ok, "a check changes nothing")
            #expect(try await Self.check(store, repair: true).repairs.count == 1)
            #expect(try await store.catalog.blobRecord(digest)?.health == .corrupt)
            try await store.push(bytes)
            try await Self.expectClean(store)
        }
    }

    @Test func aFlippedByteIsFoundByReadingEverything() async throws {
        try await TestStore.with { store in
            var bytes = Sample.bytes(1000)
            let good = bytes
            let digest = try await store.push(bytes)
            bytes[500] ^= 1
            try store.directory.write(bytes, to: store.file(of: digest))
            #expect(try await Self.check(store).problems.isEmpty)
            let report = try await Self.check(store, deep: true)
            #expect(report.problems.count == 1)
            #expect(report.problems.first?.contains("\(try Sample.digest(bytes))") == true)
            #expect(store.directory.files(in: "quarantine").isEmpty)
            let repaired = try await Self.check(store, deep: true, repair: true)
            #expect(repaired.problems.count == 1)
            #expect(repaired.repairs.count == 1)
            #expect(store.directory.files(in: "quarantine") == ["\(digest.hex).1"])
            #expect(try store.directory.read("quarantine/\(digest.hex).1") == bytes)
            #expect(store.directory.files(in: "blobs/sha256").isEmpty)
            let after = try await Self.check(store, deep: true)
            #expect(after.problems.isEmpty)
            #expect(after.notices.count == 1, "known, and waiting for a push")
            try await store.push(good)
            try await Self.expectClean(store)
        }
    }

    @Test func aMissingFileIsFound() async throws {
        try await TestStore.with { store in
            let bytes = Sample.bytes(1000)
            let digest = try await store.push(bytes)
            try store.directory.remove(store.file(of: digest))
            #expect(try await Self.check(store).problems.count == 1)
            #expect(try await Self.check(store, repair: true).repairs.count == 1)
            let after = try await Self.check(store)
            #expect(after.problems.isEmpty)
            #expect(after.notices.count == 1)
            try await store.push(bytes)
            try await Self.expectClean(store)
        }
    }

    @Test func filesThatNoRowNamesAreNoProblem() async throws {
        try await TestStore.with { store in
            try await store.putImage(seed: 1)
            let orphan = Sample.bytes(50, seed: 9)
            try store.directory.write(orphan, to: store.file(of: Sample.digest(orphan)))
            try store.directory.write([1], to: "blobs/sha256/README")
            let report = try await Self.check(store, deep: true, repair: true)
            #expect(report.problems.isEmpty)
            #expect(report.repairs.isEmpty)
            #expect(report.notices.count == 2)
            #expect(report.notices.contains { $0.hasPrefix("1 files in blobs/ have no row") })
            #expect(report.notices.contains { $0.contains("README") })
            #expect(store.directory.files(in: "blobs/sha256").contains("README"), "left alone")
        }
    }

    @Test func anOpenUploadIsToldOf() async throws {
        try await TestStore.with { store in
            _ = try await store.startUpload()
            let report = try await Self.check(store)
            #expect(report.problems.isEmpty)
            #expect(report.notices == ["1 upload sessions are open"])
        }
    }

    static let damages: [(sql: String, problem: String)] = [
        ("UPDATE manifest SET payload = x'7b7d'", "does not have its digest"),
        ("DELETE FROM ref_blob", "not protected by an edge"),
        ("UPDATE repo SET tag_count = tag_count + 1", "tag counter"),
    ]

    @Test(arguments: damages)
    func damageOfTheCatalogIsFound(_ damage: (sql: String, problem: String)) async throws {
        try await TestStore.with { store in
            try await store.putImage(seed: 1, tag: "v1")
            try await store.catalog.write { try $0.database.execute(sql: damage.sql) }
            let report = try await Self.check(store)
            #expect(report.problems.contains { $0.contains(damage.problem) }, "\(report.problems)")
        }
    }

    @Test func damageBehindALargeManifestIsFoundToo() async throws {
        try await TestStore.with { store in
            for seed in 1...3 { try await store.putImage(seed: UInt64(seed)) }
            try await store.catalog.write { transaction in
                // Larger than what one page of an audit holds, so that the rows behind it are on the next page.
                try transaction.database.execute(
                    sql: """
                        UPDATE manifest SET payload = zeroblob(17000000) WHERE id = (SELECT MIN(id) FROM manifest);
                        UPDATE manifest SET payload = x'7b7d' WHERE id = (SELECT MAX(id) FROM manifest);
                        """
                )
            }
            let report = try await Self.check(store)
            #expect(report.manifestsChecked == 3)
            #expect(report.problems.count { $0.contains("does not have its digest") } == 2)
        }
    }
}
