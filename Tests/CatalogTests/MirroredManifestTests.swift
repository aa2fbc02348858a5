// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// Manifests of mirrors: here before what they refer to, which they hold from the moment that it comes; and the same in
/// other regions.
@Suite struct MirroredManifestTests {
    let here: MemoryRegion
    let there: MemoryRegion
    let image: SampleManifest
    let index: SampleManifest
    let layer: Digest

    init() async throws {
        (here, there) = (try MemoryRegion("here"), try MemoryRegion("there"))
        layer = try Sample.digest(77)
        image = try SampleManifest.image(1, layers: [(layer, 7)])
        index = try SampleManifest.index(2, [image])
        try await there.meet(here)
    }

    private func mirror(_ sample: SampleManifest, tag: String? = nil) async throws -> ManifestPut {
        try await here.catalog.putMirrored(
            sample.manifest,
            digest: sample.digest,
            in: Sample.repository(),
            tag: tag.map { try Sample.tag($0) },
            context: Sample.context
        )
    }

    private func isStored(_ put: ManifestPut) -> Bool { if case .stored = put { true } else { false } }

    @Test func whatItRefersToIsAwaitedAndThenHeld() async throws {
        let name = try Sample.repository()
        let stored = try await [mirror(index, tag: "v"), mirror(image)].map(isStored)
        #expect(stored == [true, true])
        let size = try await here.catalog.awaitedSize(of: layer, in: name)
        #expect(size == 7)
        let elsewhere = try await here.catalog.awaitedSize(of: layer, in: Sample.repository("team/other"))
        #expect(elsewhere == nil)
        let holding = try await here.catalog.holding(of: layer, in: name)
        #expect(holding == .unlinked)
        try await here.catalog.linkFetchedBlob(layer, size: 7, in: name)
        let come = try await here.catalog.awaitedSize(of: layer, in: name)
        #expect(come == nil)
        let deletion = try await here.catalog.deleteBlob(layer, in: name, context: Sample.context)
        #expect(deletion == .referenced(by: [image.digest]))
        let held = try await here.catalog.delete(image.digest)
        #expect(held == .held(by: [index.digest]))
        let problems = try await here.problems()
        #expect(problems == [])
    }

    /// What other repositories have is not linked because a registry elsewhere names it.
    @Test func nothingIsLinkedThatWasNotFetched() async throws {
        try await here.catalog.linkFetchedBlob(layer, size: 7, in: Sample.repository("secret/app"))
        _ = try await mirror(image, tag: "v")
        let holding = try await here.catalog.holding(of: layer, in: Sample.repository())
        #expect(holding == .unlinked)
    }

    @Test func anotherSizeThanWhatIsHereHasIsRefused() async throws {
        try await here.catalog.linkFetchedBlob(layer, size: 8, in: Sample.repository())
        let put = try await mirror(image, tag: "v")
        guard case .unresolved = put else {
            Issue.record("it was \(put)")
            return
        }
        let tag = try await here.catalog.get("v")
        #expect(tag == nil)
    }

    @Test func itIsInOtherRegionsWithoutWhatItRefersTo() async throws {
        _ = try await mirror(index, tag: "v")
        try await there.mergeAll(of: here, manifests: [index])
        let tagged = try await there.catalog.get("v")
        #expect(tagged == index.digest)
        let missing = try await there.catalog.remoteBacklog()
        #expect(missing.blobs == 0)
        _ = try await mirror(image)
        try await there.mergeAll(of: here, manifests: [index, image])
        let held = try await there.catalog.delete(image.digest)
        #expect(held == .held(by: [index.digest]))
        let size = try await there.catalog.awaitedSize(of: layer, in: Sample.repository())
        #expect(size == 7)
        let problems = try await there.problems()
        #expect(problems == [])
    }
}
