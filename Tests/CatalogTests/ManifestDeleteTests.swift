// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

@Suite struct ManifestDeleteTests {
    @Test func aManifestFallsWithItsTagsAndKeepsItsEdges() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await catalog.put(image, tags: ["b", "a"]).isStored)
        fixture.clock.advance(seconds: 100)
        guard case .deleted(_, let tags) = try await catalog.delete(image.digest) else {
            Issue.record("not deleted")
            return
        }
        #expect(tags.map(\.description) == ["a", "b"])
        #expect(try await catalog.get(image.digest) == nil)
        #expect(try await catalog.get("a") == nil)
        #expect(try await catalog.tags(in: Sample.repository(), after: nil, limit: 10) == [])
        #expect(try await catalog.repositories(after: nil, limit: 10) == [])
        #expect(try await catalog.repositoryExists(Sample.repository()))
        #expect(try await catalog.delete(image.digest) == .notFound)

        let history = try await catalog.tagHistory(Sample.tag("a"), in: Sample.repository(), limit: 10)
        #expect(history.map(\.digest) == [image.digest])
        #expect(history.map(\.reason) == [.manifestDeleted])
        #expect(try fixture.count("SELECT COUNT(*) FROM ref_blob") == 2)
        #expect(try fixture.count("SELECT purge_after_st FROM manifest") == 100 + Int(Sample.undo))
        #expect(try await fixture.problems() == [])
    }

    @Test func aTrashedManifestComesBackWithAPut() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await catalog.put(image, tags: ["a"]).isStored)
        _ = try await catalog.delete(image.digest)
        let again = try #require(try await catalog.put(image, tags: ["a"]).stored)
        #expect(!again.existed)
        #expect(again.tags == [TagChange(tag: try Sample.tag("a"), former: nil)])
        #expect(try await catalog.get("a") == image.digest)
        #expect(try fixture.count("SELECT COUNT(*) FROM manifest WHERE live = 1 AND purge_after_st IS NULL") == 1)
        #expect(try fixture.count("SELECT SUM(manifests) FROM usage_delta") == 1)
        #expect(try await fixture.problems() == [])
    }

    @Test func aChildIsHeldByLiveIndexesOnly() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let child = try SampleManifest.image(1)
        let first = try SampleManifest.index(2, [child])
        let second = try SampleManifest.index(3, [child, first])
        for manifest in [child, first, second] { #expect(try await catalog.put(manifest).isStored) }
        guard case .held(let parents) = try await catalog.delete(child.digest) else {
            Issue.record("not held")
            return
        }
        #expect(Set(parents) == [first.digest, second.digest])
        #expect(try await catalog.delete(first.digest) == .held(by: [second.digest]))
        _ = try await catalog.delete(second.digest)
        _ = try await catalog.delete(first.digest)
        guard case .deleted = try await catalog.delete(child.digest) else {
            Issue.record("a trashed index held its child")
            return
        }
        #expect(try await catalog.put(second).unresolved?.missingManifests == [child.digest, first.digest])
        #expect(try await fixture.problems() == [])
    }

    @Test func conditionsAreAboutTheManifest() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        let other = try Sample.digest(99)
        #expect(try await catalog.put(image, .exists) == .preconditionFailed(tag: nil, current: nil))
        #expect(try await catalog.put(image, .absent).isStored)
        #expect(try await catalog.put(image, .absent) == .preconditionFailed(tag: nil, current: image.digest))
        #expect(try await catalog.put(image, .matches(image.digest)).isStored)
        let refused = try await catalog.deleteManifest(
            image.digest,
            in: Sample.repository(),
            condition: .matches(other),
            context: Sample.context
        )
        #expect(refused == .preconditionFailed(current: image.digest))
        let unknown = try await catalog.deleteManifest(
            other,
            in: Sample.repository(),
            condition: .exists,
            context: Sample.context
        )
        #expect(unknown == .preconditionFailed(current: nil))
        let deleted = try await catalog.deleteManifest(
            image.digest,
            in: Sample.repository(),
            condition: .matches(image.digest),
            context: Sample.context
        )
        guard case .deleted = deleted else {
            Issue.record("not deleted")
            return
        }
    }
}
