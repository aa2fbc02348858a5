// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import OCI
import Testing

/// A store of a version without regions has the stamps of its changes once it is opened by this one.
@Suite struct RegionMigrationTests {
    /// Tables that this version has brought.
    private static let added = [
        "inbox", "peer_position", "peer", "tag_write", "tombstone", "register", "conflict", "hybrid_clock", "release",
        "desired", "outcome", "traffic", "notice", "webhook", "dead_letter",
        "availability", "server_run", "maintenance",
    ]

    /// Makes the catalog of a fixture what the version before would have left.
    private func goBack(_ fixture: CatalogFixture) throws {
        try fixture.raw { database in
            for table in Self.added { try database.execute(sql: "DROP TABLE \(table)") }
            try database.execute(
                sql: """
                    DROP INDEX blob_remote;
                    DROP INDEX ref_awaited;
                    UPDATE manifest SET touch_hlc = (SELECT MAX(hlc) FROM event) WHERE live = 0;
                    DROP INDEX manifest_pulled;
                    ALTER TABLE blob DROP COLUMN remote_of;
                    ALTER TABLE repo DROP COLUMN home_hlc;
                    ALTER TABLE repo DROP COLUMN home_by;
                    ALTER TABLE repo DROP COLUMN home_idx;
                    ALTER TABLE repo DROP COLUMN home_heard;
                    ALTER TABLE deployment DROP COLUMN hlc;
                    ALTER TABLE deployment DROP COLUMN logged_at;
                    ALTER TABLE deployment DROP COLUMN config;
                    UPDATE repo SET home_region = NULL;
                    DELETE FROM grdb_migrations WHERE identifier IN ('7-regions', '8-homes', '9-releases',
                        '10-availability', '11-webhooks', '12-release-indexes', '13-warm-up');
                    """
            )
        }
    }

    @Test func whatIsHereGetsTheStampsOfItsChanges() async throws {
        let fixture = try CatalogFixture()
        let (name, digest) = (try Sample.repository(), try Sample.digest(3))
        try await fixture.catalog.linkConfig()
        let images = try (1...3).map { try SampleManifest.image($0) }
        _ = try await fixture.catalog.put(images[0], tags: ["moved", "gone"])
        _ = try await fixture.catalog.put(images[1], tags: ["moved"])
        _ = try await fixture.catalog.untag("gone")
        _ = try await fixture.catalog.put(images[2])
        _ = try await fixture.catalog.setQuarantine(digest, reason: "q", context: Sample.context)
        _ = try await fixture.catalog.setPin(
            .hold,
            on: .digest(images[0].digest),
            in: name,
            until: nil,
            reason: "h",
            context: Sample.context
        )
        _ = try await fixture.catalog.clearQuarantine(digest, reason: "", context: Sample.context)
        _ = try await fixture.catalog.delete(images[2].digest)
        await (try fixture.catalog).close()
        try goBack(fixture)
        try fixture.reopen()

        let writes = try fixture.raw { database in
            try Row.fetchAll(database, sql: "SELECT name, hlc, digest, former FROM tag_write ORDER BY name")
        }
        #expect(writes.map { $0["name"] } == ["gone", "moved"])
        #expect((writes[0]["digest"] as Data?) == nil && (writes[0]["former"] as Data?) != nil)
        #expect((writes[1]["digest"] as Data?) != nil && (writes[1]["former"] as Data?) != nil)
        #expect((writes[1]["hlc"] as Int) == (try fixture.count("SELECT hlc FROM tag")))
        #expect(try fixture.count("SELECT COUNT(*) FROM tombstone") == 1)
        let registers = "SELECT COUNT(*) FROM register WHERE"
        #expect(try fixture.count(registers + " kind = 'quarantine' AND cleared_hlc > set_hlc") == 1)
        #expect(try fixture.count(registers + " kind = 'hold' AND cleared_hlc < set_hlc") == 1)
        let live = try await fixture.catalog.get(images[2].digest)
        #expect(live == nil)
        // Whatever moves next is judged by them: what was trashed stays so.
        _ = try await fixture.catalog.put(SampleManifest.image(4), tags: ["moved"])
        let still = try await fixture.catalog.get(images[2].digest)
        #expect(still == nil)
        let problems = try await fixture.problems()
        #expect(problems == [])
    }

    /// A deleted name is not free where it was immutable.
    @Test func aDeletedTagKeepsItsLastValue() async throws {
        let fixture = try CatalogFixture()
        try await fixture.catalog.linkConfig()
        _ = try await fixture.catalog.put(SampleManifest.image(1), tags: ["v"])
        _ = try await fixture.catalog.untag("v")
        await (try fixture.catalog).close()
        try goBack(fixture)
        try fixture.reopen()
        let denied: [OCI.Tag: OverwriteVerdict] = [try Sample.tag("v"): .denied(reason: "immutable")]
        let put = try await fixture.catalog.put(SampleManifest.image(2), tags: ["v"], overwrites: denied)
        guard case .overwriteDenied = put else {
            Issue.record("\(put)")
            return
        }
    }
}
