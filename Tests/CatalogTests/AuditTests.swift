// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import OCI
import Testing

@Suite struct AuditTests {
    private static let alice = Catalog.Context(
        actor: "user:alice",
        requestID: "r-7",
        method: "token",
        address: "192.0.2.7"
    )

    private static func all(_ catalog: Catalog) async throws -> [AuditRow] {
        try await catalog.audit(.after(0), limit: 1_000)
    }

    /// One repository's life: a push of two tags, a move, deletes, a mount from it and a delete of a blob.
    private static func live(_ catalog: Catalog) async throws -> (image: SampleManifest, layer: Digest) {
        try await catalog.linkConfig()
        let layer = try await catalog.link(10)
        let image = try SampleManifest.image(1, layers: [(layer, 10)])
        _ = try await catalog.put(image, tags: ["a", "b"])
        _ = try await catalog.put(SampleManifest.image(2), tags: ["b"])
        _ = try await catalog.untag("b")
        _ = try await catalog.delete(image.digest)
        for _ in 0..<2 {
            _ = try await catalog.mount(
                layer,
                from: Sample.repository(),
                to: Sample.repository("other"),
                isReadable: { _ in true },
                context: alice
            )
        }
        _ = try await catalog.deleteBlob(layer, in: Sample.repository(), context: alice)
        return (image, layer)
    }

