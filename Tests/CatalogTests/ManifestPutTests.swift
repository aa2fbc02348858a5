// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

@Suite struct ManifestPutTests {
    @Test func whatIsPutIsRead() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let layer = try await catalog.link(10)
        let image = try SampleManifest.image(1, layers: [(layer, 10)])
        let stored = try #require(try await catalog.put(image, tags: ["latest", "v1", "latest"]).stored)
        #expect(!stored.existed)
        #expect(
            stored.tags == [
                TagChange(tag: try Sample.tag("latest"), former: nil),
                TagChange(tag: try Sample.tag("v1"), former: nil),
            ]
        )

        for reference in [Reference.tag(try Sample.tag("latest")), .tag(try Sample.tag("v1")), .digest(image.digest)] {
            let record = try #require(try await catalog.manifest(reference, in: Sample.repository()))
            #expect(record.digest == image.digest)
            #expect(record.payload == image.manifest.bytes)
            #expect(record.mediaType.description == SampleManifest.imageType)
            #expect(record.size == image.size)
            #expect(record.subject == nil)
        }
        #expect(try await catalog.get("other") == nil)
        #expect(try await catalog.get("latest", in: "team/other") == nil)
        // The manifest is a blob as well.
        guard case .present(let link) = try await catalog.blob(image.digest, in: Sample.repository()) else {
            Issue.record("no blob for the manifest")
            return
        }
        #expect(link.size == image.size && link.isReferenced)
        #expect(try await fixture.problems() == [])
    }

    @Test func allThatIsMissingIsNamedInOrderAndNothingStays() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let here = try await catalog.link(10)
        let (b, c) = (try Sample.digest(11), try Sample.digest(12))
        let image = try SampleManifest.image(1, config: (c, 5), layers: [(b, 11), (here, 99), (b, 11)])
        let references = try #require(try await catalog.put(image, tags: ["t"]).unresolved)
        #expect(references.missingBlobs == [c, b])
        #expect(references.missingManifests == [])
        #expect(references.sizeMismatches.map(\.digest) == [here])
        #expect(references.sizeMismatches.map(\.declared) == [99])
        #expect(references.sizeMismatches.map(\.actual) == [10])
        #expect(try fixture.count("SELECT COUNT(*) FROM manifest") == 0)
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE kind <> 'repo.create'") == 0)
        #expect(try await catalog.get("t") == nil)
    }

    @Test func aRefusedPutCreatesNoRepository() async throws {
        let fixture = try CatalogFixture()
        #expect(try await !fixture.catalog.put(SampleManifest.image(1), in: "new/repo").isStored)
        #expect(try fixture.count("SELECT COUNT(*) FROM repo") == 0)
        #expect(try fixture.count("SELECT COUNT(*) FROM event") == 0)
    }

    @Test func aBlobOfAnotherRepositoryDoesNotCount() async throws {
        let fixture = try CatalogFixture()
        try await fixture.catalog.linkConfig(in: "team/other")
        #expect(try await !fixture.catalog.put(SampleManifest.image(1)).isStored)
    }

    @Test(arguments: [true, false])
    func hiddenAndCorruptBlobsCountAsMissing(hidden: Bool) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        let config = try Sample.digest(0)
        try await catalog.linkConfig()
        if hidden {
            #expect(try await catalog.deleteBlob(config, in: Sample.repository(), context: Sample.context) == .deleted)
        } else {
            #expect(try await catalog.markBlob(config, health: .corrupt))
        }
        #expect(try await catalog.put(SampleManifest.image(1)).unresolved?.missingBlobs == [config])
        try await catalog.linkConfig()
        #expect(try await catalog.put(SampleManifest.image(1)).isStored)
        #expect(try await fixture.problems() == [])
    }

    @Test func aLayerThatMayNotBeDistributedMayBeAbsentAndGetsItsEdgeLater() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let foreign = try Sample.digest(30)
        let type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        var layer = SampleManifest.descriptor((foreign, 30), type)
        layer["urls"] = ["https://example.com/layer"]
        let image = try SampleManifest.make(
            1,
            [
                "schemaVersion": 2, "mediaType": SampleManifest.imageType,
                "config": SampleManifest.descriptor((Sample.digest(0), 2), SampleManifest.configType),
                "layers": [layer],
            ]
        )
        #expect(try await catalog.put(image).isStored)
        #expect(try fixture.count("SELECT COUNT(*) FROM ref_blob") == 2)
        try await catalog.link(30)
        #expect(try await catalog.put(image).stored?.existed == true)
        #expect(try fixture.count("SELECT COUNT(*) FROM ref_blob") == 3)
    }

    @Test func childrenMustBeLiveInTheSameRepository() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        try await catalog.linkConfig(in: "team/other")
        let here = try SampleManifest.image(1)
        let elsewhere = try SampleManifest.image(2)
        let trashed = try SampleManifest.image(3)
        #expect(try await catalog.put(here).isStored)
        #expect(try await catalog.put(elsewhere, in: "team/other").isStored)
        #expect(try await catalog.put(trashed).isStored)
        _ = try await catalog.delete(trashed.digest)

        let index = try SampleManifest.index(4, [here, elsewhere, trashed])
        let references = try #require(try await catalog.put(index).unresolved)
        #expect(references.missingManifests == [elsewhere.digest, trashed.digest])
        #expect(try await catalog.put(elsewhere).isStored)
        #expect(try await catalog.put(trashed).isStored)
        #expect(try await catalog.put(index, tags: ["all"]).isStored)
        #expect(try await fixture.problems() == [])
    }

    @Test func indexesNestToTheLimit() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        var top = try SampleManifest.image(0)
        #expect(try await catalog.put(top).isStored)
        for level in 1...4 {
            top = try SampleManifest.index(level, [top])
            #expect(try await catalog.put(top).isStored)
        }
        #expect(try await catalog.put(SampleManifest.index(5, [top])) == .indexTooDeep(limit: 4))
        #expect(try await catalog.put(SampleManifest.index(6, [])).isStored)
    }

    @Test func aSecondPutIsKnownAndBooksNothing() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        let first = try #require(try await catalog.put(image, tags: ["a"]).stored)
        let second = try #require(try await catalog.put(image, tags: ["a"]).stored)
        #expect(second.existed && second.event > first.event && second.timestamp > first.timestamp)
        #expect(second.tags == [TagChange(tag: try Sample.tag("a"), former: image.digest)])
        #expect(try await catalog.tagHistory(Sample.tag("a"), in: Sample.repository(), limit: 10) == [])
        #expect(try fixture.count("SELECT SUM(manifests) FROM usage_delta") == 1)
        #expect(try fixture.count("SELECT SUM(tags) FROM usage_delta") == 1)
        #expect(try await fixture.problems() == [])
    }

    @Test func tooManyTagsAreRefused() async throws {
        let fixture = try CatalogFixture { $0.tagsPerRepository = 3 }
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        #expect(try await catalog.put(image, tags: ["a", "b"]).isStored)
        #expect(try await catalog.put(image, tags: ["a", "c", "d"]) == .tooManyTags(limit: 3))
        #expect(try await catalog.put(image, tags: ["a", "c"]).isStored)
        #expect(try await catalog.put(image, tags: ["a", "b", "c"]).isStored)
        #expect(try await catalog.put(image, tags: ["d"]) == .tooManyTags(limit: 3))
        _ = try await catalog.untag("a")
        #expect(try await catalog.put(image, tags: ["d"]).isStored)
        #expect(try await fixture.problems() == [])
    }
}
