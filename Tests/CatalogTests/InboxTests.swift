// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// What is kept of other regions' logs between their arrival and their effect.
@Suite struct InboxTests {
    let here: MemoryRegion
    let there: MemoryRegion
    let image: SampleManifest

    init() async throws {
        (here, there) = (try MemoryRegion("here"), try MemoryRegion("there"))
        image = try SampleManifest.image(1)
        try await there.meet(here, hears: false)
        try await here.catalog.linkConfig()
        _ = try await here.catalog.put(image, tags: ["v"])
        try await here.seal()
    }

    private func receive(_ count: Int, from first: Int = 0) async throws {
        let leaves = here.log[first..<first + count].map(\.leaf)
        try await there.catalog.receive(leaves, from: Int64(first), mirrored: Int64(here.log.count), of: here.origin)
    }

    /// Tries what is due, as a follower does.
    private func work(_ manifests: [SampleManifest]) async throws -> [MergeOutcome] {
        let due = try await there.catalog.dueEntries(of: here.origin, limit: 100)
        let entries = try due.map { entry in
            MergedEntry(
                index: entry.index,
                change: try LoggedChange(parsing: entry.leaf),
                manifests: manifests.byDigest
            )
        }
        return try await there.catalog.merge(entries, of: here.origin).outcomes
    }

    @Test func entriesWaitAndAreAppliedOnce() async throws {
        try await receive(3)
        let mirrored = try await there.catalog.peer(here.origin)
        #expect(mirrored?.size == 3 && mirrored?.applied == 0)
        let first = try await work([])
        let digests = [image.digest]
        #expect(first == [.applied, .waits(for: digests), .waits(for: digests)])
        let waiting = try await there.catalog.inboxBacklog(of: here.origin)
        #expect(waiting.open == 2 && waiting.oldest?.index == 1 && waiting.oldest?.attempts == 1)
        #expect(waiting.oldest?.reason == "waits for \(image.digest)")
        let soon = try await work([image])
        #expect(soon == [], "not before some time has passed")

        // The tag alone has come: the mark stays where the first one waits.
        let tag = try await there.merge([2], of: here, manifests: [image].byDigest)
        #expect(tag.outcomes == [.applied])
        let held = try await there.catalog.peer(here.origin)
        #expect(held?.applied == 1)
        let still = try await work([image])
        #expect(still == [])
        try await there.catalog.hearPeer(here.origin, size: 3)
        let rest = try await work([image])
        #expect(rest == [.applied], "at once, now that the region is heard again")
        let done = try await there.catalog.peer(here.origin)
        #expect(done?.applied == 3)
        #expect(try there.count("SELECT COUNT(*) FROM inbox") == 0)
        let again = try await there.merge([0, 1, 2], of: here, manifests: [:])
        #expect(again.outcomes == [.known, .known, .known])
    }

    @Test func entriesGoOnFromWhatIsThere() async throws {
        try await receive(1)
        await #expect(throws: CatalogError.self) { try await receive(1) }
        await #expect(throws: CatalogError.self) { try await receive(1, from: 2) }
        let peer = try await there.catalog.peer(here.origin)
        #expect(peer?.size == 1)
        try await receive(2, from: 1)
        #expect(try there.count("SELECT COUNT(*) FROM inbox") == 3)
    }

    @Test func aFrozenPeerIsNotListenedTo() async throws {
        try await receive(1)
        let isKnown = try await there.catalog.setPeer(here.origin, state: .frozen, reason: "two trees of one size")
        #expect(isKnown)
        await #expect(throws: CatalogError.self) { try await receive(1, from: 1) }
        await #expect(throws: CatalogError.self) { try await work([]) }
    }

    @Test func aParkedEntryComesUpWhenItsTimeHasCome() async throws {
        here.clock.advance(seconds: 200)
        _ = try await here.catalog.put(image, tags: ["w"])
        try await here.seal()
        try await receive(here.log.count)
        let outcomes = try await work([image])
        #expect(outcomes.last == .parked(milliseconds: 140_000))
        let backlog = try await there.catalog.inboxBacklog(of: here.origin)
        #expect(backlog.parked == 2)
        try await there.catalog.hearPeer(here.origin, size: 3)
        let early = try await work([image])
        #expect(early == [], "what is parked waits for the clock alone")
        there.clock.advance(seconds: 142)
        let later = try await work([image])
        #expect(later == [.applied, .applied])
    }

    /// What a region gets after it was first heard is no back-fill, however little it had.
    @Test func theBackfillEndsWhereARegionWasWhenFirstHeard() async throws {
        let unheard = try await there.catalog.peer(here.origin)
        #expect(unheard?.joined == nil)
        try await there.catalog.hearPeer(here.origin, size: 0)
        try await receive(2)
        try await there.catalog.hearPeer(here.origin, size: 2)
        let empty = try await there.catalog.peer(here.origin)
        #expect(empty?.joined == 0 && empty?.size == 2)

        let third = try MemoryRegion("third")
        try await third.meet(here, hears: false)
        try await third.catalog.hearPeer(here.origin, size: 2)
        let full = try await third.catalog.peer(here.origin)
        #expect(full?.joined == 2)
    }

    @Test func aNameIsOfOnePeer() async throws {
        let catalog = there.catalog
        let answers = [
            try await catalog.addPeer(origin: here.origin, region: "eu"),
            try await catalog.addPeer(origin: there.origin, region: "us"),
            try await catalog.addPeer(origin: "x", region: "eu"),
        ]
        #expect(answers == [.known, .own, .added])
        let peers = try await catalog.peers()
        #expect(peers.map(\.region) == ["eu", "eu"])
        #expect(peers.map(\.state) == [.retired, .following], "a log that goes on under another name")
    }

    @Test func aTransactionEndsAfterSoManyEdges() async throws {
        let layers = try (10..<2_010).map { (try Sample.digest($0), Int64(1)) }
        let large = try (2...5).map { try SampleManifest.image($0, layers: layers) }
        for layer in layers {
            _ = try await here.catalog.linkUploadedBlob(
                layer.0,
                size: 1,
                in: Sample.repository(),
                upload: nil,
                context: Sample.context
            )
        }
        for sample in large { _ = try await here.catalog.put(sample) }
        let report = try await there.mergeAll(of: here, manifests: large + [image])
        #expect(report.outcomes.count == here.log.count - 1)
    }
}