    @Test func eachChangeHasOneRow() async throws {
        let fixture = try CatalogFixture()
        let (image, layer) = try await AuditTests.live(fixture.catalog)
        let second = try SampleManifest.image(2).digest
        let rows = try await AuditTests.all(fixture.catalog)
        let expected: [(kind: String, repository: String, subject: String?, digest: Digest?)] = [
            ("repo.create", "team/app", nil, nil),
            ("manifest.put", "team/app", image.digest.description, image.digest),
            ("tag.set", "team/app", "a", image.digest), ("tag.set", "team/app", "b", image.digest),
            ("manifest.put", "team/app", second.description, second), ("tag.set", "team/app", "b", second),
            ("tag.delete", "team/app", "b", second), ("tag.delete", "team/app", "a", image.digest),
            ("manifest.trash", "team/app", image.digest.description, image.digest),
            ("repo.create", "other", nil, nil),
            // The second mount changed nothing that anyone sees.
            ("blob.mount", "other", layer.description, layer), ("blob.delete", "team/app", layer.description, layer),
        ]
        #expect(rows.map(\.kind) == expected.map(\.kind))
        #expect(rows.map { $0.repository?.description } == expected.map(\.repository))
        #expect(rows.map(\.subject) == expected.map(\.subject))
        #expect(rows.map(\.digest) == expected.map { $0.digest?.description })
        #expect(rows.allSatisfy { $0.at == 1_700_000_000 })
        for (number, row) in rows.enumerated() {
            let who = [row.principal, row.method, row.address, row.request]
            let isAlice = number >= 9
            #expect(
                who == (isAlice ? ["user:alice", "token", "192.0.2.7", "r-7"] : ["someone", "none", nil, "request-1"])
            )
        }
    }

    @Test func rowsAgreeWithEvents() async throws {
        let fixture = try CatalogFixture()
        _ = try await AuditTests.live(fixture.catalog)
        try await fixture.catalog.recordChange(.robotRevoked(name: "ci"), context: AuditTests.alice)
        let rows = try await AuditTests.all(fixture.catalog).filter { $0.event != nil }
        let events = try fixture.raw {
            try Row.fetchAll($0, sql: "SELECT id, kind, CAST(leaf AS TEXT) FROM event ORDER BY id")
        }
        #expect(rows.map { $0.event?.rawValue } == events.map { $0[0] as Int64 })
        #expect(rows.map(\.kind) == events.map { $0[1] as String })
        for (row, event) in zip(rows, events) {
            let leaf = try #require(
                try JSONSerialization.jsonObject(with: Data((event[2] as String).utf8)) as? [String: Any]
            )
            // Who the log's name stands for is known to the catalog alone.
            let pseudonym = try fixture.raw { database in
                try String.fetchOne(
                    database,
                    sql: "SELECT pseudonym FROM actor WHERE name = ?",
                    arguments: [row.principal]
                )
            }
            #expect(leaf["actor"] as? String == pseudonym && pseudonym?.hasPrefix("a-") == true)
            #expect(leaf["request"] as? String == row.request)
            #expect(leaf["repo"] as? String == row.repository?.description)
            // The log becomes public.
            #expect(!(event[2] as String).contains("192.0.2.7") && leaf["method"] == nil)
        }
    }

    @Test func whatIsRefusedOrFailsLeavesNoRow() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        let before = try await AuditTests.all(catalog)
        _ = try await catalog.put(image, tags: ["a"], .exists)
        _ = try await catalog.put(SampleManifest.image(2, layers: [(Sample.digest(9), 9)]))
        _ = try await catalog.untag("a")
        _ = try await catalog.deleteBlob(Sample.digest(9), in: Sample.repository(), context: AuditTests.alice)
        try await catalog.write { transaction in
            try transaction.database.execute(
                sql: "CREATE TEMP TRIGGER broken BEFORE INSERT ON tag BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        }
        await #expect(throws: CatalogError.self) { try await catalog.put(image, tags: ["a"]) }
        #expect(try await AuditTests.all(catalog) == before)
    }

    @Test func changesOfTheConfigurationAreEvents() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let file = try Sample.digest(3)
        let changes: [(ConfigurationChange, kind: String, subject: String?, body: String)] = [
            (.rulesSet(file: file, rules: 12), "rule.set", nil, "{\"file\":\"\(file)\",\"rules\":12}"),
            (.robotCreated(name: "ci"), "robot.create", "ci", "{\"robot\":\"ci\"}"),
            (.robotRotated(name: "ci", generation: 2), "robot.rotate", "ci", "{\"generation\":2,\"robot\":\"ci\"}"),
            (.robotRevoked(name: "ci"), "robot.revoke", "ci", "{\"robot\":\"ci\"}"),
        ]
        for (change, kind, subject, body) in changes {
            let event = try await catalog.recordChange(change, context: AuditTests.alice)
            let row = try #require(try await catalog.audit(.before(nil), limit: 1).first)
            #expect(row.event == event && row.kind == kind && row.subject == subject && row.repository == nil)
            #expect(row.digest == (subject == nil ? file.description : nil))
            let leaf = try fixture.raw {
                try String.fetchOne(
                    $0,
                    sql: "SELECT CAST(leaf AS TEXT) FROM event WHERE id = ? AND repo_id IS NULL",
                    arguments: [event.rawValue]
                )
            }
            #expect(leaf?.contains("\"body\":\(body),") == true && leaf?.contains("\"repo\":null") == true)
        }
    }

    @Test func pagesCoverAllRowsFromBothEnds() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        _ = try await AuditTests.live(catalog)
        let all = try await AuditTests.all(catalog)
        for limit in 1...5 {
            var (up, down): ([AuditRow], [AuditRow]) = ([], [])
            while true {
                let page = try await catalog.audit(.after(up.last?.id ?? 0), limit: limit)
                up += page
                guard page.count == limit else { break }
            }
            while true {
                let page = try await catalog.audit(.before(down.last?.id), limit: limit)
                down += page
                guard page.count == limit else { break }
            }
            #expect(up == all && down == all.reversed())
        }
        let other = try Sample.repository("other")
        let cases: [(principal: String?, repository: RepositoryName?, count: Int)] = [
            ("user:alice", nil, 3), ("someone", nil, 9), ("nobody", nil, 0), (nil, other, 2),
            ("user:alice", try Sample.repository(), 1), ("someone", other, 0),
        ]
        for (principal, repository, count) in cases {
            for order in [PageOrder.after(0), .before(nil)] {
                let rows = try await catalog.audit(order, limit: 100, principal: principal, repository: repository)
                #expect(rows.count == count)
                #expect(rows.allSatisfy { principal == nil || $0.principal == principal })
                #expect(rows.allSatisfy { repository == nil || $0.repository == repository })
            }
        }
    }

    // MARK: - Migration

    /// A database that the first version left, with a link that a delete had hidden and that it counted as used.
    private static func old(_ path: String) throws {
        try Catalog.create(path: path, upTo: "1-core")
        try DatabaseQueue(path: path).write { database in
            #expect(try !database.tableExists("audit"))
            try database.execute(
                sql: """
                    INSERT INTO repo(id, name) VALUES (1, 'team/app'), (2, 'other');
                    INSERT INTO blob(digest, size, state)
                        VALUES (x'01' || zeroblob(32), 10, 'live'), (x'01' || zeroblob(31) || x'01', 7, 'live');
                    INSERT INTO repo_blob(repo_id, digest, lease_until_st, hidden, linked_at)
                        SELECT 1, digest, 100, size = 10, 0 FROM blob UNION ALL SELECT 2, digest, 100, 0, 0 FROM blob;
                    INSERT INTO gc_queue(repo_id, digest, due_st, reason)
                        SELECT repo_id, digest, 100, 'linked' FROM repo_blob;
                    INSERT INTO usage(repo_id, logical_bytes, manifests, tags) VALUES (1, 10, 0, 0);
                    INSERT INTO usage_delta(repo_id, bytes, manifests, tags) VALUES (1, 7, 0, 0), (2, 17, 0, 0);
                    INSERT INTO event(kind, repo_id, hlc, leaf) VALUES ('repo.create', 1, 1, x'7B7D');
                    """
            )
        }
    }

    @Test func aStoreOfTheFirstVersionIsMigrated() async throws {
        let fixture = try CatalogFixture(prepare: AuditTests.old)
        let catalog = try fixture.catalog
        #expect(try await fixture.problems() == [])
        #expect(try await catalog.usage(prefix: "team/") == 7)
        #expect(try await catalog.usage(prefix: "") == 24)
        #expect(try await AuditTests.all(catalog) == [])
        try await catalog.linkConfig()
        #expect(try await catalog.put(SampleManifest.image(1), tags: ["a"]).isStored)
        #expect(try await AuditTests.all(catalog).map(\.kind) == ["manifest.put", "tag.set"])
        #expect(try await fixture.reopen().usage(prefix: "other") == 17)
        #expect(try await fixture.problems() == [])
    }
}
