// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// Immutable tags are created in one region at a time, and those that become it know what was created before.
@Suite struct HomeTests {
    private let (here, there): (MemoryRegion, MemoryRegion)
    private let images: [SampleManifest]

    init() async throws {
        (here, there) = (try MemoryRegion("here"), try MemoryRegion("there"))
        images = try (1...4).map { try SampleManifest.image($0) }
        for (region, other) in [(here, there), (there, here)] {
            try await region.meet(other)
        }
    }

    /// Lets `region` hear the entries of `other` from one index up to another.
    private func hear(_ region: MemoryRegion, _ other: MemoryRegion, _ entries: Range<Int>) async throws {
        let leaves = other.log[entries].map(\.leaf)
        let (first, end) = (Int64(entries.lowerBound), Int64(other.log.count))
        try await region.catalog.receive(leaves, from: first, mirrored: end, of: other.origin)
        let report = try await region.merge(Array(entries), of: other, manifests: images.byDigest)
        #expect(report.outcomes.allSatisfy { $0 == .applied }, "\(report.outcomes)")
    }

    private func hearAll(_ region: MemoryRegion, _ other: MemoryRegion) async throws {
        try await other.seal()
        let known = try await region.catalog.peer(other.origin)?.size ?? 0
        try await hear(region, other, Int(known)..<other.log.count)
    }

    private func push(_ image: Int, _ tag: String, _ region: MemoryRegion) async throws -> ManifestPut {
        try await region.catalog.linkConfig()
        return try await region.catalog.put(images[image], tags: [tag], immutable: [tag])
    }

    private func home(_ region: MemoryRegion) async throws -> HomeRecord? {
        try await region.catalog.homes(after: "", limit: 10).first
    }

    private func standing(_ put: ManifestPut) -> HomeStanding? {
        guard case .awayFromHome(let standing) = put else { return nil }
        return standing
    }

    @Test func itIsWhereTheRepositoryWasCreated() async throws {
        #expect(try await push(0, "v1", here).isStored)
        try await hearAll(there, here)
        for region in [here, there] {
            let home = try await home(region)
            #expect(home?.origin == here.origin && home?.epoch == 0)
        }
        let refused = standing(try await push(1, "v2", there))
        #expect(refused?.origin == here.origin)
        #expect(refused?.reason?.contains("'here'") == true)
        #expect(try await there.catalog.get(images[1].digest) == nil, "a refusal stores nothing")
        #expect(try await push(0, "v1", there).isStored, "what the tag has already is no creation")
        #expect(try await there.catalog.put(images[1], tags: ["main"]).isStored)
    }

    /// Two regions that create a repository before they hear of each other: the earlier one has it.
    @Test func ofTwoThatCreateItTheFirstIsTheHome() async throws {
        #expect(try await push(0, "v1", there).isStored)
        here.clock.advance(seconds: 1)
        #expect(try await push(1, "v2", here).isStored)
        try await hearAll(here, there)
        try await hearAll(there, here)
        let homes = [try await home(here)?.origin, try await home(there)?.origin]
        #expect(homes == [there.origin, there.origin])
        #expect(standing(try await push(2, "v3", here)) != nil)
        #expect(try await push(2, "v3", there).isStored)
    }

    /// The new home may have been told before it has heard of all that the former one did.
    @Test func whoGetsItWaitsForWhatWasBefore() async throws {
        #expect(try await push(0, "v1", here).isStored)
        try await hearAll(there, here)
        #expect(try await push(1, "v2", here).isStored)
        let change = try await here.catalog.setHome(
            of: Sample.repository(),
            to: there.origin,
            isTakeover: false,
            context: Sample.context
        )
        guard case .changed(_, 1) = change else {
            Issue.record("\(change)")
            return
        }
        #expect(standing(try await push(2, "v3", here))?.origin == there.origin, "it is given away at once")
        try await here.seal()
        let (known, end) = (Int(try await there.catalog.peer(here.origin)?.size ?? 0), here.log.count)
        let leaves = here.log[known..<end].map(\.leaf)
        try await there.catalog.receive(leaves, from: Int64(known), mirrored: Int64(end), of: here.origin)
        let last = try await there.merge([end - 1], of: here, manifests: images.byDigest)
        #expect(last.outcomes == [.applied])
        let early = standing(try await push(3, "v2", there))
        #expect(early?.origin == there.origin && early?.reason?.contains("still coming") == true)
        _ = try await there.merge(Array(known..<end - 1), of: here, manifests: images.byDigest)
        let denied: [OCI.Tag: OverwriteVerdict] = [try Sample.tag("v2"): .denied(reason: "immutable")]
        let put = try await there.catalog.put(images[3], tags: ["v2"], overwrites: denied, immutable: ["v2"])
        guard case .overwriteDenied(_, images[1].digest, _) = put else {
            Issue.record("\(put)")
            return
        }
        #expect(try await push(3, "v3", there).isStored)
    }

