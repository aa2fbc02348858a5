// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Synchronization
import Testing

@Suite struct QuotaTests {
    private static func push(
        _ seed: Int,
        _ size: Int64,
        to name: String,
        of catalog: Catalog,
        _ quotas: [StorageQuota]
    ) async throws -> BlobLinking {
        try await catalog.linkUploadedBlob(
            Sample.digest(seed),
            size: size,
            in: Sample.repository(name),
            upload: nil,
            quotas: quotas,
            context: Sample.context
        )
    }

    private static func mount(
        _ seed: Int,
        to name: String,
        of catalog: Catalog,
        _ quotas: [StorageQuota]
    ) async throws -> BlobMount {
        try await catalog.mount(
            Sample.digest(seed),
            from: nil,
            to: Sample.repository(name),
            isReadable: { _ in true },
            quotas: quotas,
            context: Sample.context
        )
    }

    /// What the links themselves come to, beside what is booked.
    private static func recount(_ fixture: CatalogFixture, _ prefix: String) throws -> Int64 {
        try fixture.raw {
            try Int64.fetchOne(
                $0,
                sql: """
                    SELECT COALESCE(SUM(b.size), 0) FROM repo r JOIN repo_blob l ON l.repo_id = r.id
                    JOIN blob b ON b.digest = l.digest WHERE l.hidden = 0 AND substr(r.name, 1, length(?)) = ?
                    """,
                arguments: [prefix, prefix]
            ) ?? -1
        }
    }

    // MARK: - Usage

