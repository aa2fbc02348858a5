// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// Manifests that come from another region, and go there; and the blobs whose bytes stay behind.
@Suite struct MergedManifestTests {
    let here: MemoryRegion
    let there: MemoryRegion
    let image: SampleManifest
    let index: SampleManifest

    init() async throws {
        (here, there) = (try MemoryRegion("here"), try MemoryRegion("there"))
        image = try SampleManifest.image(1)
        index = try SampleManifest.index(2, [image])
        try await here.meet(there)
        try await there.meet(here)
    }

    private func exchange() async throws {
        try await here.mergeAll(of: there, manifests: [image, index])
        try await there.mergeAll(of: here, manifests: [image, index])
    }

    private func live(_ sample: SampleManifest) async throws -> [Bool] {
        [
            try await here.catalog.get(sample.digest) != nil,
            try await there.catalog.get(sample.digest) != nil,
        ]
    }

    private func image(_ tags: [String]) async throws {
        try await here.catalog.linkConfig()
        _ = try await here.catalog.put(image, tags: tags)
        try await exchange()
    }

    @Test func aDeletionTravels() async throws {
        try await image([])
        _ = try await there.catalog.delete(image.digest)
        try await exchange()
        let gone = try await live(image)
        #expect(gone == [false, false])
        let problems = try await here.problems() + there.problems()
        #expect(problems == [])
        _ = try await here.catalog.put(image)
        try await exchange()
        let back = try await live(image)
        #expect(back == [true, true])
    }

    /// A deletion that did not know the tag waits until that goes: then it takes effect, here without an event.
    @Test func aDeletionWaitsForTheTagThatItDidNotKnow() async throws {
        try await image([])
        _ = try await here.catalog.put(image, tags: ["v"])
        there.clock.advance(seconds: 1)
        _ = try await there.catalog.delete(image.digest)
        try await exchange()
        let held = try await live(image)
        #expect(held == [true, true])
        here.clock.advance(seconds: 2)
        _ = try await here.catalog.untag("v")
        let alone = try await live(image)
        #expect(alone == [false, true])
        try await exchange()
        let gone = try await live(image)
        #expect(gone == [false, false])
        let problems = try await here.problems() + there.problems()
        #expect(problems == [])
    }

    @Test func aDeletionWaitsForTheIndexThatItDidNotKnow() async throws {
        try await image([])
        _ = try await here.catalog.put(index, tags: ["v"])
        there.clock.advance(seconds: 1)
        _ = try await there.catalog.delete(image.digest)
        try await exchange()
        let held = try await live(image)
        #expect(held == [true, true])
        here.clock.advance(seconds: 2)
        _ = try await here.catalog.delete(index.digest)
        try await exchange()
        let (gone, goneToo) = (try await live(image), try await live(index))
        #expect(gone == [false, false] && goneToo == [false, false])
        let problems = try await here.problems() + there.problems()
        #expect(problems == [])
    }

    @Test func aDeletionThatComesFirstCounts() async throws {
        try await image([])
        let third = try MemoryRegion("third")
        try await third.meet(here)
        try await third.meet(there)
        there.clock.advance(seconds: 1)
        _ = try await there.catalog.delete(image.digest)
        try await third.mergeAll(of: there, manifests: [])
        try await third.mergeAll(of: here, manifests: [image])
        let found = try await third.catalog.get(image.digest)
        #expect(found == nil)
        let problems = try await third.problems()
        #expect(problems == [])
    }

    @Test func anIndexWaitsForWhatItHolds() async throws {
        try await here.catalog.linkConfig()
        _ = try await here.catalog.put(image)
        _ = try await here.catalog.put(index)
        try await here.seal()
        let last = here.log.count - 1
        let alone = try await there.merge([last], of: here, manifests: [index].byDigest)
        #expect(alone.outcomes == [.waits(for: [image.digest])])
        let both = try await there.merge([last], of: here, manifests: [index, image].byDigest)
        #expect(both.outcomes == [.applied])
        let problems = try await there.problems()
        #expect(problems == [])
    }

    // MARK: - Blobs whose bytes are elsewhere

