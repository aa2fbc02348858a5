// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Synchronization
import Testing

@Suite struct ImmutableTagTests {
    /// What happened to the tag before it is set to manifest 1.
    enum Before: Sendable, CaseIterable {
        case nothing, set, setOther, deleted, otherDeleted, movedAndDeleted, manifestDeleted, otherManifestDeleted
    }

    /// Whether its last value was another one: deletion does not free the name.
    private static func isOverwrite(_ before: Before) -> Bool {
        switch before {
        case .nothing, .set, .deleted, .manifestDeleted: false
        case .setOther, .otherDeleted, .movedAndDeleted, .otherManifestDeleted: true
        }
    }

    private static func prepare(_ catalog: Catalog, _ before: Before) async throws {
        try await catalog.linkConfig()
        let (first, other) = (try SampleManifest.image(1), try SampleManifest.image(2))
        switch before {
        case .nothing: return
        case .set, .deleted, .manifestDeleted, .movedAndDeleted: _ = try await catalog.put(first, tags: ["v1"])
        case .setOther, .otherDeleted, .otherManifestDeleted: _ = try await catalog.put(other, tags: ["v1"])
        }
        switch before {
        case .deleted, .otherDeleted: _ = try await catalog.untag("v1")
        case .movedAndDeleted:
            _ = try await catalog.put(other, tags: ["v1"])
            _ = try await catalog.untag("v1")
        case .manifestDeleted: _ = try await catalog.delete(first.digest)
        case .otherManifestDeleted: _ = try await catalog.delete(other.digest)
        case .nothing, .set, .setOther: return
        }
    }

    private static func rows(_ fixture: CatalogFixture) throws -> [Row] {
        try fixture.raw { database in
            try ["repo", "manifest", "tag", "tag_history", "event", "audit", "usage_delta", "repo_blob"].flatMap {
                try Row.fetchAll(database, sql: "SELECT * FROM \($0)")
            }
        }
    }

    @Test(arguments: Before.allCases)
    func anOverwriteIsDenied(before: Before) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await ImmutableTagTests.prepare(catalog, before)
        let (first, other) = (try SampleManifest.image(1), try SampleManifest.image(2))
        let tag = try Sample.tag("v1")
        let rows = try ImmutableTagTests.rows(fixture)
        let result = try await catalog.put(first, tags: ["v1"], overwrites: [tag: .denied(reason: "it is immutable")])
        if ImmutableTagTests.isOverwrite(before) {
            #expect(result == .overwriteDenied(tag: tag, current: other.digest, reason: "it is immutable"))
            #expect(try ImmutableTagTests.rows(fixture) == rows)
        } else {
            #expect(result.isStored)
            #expect(try await catalog.get("v1") == first.digest)
        }
        #expect(try await fixture.problems() == [])
    }

    @Test(arguments: Before.allCases)
    func anExemptionIsRecorded(before: Before) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await ImmutableTagTests.prepare(catalog, before)
        let result = try await catalog.put(
            SampleManifest.image(1),
            tags: ["v1", "free"],
            overwrites: [Sample.tag("v1"): .exempted, Sample.tag("free"): .exempted]
        )
        #expect(result.isStored)
        let leaves = try fixture.raw {
            try String.fetchAll(
                $0,
                sql: "SELECT CAST(leaf AS TEXT) FROM event WHERE kind = 'tag.set' ORDER BY id DESC LIMIT 2"
            )
        }
        // A tag that was never set is not overwritten, whatever the caller may do.
        #expect(leaves.map { $0.contains("\"exempted\":true") } == [false, ImmutableTagTests.isOverwrite(before)])
        #expect(leaves.allSatisfy { !$0.contains("\"exempted\":false") })
    }

    @Test func whatIsAllowedIsNotLookedUp() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await ImmutableTagTests.prepare(catalog, .otherDeleted)
        fixture.statements.withLock { $0 = [] }
        #expect(try await catalog.put(SampleManifest.image(1), tags: ["v1"]).isStored)
        let lookups = fixture.statements.withLock {
            $0.filter { $0.contains("COALESCE(digest, former) FROM tag_write") }
        }
        #expect(lookups == [])
    }

    @Test func oneTagThatIsDeniedStopsThemAll() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let (old, new) = (try SampleManifest.image(1), try SampleManifest.image(2))
        _ = try await catalog.put(old, tags: ["a", "v1", "z"])
        let rows = try ImmutableTagTests.rows(fixture)
        let result = try await catalog.put(
            new,
            tags: ["a", "new", "v1", "z"],
            overwrites: [Sample.tag("a"): .exempted, Sample.tag("v1"): .denied(reason: "no")]
        )
        #expect(result == .overwriteDenied(tag: try Sample.tag("v1"), current: old.digest, reason: "no"))
        #expect(try ImmutableTagTests.rows(fixture) == rows)
        #expect(try await catalog.get(new.digest) == nil)
    }

    /// The condition is the client's own, and is answered first.
    @Test func aConditionIsJudgedBeforeTheRight() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await ImmutableTagTests.prepare(catalog, .setOther)
        let tag = try Sample.tag("v1")
        let result = try await catalog.put(
            SampleManifest.image(1),
            tags: ["v1"],
            .absent,
            overwrites: [tag: .denied(reason: "no")]
        )
        #expect(result == .preconditionFailed(tag: tag, current: try SampleManifest.image(2).digest))
    }

    /// Of pushes of an immutable tag at once the first sets it and the others are denied.
    @Test func pushesThatRaceAreDecidedInOrder() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let tag = try Sample.tag("v1")
        for round in 0..<20 {
            try await catalog.linkConfig(in: "r\(round)")
            let results = try await withThrowingTaskGroup(of: ManifestPut.self) { group in
                for seed in 1...4 {
                    group.addTask {
                        try await catalog.put(
                            SampleManifest.image(seed),
                            in: "r\(round)",
                            tags: ["v1"],
                            overwrites: [tag: .denied(reason: "no")]
                        )
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let winner = try await catalog.get("v1", in: "r\(round)")
            #expect(results.count { $0.isStored } == 1)
            #expect(
                results.allSatisfy {
                    if case .overwriteDenied(tag, let current, _) = $0 { current == winner } else { $0.isStored }
                }
            )
        }
    }
}