    @Test func aFormerHomeThatIsRetiredIsNotWaitedFor() async throws {
        #expect(try await push(0, "v1", here).isStored)
        try await hearAll(there, here)
        #expect(try await push(1, "v2", here).isStored)
        _ = try await here.catalog.setHome(
            of: Sample.repository(),
            to: there.origin,
            isTakeover: false,
            context: Sample.context
        )
        try await here.seal()
        let (known, end) = (Int(try await there.catalog.peer(here.origin)?.size ?? 0), here.log.count)
        let leaves = here.log[known..<end].map(\.leaf)
        try await there.catalog.receive(leaves, from: Int64(known), mirrored: Int64(end), of: here.origin)
        _ = try await there.merge([end - 1], of: here, manifests: images.byDigest)
        #expect(standing(try await push(2, "v3", there)) != nil)
        _ = try await there.catalog.setPeer(here.origin, state: .retired, reason: "lost")
        #expect(try await push(2, "v3", there).isStored)
    }

    @Test func onlyTheHomeHandsItOver() async throws {
        #expect(try await push(0, "v1", here).isStored)
        try await hearAll(there, here)
        let name = try Sample.repository()
        let refused = try await there.catalog.setHome(
            of: name,
            to: there.origin,
            isTakeover: false,
            context: Sample.context
        )
        guard case .refused(let reason) = refused else {
            Issue.record("\(refused)")
            return
        }
        #expect(reason.origin == here.origin)
        _ = try await there.catalog.setHome(of: name, to: there.origin, isTakeover: true, context: Sample.context)
        #expect(try await push(1, "v2", there).isStored)
        // The former home does not know yet, and sets the same tag: the higher epoch counts, whoever was first.
        there.clock.advance(seconds: 5)
        #expect(try await push(2, "v2", here).isStored)
        #expect(try await push(3, "v9", here).isStored, "and one that conflicts with nothing")
        try await hearAll(here, there)
        try await hearAll(there, here)
        for region in [here, there] {
            let home = try await home(region)
            #expect(home?.origin == there.origin && home?.epoch == 1)
            let (second, ninth) = (try await region.catalog.get("v2"), try await region.catalog.get("v9"))
            #expect(second == images[1].digest && ninth == images[3].digest)
            let open = try await region.catalog.conflicts(open: true, limit: 10)
            #expect(open.map(\.loser) == [images[2].digest])
        }
        #expect(standing(try await push(2, "v10", here))?.origin == there.origin)
    }

    /// What a region has that was never heard, or is still coming, may be the home of a repository that is new here.
    @Test func aRegionThatJoinsDoesNotTakeWhatIsNotSettled() async throws {
        let joining = try MemoryRegion("joining")
        try await joining.meet(here, hears: false)
        #expect(try await push(0, "v1", here).isStored)
        try await here.seal()
        let unheard = standing(try await push(1, "v2", joining))
        #expect(unheard?.origin == joining.origin && unheard?.reason?.contains("'here'") == true)
        try await joining.catalog.hearPeer(here.origin, size: Int64(here.log.count))
        #expect(standing(try await push(1, "v2", joining)) != nil)
        #expect(try await joining.catalog.put(images[1], tags: ["main"]).isStored)
        try await hear(joining, here, 0..<here.log.count)
        #expect(standing(try await push(1, "v2", joining))?.origin == here.origin)
    }

    /// A region that is never heard does not take from this one what it had before.
    @Test func whatWasHereBeforeARegionWasAddedStaysHere() async throws {
        #expect(try await push(0, "v1", here).isStored)
        here.clock.advance(seconds: 1)
        let later = try MemoryRegion("later")
        try await here.meet(later, hears: false)
        #expect(try await push(1, "v2", here).isStored)
    }

