// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

@Suite struct EpochTests {
    /// A change, and whether caches of the repository must be dropped for it.
    enum Change: Sendable, CaseIterable {
        case put, tag, untag, trash, link, hide, corrupt, mount, renewal, upload, refusedPut, touch
    }

    @Test(arguments: Change.allCases)
    func eachChangeBumpsItsRepository(change: Change) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let name = try Sample.repository()
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await catalog.put(image, tags: ["a"]).isStored)
        try await catalog.link(5)
        try await catalog.link(6, in: "other")
        let mark = catalog.mark(of: name)
        let version = try fixture.count("SELECT version FROM repo WHERE name = 'team/app'")

        var changes = true
        switch change {
        case .put: _ = try await catalog.put(SampleManifest.image(2))
        case .tag: _ = try await catalog.put(image, tags: ["b"])
        case .untag: _ = try await catalog.untag("a")
        case .trash: _ = try await catalog.delete(image.digest)
        case .link: try await catalog.link(7)
        case .hide: _ = try await catalog.deleteBlob(Sample.digest(5), in: name, context: Sample.context)
        case .corrupt: try await catalog.markBlob(Sample.digest(5), health: .corrupt)
        case .mount:
            #expect(
                try await catalog.mount(
                    Sample.digest(6),
                    from: nil,
                    to: name,
                    isReadable: { _ in true },
                    context: Sample.context
                ) == .mounted
            )
        case .renewal: (_, changes) = (try await catalog.renewLease(Sample.digest(5), in: name), false)
        case .upload:
            (_, changes) = (
                try await catalog.createUpload("u", in: name, lifetime: 1, context: Sample.context), false
            )
        case .refusedPut: (_, changes) = (try await catalog.put(image, tags: ["a"], .absent), false)
        case .touch: (_, changes) = (try await catalog.touchBlob(Sample.digest(5), in: name), false)
        }
        #expect(mark.isCurrent == !changes)
        #expect((catalog.epoch(of: name) == mark.epoch) == !changes)
        let now = try fixture.count("SELECT version FROM repo WHERE name = 'team/app'")
        #expect((now > version) == changes)
    }

    @Test func otherRepositoriesKeepTheirCaches() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        // Two names may share a stripe; that all of them do is out of the question.
        let marks = try (0..<50).map { catalog.mark(of: try Sample.repository("other\($0)")) }
        #expect(try await catalog.put(SampleManifest.image(1), tags: ["a"]).isStored)
        #expect(marks.count(where: \.isCurrent) > 40)
    }

    /// The race of a cache: a reader read the old value, a commit overtook it, and now it would fill.
    @Test func aFillThatACommitOvertookIsRefused() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let (old, new) = (try SampleManifest.image(1), try SampleManifest.image(2))
        #expect(try await catalog.put(old, tags: ["t"]).isStored)

        let mark = catalog.mark(of: try Sample.repository())
        let read = try await catalog.get("t")
        #expect(mark.isCurrent, "nothing happened yet: it may be filled")
        #expect(try await catalog.put(new, tags: ["t"]).isStored)
        #expect(read == old.digest)
        #expect(!mark.isCurrent, "the value is stale: it must not be filled")
    }

    /// A cache as above the catalog, under readers and a writer: whoever was told of a value never reads an older one.
    @Test func aCacheNeverServesWhatWasReplaced() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let images = try (0..<60).map { try SampleManifest.image($0) }
        let order = Dictionary(uniqueKeysWithValues: images.enumerated().map { ($1.digest, $0) })
        #expect(try await catalog.put(images[0], tags: ["t"]).isStored)
        let cache = SampleCache()

        try await withThrowingTaskGroup { group in
            for _ in 0..<3 {
                group.addTask {
                    while await cache.acknowledged < images.count - 1 {
                        let floor = await cache.acknowledged
                        let seen = try #require(try await cache.get("t", catalog))
                        #expect(try #require(order[seen]) >= floor)
                    }
                }
            }
            group.addTask {
                for (number, image) in images.enumerated().dropFirst() {
                    let result = try await catalog.put(image, tags: ["t"])
                    #expect(result.isStored)
                    await cache.acknowledge(number)
                }
            }
            try await group.waitForAll()
        }
    }

    private actor SampleCache {
        private var entries: [String: (digest: Digest, mark: EpochMark)] = [:]
        private(set) var acknowledged = 0

        func acknowledge(_ number: Int) { acknowledged = number }

        func get(_ tag: String, _ catalog: Catalog) async throws -> Digest? {
            if let entry = entries[tag], entry.mark.isCurrent { return entry.digest }
            let mark = catalog.mark(of: try Sample.repository())
            let digest = try await catalog.get(tag)
            if let digest, mark.isCurrent { entries[tag] = (digest, mark) }
            return digest
        }
    }
}