    /// Prefixes are of names as they are written, with or without a slash.
    @Test(arguments: [
        ("", 1_111), ("team/", 11), ("team", 111), ("team/a", 11), ("team/app", 11), ("team-b/", 100), ("z", 1_000),
        ("nobody/", 0), ("team/app/x/y", 0), ("~", 0), ("\u{e9}", 0), ("tea_", 0), ("%", 0),
    ])
    func usageIsByPrefix(prefix: String, bytes: Int64) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for (name, size) in [("team/app", 1), ("team/app/x", 10), ("team-b/app", 100), ("zoo", 1_000)] {
            try await catalog.link(size, in: name)
        }
        #expect(try await catalog.usage(prefix: prefix) == bytes)
        try await catalog.housekeep()
        #expect(try await catalog.usage(prefix: prefix) == bytes)
        try await catalog.link(5, in: "team/app")
        #expect(try await catalog.usage(prefix: prefix) == bytes + ("team/app".hasPrefix(prefix) ? 5 : 0))
    }

    // MARK: - Refusal

    @Test(
        arguments: [
            // Used before, size of the push, limit, whether it is refused.
            (0, 10, 10, false), (0, 11, 10, true), (5, 5, 10, false), (5, 6, 10, true), (10, 0, 10, false),
            (20, 1, 10, true), (20, 0, 10, false), (0, 1, 0, true), (1, Int64.max, 10, true),
        ] as [(Int64, Int64, Int64, Bool)]
    )
    func aPushIsHeldToTheQuota(used: Int64, size: Int64, limit: Int64, isRefused: Bool) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        if used > 0 { try await catalog.link(1, in: "team/other", size: used) }
        let quota = StorageQuota(prefix: "team/", bytes: limit)
        let excess = QuotaExcess(prefix: "team/", limit: limit, used: used, needed: size)
        let name = try Sample.repository("team/app")
        let early = try await catalog.excess(of: [quota], adding: size, of: Sample.digest(2), to: name)
        #expect(early == (isRefused ? excess : nil))
        let result = try await QuotaTests.push(2, size, to: "team/app", of: catalog, [quota])
        #expect(result == (isRefused ? .overQuota(excess) : .linked(isNew: true)))
        #expect(try await catalog.usage(prefix: "team/") == (isRefused ? used : used + size))
        if isRefused {
            #expect(try fixture.count("SELECT COUNT(*) FROM repo WHERE name = 'team/app'") == 0)
            #expect(try await catalog.blobRecord(Sample.digest(2)) == nil)
        }
        #expect(try await fixture.problems() == [])
    }

    @Test func aMountAndAManifestAreHeldToIt() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let layer = try await catalog.link(10, in: "source")
        try await catalog.linkConfig(in: "team/app")
        let image = try SampleManifest.image(1, layers: [(layer, 10)])
        let small = [StorageQuota(prefix: "", bytes: 1 << 30), StorageQuota(prefix: "team/", bytes: 11)]
        let excess = QuotaExcess(prefix: "team/", limit: 11, used: 2, needed: 10)
        #expect(try await QuotaTests.mount(10, to: "team/app", of: catalog, small) == .overQuota(excess))
        #expect(try await catalog.blob(layer, in: Sample.repository()) == .absent)
        let enough = [StorageQuota(prefix: "team/", bytes: 12)]
        #expect(try await QuotaTests.mount(10, to: "team/app", of: catalog, enough) == .mounted)
        let full = QuotaExcess(prefix: "team/", limit: 12, used: 12, needed: image.size)
        let before = try fixture.count("SELECT COUNT(*) FROM event")
        #expect(try await catalog.put(image, tags: ["a"], quotas: enough) == .overQuota(full))
        #expect(try await catalog.get("a") == nil)
        #expect(try fixture.count("SELECT COUNT(*) FROM event") == before)
        let room = [StorageQuota(prefix: "team/", bytes: 12 + image.size)]
        #expect(try await catalog.put(image, tags: ["a"], quotas: room).isStored)
        // What is linked and visible needs nothing more: the same again, also where the prefix is over by now.
        #expect(try await catalog.put(image, tags: ["a", "b"], quotas: small).isStored)
        #expect(try await QuotaTests.mount(10, to: "team/app", of: catalog, small) == .mounted)
        #expect(try await QuotaTests.push(10, 10, to: "team/app", of: catalog, small) == .linked(isNew: false))
        #expect(try await catalog.usage(prefix: "team/") == 12 + image.size)
        #expect(try await fixture.problems() == [])
    }

    /// Nobody learns from a quota what he may not read.
    @Test func whatMayNotBeReadIsNotMountableWhateverTheQuota() async throws {
        let fixture = try CatalogFixture()
        try await fixture.catalog.link(10, in: "source")
        for source in [try Sample.repository("source"), nil] {
            let result = try await fixture.catalog.mount(
                Sample.digest(10),
                from: source,
                to: Sample.repository("team/app"),
                isReadable: { _ in false },
                quotas: [StorageQuota(prefix: "", bytes: 0)],
                context: Sample.context
            )
            #expect(result == .notMountable)
        }
    }

    // MARK: - Giving back

    @Test func aDeletedBlobGivesItsBytesBack() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let quotas = [StorageQuota(prefix: "team/", bytes: 10)]
        let name = try Sample.repository()
        #expect(try await QuotaTests.push(1, 10, to: "team/app", of: catalog, quotas) == .linked(isNew: true))
        guard case .overQuota = try await QuotaTests.push(2, 1, to: "team/app", of: catalog, quotas) else {
            Issue.record("not refused")
            return
        }
        #expect(try await catalog.deleteBlob(Sample.digest(1), in: name, context: Sample.context) == .deleted)
        #expect(try await catalog.usage(prefix: "team/") == 0)
        #expect(try await fixture.problems() == [])
        #expect(try await QuotaTests.push(2, 1, to: "team/app", of: catalog, quotas) == .linked(isNew: true))
        // Back into sight is as good as new: by a push, and by a mount.
        let excess = QuotaExcess(prefix: "team/", limit: 10, used: 1, needed: 10)
        #expect(try await QuotaTests.push(1, 10, to: "team/app", of: catalog, quotas) == .overQuota(excess))
        #expect(try await catalog.blob(Sample.digest(1), in: name) == .absent)
        try await catalog.link(1, in: "source", size: 10)
        #expect(try await QuotaTests.mount(1, to: "team/app", of: catalog, quotas) == .overQuota(excess))
        #expect(try await catalog.deleteBlob(Sample.digest(2), in: name, context: Sample.context) == .deleted)
        #expect(try await QuotaTests.mount(1, to: "team/app", of: catalog, quotas) == .mounted)
        #expect(try await catalog.usage(prefix: "team/") == 10)
        #expect(try await fixture.problems() == [])
    }

    /// A manifest that can be brought back keeps its blobs, and they count until they are deleted themselves.
    @Test func aDeletedManifestKeepsItsBytes() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await catalog.put(image, tags: ["a"]).isStored)
        _ = try await catalog.delete(image.digest)
        #expect(try await catalog.usage(prefix: "") == 2 + image.size)
        for digest in [image.digest, try Sample.digest(0)] {
            #expect(try await catalog.deleteBlob(digest, in: Sample.repository(), context: Sample.context) == .deleted)
        }
        #expect(try await catalog.usage(prefix: "") == 0)
        #expect(try await fixture.problems() == [])
    }

    // MARK: - What the writer remembers

    /// Random pushes, mounts, deletes, folds and restarts under quotas: what is booked is what is linked, no prefix is
    /// ever over its quota, and nothing is refused that would have fitted.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func quotasHoldWhateverHappens(seed: UInt64) async throws {
        let fixture = try CatalogFixture()
        var catalog = try fixture.catalog
        var random = SeededGenerator(seed: seed)
        let quotas = [StorageQuota(prefix: "a/", bytes: 40), StorageQuota(prefix: "", bytes: 60)]
        let names = ["a/x", "a/y", "b"]
        var refused = 0
        for step in 0..<600 {
            let blob = Int(random.next() % 12) + 1
            let name = names[Int(random.next() % 3)]
            let applied = name.hasPrefix("a/") ? quotas : Array(quotas.dropFirst())
            let before = try applied.map { try QuotaTests.recount(fixture, $0.prefix) }
            var excess: QuotaExcess?
            switch random.next() % 10 {
            case 0..<5:
                let result = try await QuotaTests.push(blob, Int64(blob), to: name, of: catalog, applied)
                if case .overQuota(let found) = result { excess = found }
            case 5..<7:
                let result = try await QuotaTests.mount(blob, to: name, of: catalog, applied)
                if case .overQuota(let found) = result { excess = found }
            case 7..<9:
                _ = try await catalog.deleteBlob(
                    Sample.digest(blob),
                    in: Sample.repository(name),
                    context: Sample.context
                )
            default:
                try await catalog.housekeep()
                if step % 5 == 0 { catalog = try fixture.reopen() }
            }
            if let excess {
                refused += 1
                let place = try #require(applied.firstIndex { $0.prefix == excess.prefix })
                #expect(excess.used == before[place] && excess.used + excess.needed > excess.limit, "step \(step)")
            }
            for quota in quotas {
                let used = try QuotaTests.recount(fixture, quota.prefix)
                #expect(used <= quota.bytes, "step \(step)")
                #expect(try await catalog.usage(prefix: quota.prefix) == used, "step \(step)")
            }
        }
        #expect(refused > 20)
        #expect(try await fixture.problems() == [])
    }

    /// An operation that fails after it linked takes its bytes back from what the writer remembers.
    @Test func whatFailsIsNotCounted() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        let room = [StorageQuota(prefix: "team/", bytes: 2 + image.size)]
        try await catalog.write { transaction in
            try transaction.database.execute(
                sql: "CREATE TEMP TRIGGER broken BEFORE INSERT ON tag BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        }
        for _ in 0..<3 {
            await #expect(throws: CatalogError.self) { try await catalog.put(image, tags: ["a"], quotas: room) }
        }
        try await catalog.write { try $0.database.execute(sql: "DROP TRIGGER broken") }
        #expect(try await catalog.put(image, tags: ["a"], quotas: room).isStored)
        guard case .overQuota(let excess) = try await QuotaTests.push(5, 1, to: "team/b", of: catalog, room) else {
            Issue.record("not refused")
            return
        }
        #expect(excess.used == 2 + image.size)
    }

    @Test func pushesAtOnceStayWithinIt() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let quotas = [StorageQuota(prefix: "team/", bytes: 70)]
        let linked = try await withThrowingTaskGroup(of: Bool.self) { group in
            for seed in 1...100 {
                group.addTask {
                    try await QuotaTests.push(seed, 10, to: "team/r\(seed % 7)", of: catalog, quotas)
                        == .linked(isNew: true)
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(linked == 7)
        #expect(try await catalog.usage(prefix: "team/") == 70)
    }

    /// Without a quota not a statement more runs, and with one the sum over the prefix is made once.
    @Test func theSumIsMadeOnce() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        func sums() -> Int { fixture.statements.withLock { $0.count { $0.contains("SUM(u.logical_bytes)") } } }
        try await catalog.link(1)
        #expect(sums() == 0)
        let quotas = [StorageQuota(prefix: "team/", bytes: 1_000)]
        _ = try await QuotaTests.push(2, 2, to: "team/app", of: catalog, quotas)
        #expect(sums() == 1)
        fixture.statements.withLock { $0 = [] }
        for seed in 3...9 { _ = try await QuotaTests.push(seed, Int64(seed), to: "team/app", of: catalog, quotas) }
        #expect(sums() == 0)
        #expect(try await catalog.usage(prefix: "team/") == 45)
    }
}