    /// Who gets it from who got it waits for what the first one did, too.
    @Test func whatTheGiverHadHeardIsWaitedFor() async throws {
        let third = try MemoryRegion("third")
        for region in [here, there] {
            try await third.meet(region)
            try await region.meet(third)
        }
        let name = try Sample.repository()
        #expect(try await push(0, "v1", here).isStored)
        _ = try await here.catalog.setHome(of: name, to: there.origin, isTakeover: false, context: Sample.context)
        try await hearAll(there, here)
        _ = try await there.catalog.setHome(of: name, to: third.origin, isTakeover: false, context: Sample.context)
        try await third.catalog.linkConfig()
        try await hearAll(third, there)
        let early = standing(try await push(1, "v1", third))
        #expect(early?.origin == third.origin && early?.reason?.contains("'here'") == true)
        try await hearAll(third, here)
        #expect(try await push(1, "v2", third).isStored)
    }

    /// The log of a region goes on under another name: what it was the home of, it still is.
    @Test func theHomeGoesOnWithItsLog() async throws {
        #expect(try await push(0, "v1", here).isStored)
        try await hearAll(there, here)
        _ = try await there.catalog.addPeer(origin: "here.example/2", region: here.name)
        let home = try await home(there)
        #expect(home?.origin == "here.example/2")
        let region = try await there.catalog.regionOfHome(of: Sample.repository())
        #expect(region == here.name)
    }
}

/// What a region that lies writes into its log.
@Suite struct LyingRegionTests {
    private let (here, there): (MemoryRegion, MemoryRegion)

    init() async throws {
        (here, there) = (try MemoryRegion("here"), try MemoryRegion("there"))
        try await here.meet(there)
        try await here.catalog.linkConfig()
        _ = try await here.catalog.put(SampleManifest.image(1), tags: ["v1"], immutable: ["v1"])
    }

    private func merge(_ kind: String, _ body: String) async throws -> [MergeOutcome] {
        // A hybrid timestamp has its milliseconds above 16 bits of a counter.
        let time = HybridTimestamp(rawValue: here.clock.wallMilliseconds << 16)
        let leaf = """
            {"v":1,"salt":"","kind":"\(kind)","origin":"\(there.origin)","hlc":"\(time.rawValue)","repo":"team/app",\
            "actor":"a-x","request":"r","body":\(body)}
            """
        let entry = MergedEntry(index: 0, change: try LoggedChange(parsing: Array(leaf.utf8)))
        return try await here.catalog.merge([entry], of: there.origin).outcomes
    }

    @Test(arguments: ["9223372036854775807", "-1", "1125899906842624", "null", "\"7\""])
    func anEpochThatCannotBeChangesNothing(epoch: String) async throws {
        let outcomes = try await merge("repo.home", #"{"home":"\#(there.origin)","epoch":\#(epoch)}"#)
        #expect(outcomes == [.applied])
        let home = try await here.catalog.homes(after: "", limit: 1).first
        #expect(home?.origin == here.origin && home?.epoch == 0)
    }

    @Test(arguments: ["9223372036854775807", "-9223372036854775808", "\"x\""])
    func aReportHoldsForNoLongerThanReportsDo(time: String) async throws {
        let digest = try SampleManifest.image(1).digest
        let outcomes = try await merge(
            "deploy.report",
            #"{"environment":"prod","target":"t","digest":"\#(digest)","stale_at":\#(time),"expires_at":\#(time)}"#
        )
        #expect(outcomes == [.applied])
        let reports = try await here.catalog.deployments(in: nil, environment: nil, after: 0, limit: 9)
        let now = here.clock.wallMilliseconds / 1_000
        #expect(reports.count == 1 && reports.allSatisfy { $0.expiresAt <= now + 400 * 86_400 })
    }

    /// Nobody's report here is ended by the name that he has here.
    @Test func aNameOfHereIsNobodyThere() async throws {
        let digest = try SampleManifest.image(1).digest
        let place = DeploymentPlace(
            environment: try PlaceName(parsing: "prod"),
            target: try PlaceName(parsing: "t"),
            service: nil
        )
        let report = DeploymentReport(
            place: place,
            repository: try Sample.repository(),
            digest: digest,
            deployment: nil,
            expires: 3_600
        )
        _ = try await here.catalog.reportDeployment(report, grace: 60, context: Sample.context)
        here.clock.advance(seconds: 1)
        let outcomes = try await merge(
            "deploy.report",
            """
            {"environment":"prod","target":"t","digest":null,"former":"\(digest)",\
            "reporter":"\(Sample.context.actor)"}
            """
        )
        #expect(outcomes == [.applied])
        let reports = try await here.catalog.deployments(in: nil, environment: nil, after: 0, limit: 9)
        #expect(reports.filter { $0.endedAt == nil }.map(\.reporter) == [Sample.context.actor])
    }
}
