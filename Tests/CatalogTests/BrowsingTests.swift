// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// What people look at page by page.
@Suite struct BrowsingTests {
    @Test func repositoriesGoOnAfterAPlace() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        for name in ["a", "a-b", "a/b", "a/b-c", "ab", "b"] {
            try await Self.fill(catalog, name)
        }
        let all = try await catalog.repositories(prefix: "", after: nil, limit: 10)
        #expect(all.map(\.name.description) == ["a", "a-b", "a/b", "a/b-c", "ab", "b"])
        for (index, place) in all.enumerated() {
            let rest = try await catalog.repositories(prefix: "", after: place.id, limit: 10)
            #expect(rest == Array(all.dropFirst(index + 1)))
        }
        let some = try await catalog.repositories(prefix: "a/", after: nil, limit: 10)
        #expect(some.map(\.name.description) == ["a/b", "a/b-c"])
        let later = try await catalog.repositories(prefix: "a/", after: all[0].id, limit: 10)
        #expect(later == some, "a place before the prefix skips nothing")
        let none = try await catalog.repositories(prefix: "a/", after: all[5].id, limit: 10)
        #expect(none.isEmpty)
        let unknown = try await catalog.repositories(prefix: "", after: 9_999, limit: 10)
        #expect(unknown.isEmpty)
    }

    private static func fill(_ catalog: Catalog, _ name: String) async throws {
        try await catalog.linkConfig(in: name)
        _ = try await catalog.put(SampleManifest.image(1), in: name, tags: ["v1"])
    }

    @Test func tagsComeWithWhatTheyName() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let name = try Sample.repository()
        try await catalog.linkConfig()
        let layer = try await catalog.link(1_000)
        let image = try SampleManifest.image(1, layers: [(layer, 1_000)])
        _ = try await catalog.put(image, tags: ["1.0", "1.0-rc", "1.1"])
        _ = try await catalog.put(SampleManifest.index(3, [image]), tags: ["all"])
        let found = try #require(try await catalog.tagDetails(in: name, prefix: "", after: nil, limit: 10))
        #expect(found.map(\.tag.description) == ["1.0", "1.0-rc", "1.1", "all"])
        #expect(found[0].digest == image.digest)
        #expect(found[0].bytes > 1_000)
        #expect(found[3].bytes > found[0].bytes, "an index has its own bytes and those of its images")
        let after = try await catalog.tagDetails(in: name, prefix: "1.", after: Sample.tag("1.0"), limit: 10)
        #expect(after?.map(\.tag.description) == ["1.0-rc", "1.1"])
        let unknown = try await catalog.tagDetails(in: Sample.repository("none"), prefix: "", after: nil, limit: 1)
        #expect(unknown == nil)
        let tags = try await catalog.tags(of: image.digest, in: name, limit: 2)
        #expect(tags.count == 2)
        let figures = try #require(try await catalog.figures(of: name))
        #expect(figures.tags == 4)
        #expect(figures.manifests == 2)
        #expect(figures.bytes > 1_000)
        let times = try await catalog.times(of: image.digest, in: name)
        #expect(times?.lastPull == nil)
        #expect(times != nil)
    }

    @Test func placesOfAnImageComeInPages() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let name = try Sample.repository()
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        _ = try await catalog.put(image, tags: ["a"])
        for number in 0..<7 {
            _ = try await catalog.reportDeployment(
                DeploymentReport(
                    place: try DeploymentFixture.place("web-\(number)", service: number % 2 == 0 ? "shop" : nil),
                    repository: name,
                    digest: image.digest,
                    deployment: nil,
                    expires: 600
                ),
                grace: 60,
                context: Sample.context
            )
        }
        var (last, seen): (Int64?, [Int64]) = (nil, [])
        while seen.count < 20 {
            let page = try await catalog.deployments(of: image.digest, in: name, after: last, limit: 3)
            guard let end = page.last else { break }
            seen += page.map(\.id)
            last = end.id
        }
        #expect(seen.count == 7)
        #expect(Set(seen).count == 7)
        let unknown = try await catalog.deployments(of: image.digest, in: name, after: 9_999, limit: 3)
        #expect(unknown.isEmpty)
    }
}

/// Every verb of this kind, for the test of query plans.
enum BrowsingVerbs {
    static func run(_ catalog: Catalog, image: Digest) async throws {
        let (name, tag) = (try Sample.repository(), try Sample.tag("a"))
        for place in try await catalog.repositories(prefix: "", after: nil, limit: 10) {
            _ = try await catalog.repositories(prefix: "t", after: place.id, limit: 10)
        }
        _ = try await catalog.figures(of: name)
        _ = try await catalog.tagDetails(in: name, prefix: "", after: tag, limit: 10)
        _ = try await catalog.tags(of: image, in: name, limit: 10)
        _ = try await catalog.times(of: image, in: name)
        _ = try await catalog.pins(on: [.digest(image), .tag(tag)], in: name)
        for id in [nil, Int64(1)] {
            _ = try await catalog.deployments(of: image, in: name, after: id, limit: 10)
        }
    }
}
