// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Synchronization
import Testing

/// What entries of the log do to a catalog that has not seen them; the whole way is in the tests of the journal.
@Suite struct ReplayTests {
    private let fixture: CatalogFixture

    init() throws { fixture = try CatalogFixture() }

    /// A leaf, as it would stand in the log.
    /// Entries of a log are each later than the one before.
    private static let times = Atomic<Int64>(200_000_000_000_000_000)

    static func leaf(
        _ kind: String,
        _ body: String,
        time given: Int64? = nil,
        repository: String? = "team/app"
    ) -> [UInt8] {
        let time = given ?? times.add(1, ordering: .relaxed).newValue
        let name = repository.map { "\"\($0)\"" } ?? "null"
        return Array(
            """
            {"actor":"a-1","body":{\(body)},"hlc":"\(time)","kind":"\(kind)","origin":"cairn","repo":\(name),\
            "request":"r","salt":"AA==","v":1}
            """.utf8
        )
    }

    static func entry(_ leaf: [UInt8], _ manifest: SampleManifest? = nil) throws -> ReplayedEntry {
        ReplayedEntry(
            leaf: leaf,
            change: try LoggedChange(parsing: leaf),
            event: nil,
            manifest: manifest?.manifest,
            blobs: try manifest.map { _ in
                [ReplayedBlob(digest: try Sample.digest(0), size: 2, isWhole: true)]
            } ?? []
        )
    }

    private func replay(_ leaves: [[UInt8]]) async throws {
        let catalog = try fixture.catalog
        let next = try await (catalog.lastSealedIndex() ?? -1) + 1
        try await catalog.replay(leaves.map { try Self.entry($0) }, from: next)
    }

    /// Puts an image by the verb, and lets it count as sealed up to here.
    private func image() async throws -> SampleManifest {
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        _ = try await catalog.put(image, tags: ["v1"])
        try fixture.raw { database in
            try database.execute(sql: "UPDATE event SET seq = id - (SELECT MIN(id) FROM event)")
        }
        return image
    }

    @Test func aManifestGoesComesBackAndIsPurged() async throws {
        let (image, catalog) = (try await image(), try fixture.catalog)
        let digest = "\"digest\":\"\(image.digest)\""
        let live = "SELECT COUNT(*) FROM manifest WHERE live = 1"
        try await replay([
            Self.leaf(
                "tag.delete",
                "\"former\":\"\(image.digest)\",\"tag\":\"v1\",\"why\":\"manifest-deleted\""
            ),
            Self.leaf("manifest.trash", digest + ",\"tags\":1"),
        ])
        #expect(try fixture.count(live) == 0)
        let trashed = try await fixture.problems()
        #expect(trashed == [])
        let history = try await catalog.tagHistory(Sample.tag("v1"), in: Sample.repository(), limit: 9)
        #expect(history.first?.reason == .manifestDeleted)

        // A blob of a manifest in the trash may be deleted; with the manifest it comes back.
        _ = try await catalog.deleteBlob(Sample.digest(0), in: Sample.repository(), context: Sample.context)
        try await replay([Self.leaf("manifest.restore", digest)])
        #expect(try fixture.count(live) == 1)
        let restored = try await fixture.problems()
        #expect(restored == [])

        try await replay([Self.leaf("manifest.purge", digest)])
        #expect(try fixture.count(live) == 1, "only what is in the trash is purged")
        // As the collector does with links that are referenced.
        try fixture.raw { try $0.execute(sql: "DELETE FROM gc_queue") }
        try await replay([Self.leaf("manifest.trash", digest + ",\"tags\":0"), Self.leaf("manifest.purge", digest)])
        #expect(try fixture.count("SELECT COUNT(*) FROM manifest") == 0)
        let purged = try await fixture.problems()
        #expect(purged == [])
        let unmet = try await catalog.unmetEntries(after: .start, limit: 9).unmet
        #expect(unmet == [])
    }

    @Test func pinsHoldsAndLocksComeBack() async throws {
        let image = try await image()
        let lock = "\"digest\":\"\(image.digest)\",\"kind\":\"lock\",\"reason\":\"r\""
        let pins = "SELECT COUNT(*) FROM pin"
        try await replay([
            Self.leaf("hold.set", "\"kind\":\"hold\",\"reason\":\"law\",\"tag\":\"v1\""),
            Self.leaf("hold.set", lock + ",\"until\":2000000000"),
            Self.leaf("hold.set", lock + ",\"until\":2100000000"),
        ])
        #expect(try fixture.count(pins) == 2)
        #expect(try fixture.count(pins + " WHERE kind = 'lock' AND until = 2100000000") == 1)
        try await replay([Self.leaf("hold.clear", "\"kind\":\"hold\",\"reason\":\"law\",\"tag\":\"v1\"")])
        #expect(try fixture.count(pins) == 1)
    }

    /// The ids of events rise with their places, or pages by id would go wrong.
    @Test func anEventThatComesLaterInTheLogGetsALaterId() async throws {
        _ = try await image()
        let catalog = try fixture.catalog
        try await catalog.recordChange(.robotCreated(name: "open"), context: Sample.context)
        let open = try #require(try await catalog.unsealedEvents(after: nil, limit: 9).first)
        let next = try await (catalog.lastSealedIndex() ?? -1) + 1
        let known = ReplayedEntry(leaf: open.leaf, change: try LoggedChange(parsing: open.leaf), event: open.id)
        try await catalog.replay([Self.entry(Self.leaf("rule.set", "", repository: nil)), known], from: next)
        let falling = "SELECT COUNT(*) FROM event a JOIN event b ON b.seq = a.seq + 1 WHERE b.id <= a.id"
        #expect(try fixture.count(falling) == 0)
        let lonely = "SELECT COUNT(*) FROM audit WHERE event_id NOT IN (SELECT id FROM event)"
        #expect(try fixture.count(lonely) == 0, "who did it goes with the event")
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE seq IS NULL") == 0)
    }

    @Test func entriesOfUnknownKindsAreKept() async throws {
        _ = try await image()
        try await replay([Self.leaf("something.new", "\"x\":[1,2.5]", repository: nil)])
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE kind = 'something.new'") == 1)
    }

    @Test func onlyWhatComesNextIsReplayed() async throws {
        _ = try await image()
        let catalog = try fixture.catalog
        let entries = [try Self.entry(Self.leaf("rule.set", "\"rules\":1", repository: nil))]
        await #expect(throws: CatalogError.self) { try await catalog.replay(entries, from: 7) }
        await #expect(throws: CatalogError.self) { try await catalog.endReplay(size: 9, root: [], note: []) }
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"v\":2}", "{\"v\":1,\"kind\":\"x\",\"origin\":\"o\",\"hlc\":\"-1\"}",
        "{\"v\":1,\"kind\":\"x\",\"origin\":\"o\",\"hlc\":\"1\",\"repo\":\"../x\"}",
    ]) func whatIsNoLeafIsRefused(text: String) {
        #expect(throws: CatalogError.self) { try LoggedChange(parsing: Array(text.utf8)) }
    }
}
