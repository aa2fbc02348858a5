// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

/// The engine itself refuses what would leave a reference dangling, whoever asks.
@Suite struct ForeignKeyTests {
    /// Statements over a repository with a tagged index of one image with a layer and a config, and what they would
    /// leave behind.
    @Test(arguments: [
        ("a manifest without its blob's row", "DELETE FROM blob WHERE digest = (SELECT digest FROM manifest LIMIT 1)"),
        ("links without blobs", "DELETE FROM blob"),
        ("edges without links", "DELETE FROM repo_blob WHERE digest IN (SELECT digest FROM ref_blob)"),
        ("a renamed link", "UPDATE repo_blob SET digest = x'01' WHERE digest IN (SELECT digest FROM ref_blob)"),
        ("an index without its child", "DELETE FROM manifest WHERE depth = 0"),
        ("a tag without its manifest", "DELETE FROM manifest WHERE depth = 1"),
        ("a tag on a trashed manifest", "UPDATE manifest SET live = 0 WHERE depth = 1"),
        ("a tag that says it is not live", "UPDATE tag SET live = 0"),
        ("a tag on nothing", "INSERT INTO tag VALUES (1, 'other', x'0102', 1, 0, 'local', NULL)"),
        ("a link to nothing", "INSERT INTO repo_blob VALUES (1, x'0102', 0, 0, 0)"),
        ("an edge to nothing", "INSERT INTO ref_blob SELECT id, x'0102', repo_id FROM manifest LIMIT 1"),
        ("an edge of nothing", "INSERT INTO ref_blob SELECT 999, digest, repo_id FROM repo_blob LIMIT 1"),
        ("a child that is not here", "INSERT INTO ref_manifest SELECT id, x'0102', repo_id FROM manifest LIMIT 1"),
        ("rows without a repository", "DELETE FROM repo"),
        ("an upload in no repository", "INSERT INTO upload VALUES ('u', 99, 'a', NULL, 0, 0)"),
        ("a leaf beyond 64 KiB", "INSERT INTO event(kind, hlc, leaf) VALUES ('x', 1, zeroblob(65536))"),
        (
            "two events at one place",
            "INSERT INTO event(kind, hlc, leaf, seq) VALUES ('x', 1, x'00', 1), ('y', 2, x'00', 1)"
        ),
        ("a blob in no known state", "UPDATE blob SET state = 'gone'"),
    ])
    func theEngineRefuses(what: String, statement: String) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let layer = try await catalog.link(10)
        let image = try SampleManifest.image(1, layers: [(layer, 10)])
        let index = try SampleManifest.index(2, [image])
        #expect(try await catalog.put(image).isStored)
        #expect(try await catalog.put(index, tags: ["latest"]).isStored)

        let error = #expect(throws: DatabaseError.self) {
            try fixture.raw { database in
                try database.execute(sql: "PRAGMA foreign_keys = ON")
                try database.execute(sql: statement)
            }
        }
        #expect(error?.resultCode == .SQLITE_CONSTRAINT, "\(what)")
        #expect(try await fixture.problems() == [])
    }

    @Test func whatNothingRefersToMayGo() async throws {
        let fixture = try CatalogFixture()
        let blob = try await fixture.catalog.link(10)
        try fixture.raw { database in
            try database.execute(sql: "PRAGMA foreign_keys = ON")
            try database.execute(sql: "DELETE FROM repo_blob")
            try database.execute(sql: "DELETE FROM blob")
        }
        #expect(try await fixture.catalog.blob(blob, in: Sample.repository()) == .absent)
    }
}
