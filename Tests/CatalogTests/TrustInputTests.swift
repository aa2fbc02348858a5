// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// A verdict counts only while nothing that it rests on has changed, and quarantine reaches what holds its digest.
@Suite struct TrustInputTests {
    private func inputs(of sample: SampleManifest, _ catalog: Catalog) async throws -> TrustInputs {
        let inputs = try await catalog.trustInputs(
            of: sample.digest,
            in: Sample.repository(),
            limit: 100,
            bytesLimit: 1 << 20
        )
        return try #require(inputs)
    }

    /// Keeps a verdict, makes a change, and tells whether the verdict still counts.
    private func survives(
        _ sample: SampleManifest,
        _ catalog: Catalog,
        _ change: () async throws -> Void
    ) async throws -> Bool {
        let name = try Sample.repository()
        let generation = try await inputs(of: sample, catalog).generation
        let isKept = try await catalog.keepVerdict([7], on: sample.digest, tag: "", in: name, generation: generation)
        #expect(isKept)
        #expect(try await catalog.verdict(on: sample.digest, tag: "", in: name) == [7])
        try await change()
        return try await catalog.verdict(on: sample.digest, tag: "", in: name) != nil
    }

    @Test func whatIsAttachedEndsAVerdict() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        let other = try SampleManifest.image(2)
        _ = try await catalog.put(image, tags: ["v1"])
        _ = try await catalog.put(other, tags: ["v2"])
        let referrer = try SampleManifest.image(3, subject: image.digest)
        #expect(try await !survives(image, catalog) { _ = try await catalog.put(referrer) })
        #expect(try await inputs(of: image, catalog).attachments.map(\.digest) == [referrer.digest])
        #expect(try await !survives(image, catalog) { _ = try await catalog.delete(referrer.digest) })
        #expect(try await inputs(of: image, catalog).attachments == [])
        let legacy = "sha256-\(image.digest.hex).sig"
        #expect(try await !survives(image, catalog) { _ = try await catalog.put(other, tags: [legacy]) })
        #expect(try await inputs(of: image, catalog).attachments.map(\.digest) == [other.digest])
        #expect(try await !survives(image, catalog) { _ = try await catalog.untag(legacy) })
        #expect(try await survives(image, catalog) { _ = try await catalog.put(other, tags: ["v3"]) })
        let elsewhere = try SampleManifest.image(4, subject: other.digest)
        #expect(try await survives(image, catalog) { _ = try await catalog.put(elsewhere) })
    }

    /// What speaks for an index speaks for its images, at any depth.
    @Test func whatIsAttachedToAnIndexEndsTheVerdictsOnItsImages() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        _ = try await catalog.put(image)
        let index = try SampleManifest.index(2, [image])
        #expect(try await !survives(image, catalog) { _ = try await catalog.put(index) })
        let top = try SampleManifest.index(3, [index])
        #expect(try await !survives(image, catalog) { _ = try await catalog.put(top, tags: ["top"]) })
        let found = try await inputs(of: image, catalog)
        #expect(Set(found.parents) == [index.digest, top.digest])
        let referrer = try SampleManifest.image(4, subject: top.digest)
        #expect(try await !survives(image, catalog) { _ = try await catalog.put(referrer) })
        #expect(try await inputs(of: image, catalog).attachments.map(\.subject) == [top.digest])
        #expect(try await !survives(image, catalog) { _ = try await catalog.delete(top.digest) })
        #expect(try await inputs(of: image, catalog).parents == [index.digest])
    }

    @Test func aVerdictThatIsOutOfDateIsNotKept() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        _ = try await catalog.put(image)
        let old = try await inputs(of: image, catalog).generation
        _ = try await catalog.put(SampleManifest.image(2, subject: image.digest))
        let isKept = try await catalog.keepVerdict(
            [1],
            on: image.digest,
            tag: "",
            in: Sample.repository(),
            generation: old
        )
        #expect(!isKept)
        #expect(try await catalog.verdict(on: image.digest, tag: "", in: Sample.repository()) == nil)
    }

    @Test func whatIsCutOffIsSaid() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let image = try SampleManifest.image(1)
        _ = try await catalog.put(image)
        for seed in 2..<5 { _ = try await catalog.put(SampleManifest.image(seed, subject: image.digest)) }
        for limit in [2, 3, 4] {
            let found = try await catalog.trustInputs(
                of: image.digest,
                in: Sample.repository(),
                limit: limit,
                bytesLimit: 1 << 20
            )
            #expect(found?.attachments.count == min(limit, 3))
            #expect(found?.isWhole == (limit >= 3))
        }
    }

    @Test func quarantineReachesWhatHoldsItsDigest() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let layer = try await catalog.link(10)
        let image = try SampleManifest.image(1, layers: [(layer, 10)])
        let clean = try SampleManifest.image(2)
        _ = try await catalog.put(image)
        _ = try await catalog.put(clean)
        let index = try SampleManifest.index(3, [image, clean])
        _ = try await catalog.put(index, tags: ["all"])
        _ = try await catalog.setQuarantine(layer, reason: "a key is in it", context: Sample.context)
        var holds = try await catalog.quarantineHolds()
        #expect(Set(holds.map(\.digest)) == [layer, image.digest, index.digest])
        #expect(Set(holds.map(\.cause)) == [layer])
        #expect(try await catalog.quarantine(of: layer)?.reason == "a key is in it")
        let cleared = try await catalog.clearQuarantine(layer, reason: "rotated", context: Sample.context)
        #expect(cleared != nil)
        holds = try await catalog.quarantineHolds()
        #expect(holds.isEmpty)
        let again = try await catalog.clearQuarantine(layer, reason: "rotated", context: Sample.context)
        #expect(again == nil)
    }
}
