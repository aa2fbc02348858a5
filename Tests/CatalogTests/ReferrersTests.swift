// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB
import OCI
import Testing

@Suite struct ReferrersTests {
    private static let signature = "application/vnd.example.signature"
    private static let sbom = "application/vnd.example.sbom"

    @Test func referrersCarryWhatDescriptorsNeed() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let subject = try Sample.digest(500)
        let signed = try SampleManifest.image(
            1,
            subject: subject,
            artifactType: ReferrersTests.signature,
            annotations: ["b": "\"2\"", "a": "1\n"]
        )
        let plain = try SampleManifest.image(2, subject: subject)
        let index = try SampleManifest.index(3, [], subject: subject)
        for manifest in [signed, plain, index] { #expect(try await catalog.put(manifest).isStored) }
        #expect(try await catalog.put(SampleManifest.image(4)).isStored)

        let page = try await catalog.referrers(of: subject, in: Sample.repository(), limit: 10)
        #expect(!page.hasMore)
        #expect(page.referrers.map(\.digest) == [signed, plain, index].map(\.digest).sorted())
        let byDigest = Dictionary(uniqueKeysWithValues: page.referrers.map { ($0.digest, $0) })
        let first = try #require(byDigest[signed.digest])
        #expect(first.artifactType?.description == ReferrersTests.signature)
        #expect(first.annotations == #"{"a":"1\n","b":"\"2\""}"#)
        #expect(first.size == signed.size && first.mediaType.description == SampleManifest.imageType)
        #expect(byDigest[plain.digest]?.artifactType?.description == SampleManifest.configType)
        #expect(byDigest[plain.digest]?.annotations == nil)
        #expect(byDigest[index.digest]?.artifactType == nil)
        #expect(byDigest[index.digest]?.mediaType.description == SampleManifest.indexType)

        let elsewhere = try await catalog.referrers(of: subject, in: Sample.repository("none"), limit: 10)
        #expect(elsewhere.referrers.isEmpty && !elsewhere.hasMore)
        _ = try await catalog.delete(plain.digest)
        #expect(try await catalog.referrers(of: subject, in: Sample.repository(), limit: 10).referrers.count == 2)
    }

    @Test(arguments: [1, 3, 7, 100])
    func pagesCoverAllOnce(limit: Int) async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let subject = try Sample.digest(500)
        var signatures: [Digest] = []
        var all: [Digest] = []
        for seed in 0..<12 {
            let type = seed % 3 == 0 ? ReferrersTests.signature : ReferrersTests.sbom
            let manifest = try SampleManifest.image(seed, subject: subject, artifactType: type)
            #expect(try await catalog.put(manifest).isStored)
            all.append(manifest.digest)
            if seed % 3 == 0 { signatures.append(manifest.digest) }
        }
        func collect(_ type: String?) async throws -> [Digest] {
            var seen: [Digest] = []
            var hasMore = true
            while hasMore {
                let page = try await catalog.referrers(
                    of: subject,
                    in: Sample.repository(),
                    artifactType: type.map(Sample.mediaType),
                    after: seen.last,
                    limit: limit
                )
                #expect(page.referrers.count <= limit && (!page.hasMore || page.referrers.count == limit))
                seen += page.referrers.map(\.digest)
                hasMore = page.hasMore
            }
            return seen
        }
        #expect(try await collect(nil) == all.sorted())
        #expect(try await collect(ReferrersTests.signature) == signatures.sorted())
        #expect(try await collect("application/vnd.example.none") == [])
    }

    @Test func aPageEndsWhenItsAnnotationsAreLarge() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let subject = try Sample.digest(500)
        let filler = String(repeating: "x", count: 900_000)
        for seed in 0..<5 {
            let manifest = try SampleManifest.image(seed, subject: subject, annotations: ["filler": filler])
            #expect(try await catalog.put(manifest).isStored)
        }
        let page = try await catalog.referrers(of: subject, in: Sample.repository(), limit: 10)
        #expect(page.referrers.count == 3 && page.hasMore)
        let rest = try await catalog.referrers(
            of: subject,
            in: Sample.repository(),
            after: page.referrers.last?.digest,
            limit: 10
        )
        #expect(rest.referrers.count == 2 && !rest.hasMore)
    }

    /// A client without the referrers API keeps an index under a tag made of the digest. What it lists counts if it is
    /// here and names the subject, and once.
    @Test func aFallbackIndexIsFoldedIn() async throws {
        let fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let subject = try SampleManifest.image(1)
        let referrer = try SampleManifest.image(2, subject: subject.digest, artifactType: ReferrersTests.signature)
        let withoutSubject = try SampleManifest.image(3, artifactType: ReferrersTests.signature)
        let ofAnother = try SampleManifest.image(
            4,
            subject: Sample.digest(9),
            artifactType: ReferrersTests.signature
        )
        for manifest in [subject, referrer, withoutSubject, ofAnother] {
            #expect(try await catalog.put(manifest).isStored)
        }
        let fallback = try SampleManifest.index(5, [referrer, withoutSubject, ofAnother])
        #expect(try await catalog.put(fallback, tags: ["sha256-\(subject.digest.hex)"]).isStored)
        let page = try await catalog.referrers(of: subject.digest, in: Sample.repository(), limit: 10)
        #expect(page.referrers.map(\.digest) == [referrer.digest])
    }

    @Test func tooManyReferrersAreRefused() async throws {
        let fixture = try CatalogFixture { $0.referrersPerSubject = 3 }
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        let subject = try Sample.digest(500)
        let manifests = try (0..<4).map { try SampleManifest.image($0, subject: subject) }
        for manifest in manifests.prefix(3) { #expect(try await catalog.put(manifest).isStored) }
        #expect(try await catalog.put(manifests[3]) == .tooManyReferrers(limit: 3))
        #expect(try await catalog.put(manifests[0]).isStored)
        _ = try await catalog.delete(manifests[1].digest)
        #expect(try await catalog.put(manifests[3]).isStored)
    }
}
