// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

@Suite struct TagTests {
    /// What the tag holds before, the condition, and whether the put to manifest 2 goes through.
    enum Before: Sendable, CaseIterable { case nothing, first, second }
    enum Condition: Sendable, CaseIterable { case none, matchesFirst, matchesSecond, exists, absent }

    static let table: [(Before, Condition, Bool)] = [
        (.nothing, .none, true), (.nothing, .matchesFirst, false), (.nothing, .matchesSecond, false),
        (.nothing, .exists, false), (.nothing, .absent, true),
        (.first, .none, true), (.first, .matchesFirst, true), (.first, .matchesSecond, false),
        (.first, .exists, true), (.first, .absent, false),
        (.second, .none, true), (.second, .matchesFirst, false), (.second, .matchesSecond, true),
        (.second, .exists, true), (.second, .absent, false),
    ]

    @Test(arguments: table)
    func compareAndSwap(before: Before, condition: Condition, succeeds: Bool) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let (first, second) = (try SampleManifest.image(1), try SampleManifest.image(2))
        #expect(try await catalog.put(first).isStored)
        #expect(try await catalog.put(second).isStored)
        let former: Digest? =
            switch before {
            case .nothing: nil
            case .first: first.digest
            case .second: second.digest
            }
        if before == .first { #expect(try await catalog.put(first, tags: ["t"]).isStored) }
        if before == .second { #expect(try await catalog.put(second, tags: ["t"]).isStored) }
        let precondition: Precondition =
            switch condition {
            case .none: .none
            case .matchesFirst: .matches(first.digest)
            case .matchesSecond: .matches(second.digest)
            case .exists: .exists
            case .absent: .absent
            }

        let result = try await catalog.put(second, tags: ["t"], precondition)
        if succeeds {
            #expect(result.stored?.tags == [TagChange(tag: try Sample.tag("t"), former: former)])
            #expect(try await catalog.get("t") == second.digest)
        } else {
            #expect(result == .preconditionFailed(tag: try Sample.tag("t"), current: former))
            #expect(try await catalog.get("t") == former)
        }
    }

    @Test func oneTagThatFailsTheConditionStopsThemAll() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await catalog.put(image, tags: ["b"]).isStored)
        let result = try await catalog.put(image, tags: ["a", "b", "c"], .absent)
        #expect(result == .preconditionFailed(tag: try Sample.tag("b"), current: image.digest))
        #expect(try await catalog.tags(in: Sample.repository(), after: nil, limit: 10)?.map(\.description) == ["b"])
    }

    /// Of many that ask for the same swap at once, one wins.
    @Test func concurrentSwapsHaveOneWinner() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let images = try (0..<20).map { try SampleManifest.image($0) }
        for image in images { #expect(try await catalog.put(image).isStored) }
        let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
            for image in images { group.addTask { try await catalog.put(image, tags: ["t"], .absent).isStored } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1)
    }

    @Test func historyKeepsWhatTheTagHad() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let images = try (0..<4).map { try SampleManifest.image($0) }
        for image in images { #expect(try await catalog.put(image, tags: ["t"]).isStored) }
        guard case .deleted(_, let former) = try await catalog.untag("t") else {
            Issue.record("not deleted")
            return
        }
        #expect(former == images[3].digest)
        #expect(try await catalog.untag("t") == .notFound)
        #expect(try await catalog.get(images[3].digest) == images[3].digest)

        let all = try await catalog.tagHistory(Sample.tag("t"), in: Sample.repository(), limit: 10)
        #expect(all.map(\.digest) == images.reversed().map(\.digest))
        #expect(all.map(\.reason) == [.deleted, .moved, .moved, .moved])
        #expect(all.map(\.actor) == Array(repeating: "someone", count: 4))
        #expect(all.map(\.ended) == all.map(\.ended).sorted(by: >))
        let page = try await catalog.tagHistory(
            Sample.tag("t"),
            in: Sample.repository(),
            before: all[1].sequence,
            limit: 1
        )
        #expect(page == [all[2]])
    }

    @Test func historyIsBounded() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let images = [try SampleManifest.image(0), try SampleManifest.image(1)]
        for turn in 0...2 { #expect(try await catalog.put(images[turn % 2], tags: ["t"]).isStored) }
        // As after 999 more moves.
        try fixture.raw { try $0.execute(sql: "UPDATE tag_history SET seq = seq + 999 WHERE seq = 2") }
        #expect(try await catalog.put(images[1], tags: ["t"]).isStored)
        let history = try await catalog.tagHistory(Sample.tag("t"), in: Sample.repository(), limit: 10)
        #expect(history.map(\.sequence) == [1_002, 1_001])
    }

    @Test func deletionTakesConditions() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await catalog.put(image, tags: ["t"]).isStored)
        let (tag, name) = (try Sample.tag("t"), try Sample.repository())
        let wrong = try await catalog.deleteTag(
            tag,
            in: name,
            condition: .matches(Sample.digest(5)),
            context: Sample.context
        )
        #expect(wrong == .preconditionFailed(current: image.digest))
        let right = try await catalog.deleteTag(
            tag,
            in: name,
            condition: .matches(image.digest),
            context: Sample.context
        )
        guard case .deleted = right else {
            Issue.record("not deleted")
            return
        }
        let gone = try await catalog.deleteTag(tag, in: name, condition: .exists, context: Sample.context)
        #expect(gone == .preconditionFailed(current: nil))
    }

    @Test func pagesGoByByteOrder() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let names = ["_x", "0", "10", "2", "A", "B", "a", "a-b", "a.b", "a_b", "ab", "sha256-00", "z"]
        #expect(try await catalog.put(SampleManifest.image(1), tags: names.reversed()).isStored)
        let sorted = names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        var seen: [String] = []
        var last: OCI.Tag?
        while let page = try await catalog.tags(in: Sample.repository(), after: last, limit: 4), !page.isEmpty {
            seen += page.map(\.description)
            last = page.last
        }
        #expect(seen == sorted)
        #expect(try await catalog.tags(in: Sample.repository(), after: nil, limit: 0) == [])
        // A name that is not there is a place as well.
        let after = try await catalog.tags(in: Sample.repository(), after: Sample.tag("b"), limit: 10)
        #expect(after?.map(\.description) == ["sha256-00", "z"])
    }

    @Test func anUnknownRepositoryIsNotAnEmptyOne() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let name = try Sample.repository()
        #expect(try await catalog.tags(in: name, after: nil, limit: 10) == nil)
        try await catalog.createUpload("u", in: name, lifetime: 10, context: Sample.context)
        #expect(try await catalog.tags(in: name, after: nil, limit: 10) == nil)
        #expect(try await !catalog.repositoryExists(name))
        try await catalog.linkConfig()
        #expect(try await catalog.tags(in: name, after: nil, limit: 10) == [])
        #expect(try await catalog.repositoryExists(name))
        #expect(try await catalog.repositories(after: nil, limit: 10) == [])
    }

    @Test func repositoriesArePagedByName() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for name in ["b", "a/b", "a", "a-b", "c"] {
            try await catalog.linkConfig(in: name)
            if name != "c" { #expect(try await catalog.put(SampleManifest.image(1), in: name).isStored) }
        }
        #expect(try await catalog.repositories(after: nil, limit: 10).map(\.description) == ["a", "a-b", "a/b", "b"])
        let page = try await catalog.repositories(after: Sample.repository("a"), limit: 2)
        #expect(page.map(\.description) == ["a-b", "a/b"])
    }
}