    @Test func aRemoteBlobIsLinkedAndAbsent() async throws {
        let (name, other, config) = (try Sample.repository(), try Sample.repository("other"), try Sample.digest(0))
        try await image(["v"])
        let catalog = there.catalog
        let record = try await catalog.blobRecord(config)
        #expect(record?.state == .remote && record?.size == 2)
        let (found, touched) = (try await catalog.blob(config, in: name), try await catalog.touchBlob(config, in: name))
        #expect(found == .absent && touched == .absent)
        for source in [name, nil] {
            let size = try await catalog.mountableSize(config, from: source, isReadable: { _ in true })
            let mount = try await catalog.mount(
                config,
                from: source,
                to: other,
                isReadable: { _ in true },
                context: Sample.context
            )
            #expect(size == nil && mount == .notMountable)
        }
        // A client that pushes an image over it has to send it.
        let put = try await catalog.put(SampleManifest.image(7))
        #expect(put.unresolved?.missingBlobs == [config])
        let (stored, backlog) = (try await catalog.storedBytes(), try await catalog.remoteBacklog())
        #expect(stored == StoredBytes(bytes: image.size, blobs: 1) && backlog == StorageSum(blobs: 1, bytes: 2))
        let candidates = try await catalog.scrubCandidates(after: nil, in: nil, limit: 9)
        #expect(candidates.map(\.digest) == [image.digest])
        let audit = try await catalog.auditBlobs(after: nil)
        #expect(audit.findings == [] && audit.rows == 1 && audit.bytes == image.size)
        let waiting = try await catalog.missingBlobs(after: nil, limit: 9)
        #expect(waiting.map(\.digest) == [config])

        try await catalog.linkConfig()
        let (now, all) = (try await catalog.blobRecord(config), try await catalog.storedBytes())
        #expect(now?.state == .live && all == StoredBytes(bytes: image.size + 2, blobs: 2))
        let left = try await catalog.remoteBacklog()
        #expect(left == StorageSum())
        let problems = try await there.problems()
        #expect(problems == [])
    }

    /// Without a link nothing is left of it: there is no file to remove.
    @Test func aRemoteBlobGoesWithItsLastLink() async throws {
        try await image([])
        _ = try await there.catalog.delete(image.digest)
        try await exchange()
        try await here.seal()
        try await there.seal()
        try await there.catalog.setPositions([there.origin: Int64(there.log.count)], of: here.origin)
        there.clock.advance(seconds: Sample.undo + 1)
        let purge = try await there.catalog.purgeManifests(limit: 10, context: Sample.context)
        #expect(purge.purged == 1)
        there.clock.advance(seconds: Sample.lease + 1)
        let links = try await there.catalog.collectLinks(limit: 10)
        #expect(links.removed == 2 && links.condemned == 1)
        let record = try await there.catalog.blobRecord(Sample.digest(0))
        #expect(record == nil)
        let problems = try await there.problems()
        #expect(problems == [])
    }

    @Test func aCondemnedBlobThatIsLinkedFromAfarIsFetchedAgain() async throws {
        try await there.catalog.linkConfig()
        there.clock.advance(seconds: Sample.lease + 1)
        _ = try await there.catalog.collectLinks(limit: 10)
        try await image([])
        let record = try await there.catalog.blobRecord(Sample.digest(0))
        #expect(record?.state == .remote)
        // The collector had decided on it before.
        let removal = try await there.catalog.deleteCondemned([Sample.digest(0)])
        #expect(removal.blobs == 0)
        let problems = try await there.problems()
        #expect(problems == [])
    }

    // MARK: - The trash

    @Test func whatIsTrashedStaysUntilAllPeersKnow() async throws {
        try await image([])
        _ = try await there.catalog.delete(image.digest)
        try await there.seal()
        there.clock.advance(seconds: Sample.undo + 1)
        func purge() async throws -> ManifestPurge {
            there.clock.advance(seconds: 3_601)
            return try await there.catalog.purgeManifests(limit: 10, context: Sample.context)
        }
        let unknown = try await purge()
        #expect(unknown.purged == 0 && unknown.postponed == 1)
        let all = Int64(there.log.count)
        try await there.catalog.setPositions([there.origin: all - 1], of: here.origin)
        let behind = try await purge()
        #expect(behind.purged == 0)
        try await there.catalog.setPositions([there.origin: all], of: here.origin)
        let known = try await purge()
        #expect(known.purged == 1)
    }

    @Test func nobodyWaitsForARetiredPeerNorForEver() async throws {
        try await image([])
        _ = try await there.catalog.delete(image.digest)
        there.clock.advance(seconds: 89 * 86_400)
        let early = try await there.catalog.purgeManifests(limit: 10, context: Sample.context)
        #expect(early.purged == 0)
        there.clock.advance(seconds: 2 * 86_400)
        let late = try await there.catalog.purgeManifests(limit: 10, context: Sample.context)
        #expect(late.purged == 1)
        let forgotten = try await there.catalog.expireTombstones(limit: 10)
        #expect(forgotten == 1)

        try await exchange()
        here.clock.advance(seconds: Sample.undo + 1)
        let waits = try await here.catalog.purgeManifests(limit: 10, context: Sample.context)
        #expect(waits.purged == 1, "the peer that deleted it knows")
    }
}
