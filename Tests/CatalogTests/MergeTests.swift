// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// What entries of another region do, rule by rule.
@Suite struct MergeTests {
    let here: MemoryRegion
    let there: MemoryRegion
    let images: [SampleManifest]

    init() async throws {
        (here, there) = (try MemoryRegion("here"), try MemoryRegion("there"))
        images = try (1...3).map { try SampleManifest.image($0) }
        try await here.meet(there)
        try await there.meet(here)
        for region in [here, there] { try await region.catalog.linkConfig() }
    }

    private func exchange() async throws {
        try await here.mergeAll(of: there, manifests: images)
        try await there.mergeAll(of: here, manifests: images)
    }

    private func tags(_ tag: String) async throws -> [Digest?] {
        [try await here.catalog.get(tag), try await there.catalog.get(tag)]
    }

    private func conflicts(_ region: MemoryRegion) async throws -> [ConflictRecord] {
        try await region.catalog.conflicts(open: true, limit: 10)
    }

    @Test func aChangeThatKnewTheValueReplacesIt() async throws {
        _ = try await here.catalog.put(images[0], tags: ["v"])
        try await exchange()
        _ = try await there.catalog.put(images[1], tags: ["v"])
        try await exchange()
        let values = try await tags("v")
        #expect(values == [images[1].digest, images[1].digest])
        let open = try await conflicts(here) + conflicts(there)
        #expect(open == [])
        let history = try await here.catalog.tagHistory(Sample.tag("v"), in: Sample.repository(), limit: 9)
        #expect(history.map(\.digest) == [images[0].digest] && history[0].region == "there.example")
    }

    /// The later one wins everywhere; the other one is kept, and both regions tell of it once.
    @Test func ofTwoChangesThatDidNotKnowEachOtherTheLaterOneWins() async throws {
        _ = try await there.catalog.put(images[1], tags: ["v"])
        here.clock.advance(seconds: 1)
        _ = try await here.catalog.put(images[0], tags: ["v"])
        for _ in 0..<3 { try await exchange() }
        let values = try await tags("v")
        #expect(values == [images[0].digest, images[0].digest])
        for region in [here, there] {
            let open = try await conflicts(region)
            #expect(open.map(\.loser) == [images[1].digest] && open.map(\.winner) == [images[0].digest])
            #expect(open.first?.lost.origin == "there.example" && open.first?.won.origin == "here.example")
            let counts = try await region.catalog.conflictCounts()
            #expect(counts.open == 1 && counts.found == 1)
            let history = try await region.catalog.tagHistory(Sample.tag("v"), in: Sample.repository(), limit: 9)
            #expect(history.map(\.digest) == [images[1].digest] && history.map(\.reason) == [.conflict])
            let live = try await region.catalog.get(images[1].digest)
            #expect(live == images[1].digest, "what lost can still be pulled by its digest")
        }
    }

    @Test func atTheSameTimeTheNameOfTheRegionDecides() async throws {
        _ = try await here.catalog.put(images[0], tags: ["v"])
        _ = try await there.catalog.put(images[1], tags: ["v"])
        let stamps = try [here, there].map { try $0.count("SELECT hlc FROM tag") }
        #expect(stamps[0] == stamps[1])
        try await exchange()
        let values = try await tags("v")
        #expect(values == [images[1].digest, images[1].digest], "'there' comes after 'here'")
    }

    @Test func theFirstValueOfAnImmutableTagStays() async throws {
        _ = try await there.catalog.put(images[1], tags: ["v"], immutable: ["v"])
        here.clock.advance(seconds: 1)
        _ = try await here.catalog.put(images[0], tags: ["v"], immutable: ["v"])
        try await exchange()
        let values = try await tags("v")
        #expect(values == [images[1].digest, images[1].digest])
        for region in [here, there] {
            let open = try await conflicts(region)
            #expect(open.map(\.loser) == [images[0].digest] && open.map(\.winner) == [images[1].digest])
        }
    }

    /// A value that came between shows that the later one did know its former.
    @Test func aConflictThatWasNoneIsWithdrawn() async throws {
        _ = try await here.catalog.put(images[0], tags: ["v"])
        _ = try await here.catalog.put(images[1], tags: ["v"])
        _ = try await here.catalog.put(images[2], tags: ["v"])
        try await here.seal()
        let sets = here.log.indices.filter { here.log[$0].change.putManifest == nil }
        let manifests = images.byDigest
        let first = try await there.merge(sets.filter { $0 != sets[sets.count - 2] }, of: here, manifests: manifests)
        #expect(first.conflictsOpened == 1)
        let second = try await there.merge([sets[sets.count - 2]], of: here, manifests: manifests)
        #expect(second.conflictsWithdrawn == 1 && second.conflictsOpened == 0)
        let open = try await conflicts(there)
        #expect(open == [])
    }

    @Test func aConflictIsResolvedInAllRegions() async throws {
        _ = try await there.catalog.put(images[1], tags: ["v", "w"])
        here.clock.advance(seconds: 1)
        _ = try await here.catalog.put(images[0], tags: ["v", "w"])
        try await exchange()
        let open = try await conflicts(here)
        #expect(open.map(\.tag.description) == ["v", "w"])
        let kept = try await here.catalog.resolveConflict(open[0].id, .keep, context: Sample.context)
        let taken = try await here.catalog.resolveConflict(open[1].id, .takeLoser, context: Sample.context)
        guard case .resolved = kept, case .resolved = taken else {
            Issue.record("\(kept) \(taken)")
            return
        }
        let again = try await here.catalog.resolveConflict(open[0].id, .keep, context: Sample.context)
        #expect(again == .alreadyResolved)
        try await exchange()
        let (v, w) = (try await tags("v"), try await tags("w"))
        #expect(v == [images[0].digest, images[0].digest] && w == [images[1].digest, images[1].digest])
        let left = try await conflicts(here) + conflicts(there)
        #expect(left == [])
    }

    @Test func aDeletionReplacesTheValueThatItKnew() async throws {
        _ = try await here.catalog.put(images[0], tags: ["v"])
        try await exchange()
        _ = try await there.catalog.untag("v")
        try await exchange()
        let values = try await tags("v")
        #expect(values == [nil, nil])
        // What comes late does not bring it back.
        try await there.mergeAll(of: here, manifests: images)
        let late = try await tags("v")
        #expect(late == [nil, nil])
    }

    @Test func aTagWaitsForItsManifest() async throws {
        _ = try await here.catalog.put(images[0], tags: ["v"])
        try await here.seal()
        let all = Array(here.log.indices)
        let without = try await there.merge(all, of: here, manifests: [:])
        #expect(without.outcomes.last == .waits(for: [images[0].digest]))
        let absent = try await there.catalog.get("v")
        #expect(absent == nil)
        let with = try await there.merge(all, of: here, manifests: images.byDigest)
        #expect(with.outcomes.allSatisfy { $0 == .applied })
        let value = try await there.catalog.get("v")
        #expect(value == images[0].digest)
    }

    /// A region that joins later needs no bytes of what is gone, once it has heard of the deletion.
    @Test func whatWasDeletedLaterNeedsNoBytes() async throws {
        _ = try await here.catalog.put(images[0], tags: ["v"])
        _ = try await here.catalog.delete(images[0].digest)
        try await here.seal()
        let report = try await there.merge(Array(here.log.indices.reversed()), of: here, manifests: [:])
        #expect(report.outcomes.allSatisfy { $0 == .applied })
        let value = try await there.catalog.get("v")
        #expect(value == nil)
        let problems = try await there.problems()
        #expect(problems == [])
    }

    // MARK: - Times

    @Test func laterChangesHereComeAfterWhatWasSeen() async throws {
        here.clock.advance(seconds: 50)
        _ = try await here.catalog.put(images[0], tags: ["v"])
        try await there.mergeAll(of: here, manifests: images)
        _ = try await there.catalog.put(images[1], tags: ["v"])
        try await exchange()
        let values = try await tags("v")
        #expect(values == [images[1].digest, images[1].digest], "it was set later, by a clock that is behind")
        let open = try await conflicts(here)
        #expect(open == [])
    }

    /// Past a restart as well: no event of this region has the time.
    @Test func aTimeThatWasSeenOutlivesARestart() async throws {
        here.clock.advance(seconds: 50)
        _ = try await here.catalog.put(images[0], tags: ["v"])
        try await there.mergeAll(of: here, manifests: images)
        let again = try MemoryRegion("there", over: there.database)
        _ = try await again.catalog.put(images[1], tags: ["v"])
        let (seen, own) = try (here.count("SELECT hlc FROM tag"), again.count("SELECT hlc FROM tag"))
        #expect(own > seen)
    }

    @Test func aTimeOfTheFutureIsParked() async throws {
        here.clock.advance(seconds: 3_600)
        _ = try await here.catalog.put(images[0], tags: ["v"])
        let report = try await there.mergeAll(of: here, manifests: images)
        guard case .parked(let milliseconds)? = report.outcomes.last else {
            Issue.record("\(report)")
            return
        }
        #expect(milliseconds == 3_540_000)
        _ = try await there.catalog.put(images[1], tags: ["w"])
        let (bound, own) = try (here.count("SELECT hlc FROM tag"), there.count("SELECT hlc FROM tag"))
        #expect(own < bound, "its time was not learned")
        there.clock.advance(seconds: 3_540)
        try await there.mergeAll(of: here, manifests: images)
        let value = try await there.catalog.get("v")
        #expect(value == images[0].digest)
    }

    // MARK: - What merging leaves

    @Test func aMergeIsAuditedAndIsNoEvent() async throws {
        _ = try await here.catalog.put(images[0], tags: ["v"])
        try await there.seal()
        let (name, before) = (try Sample.repository(), there.log.count)
        let version = try there.count("SELECT version FROM repo")
        let mark = there.catalog.mark(of: name)
        try await there.mergeAll(of: here, manifests: images)
        try await there.seal()
        #expect(there.log.count == before)
        #expect(try there.count("SELECT version FROM repo") > version && !mark.isCurrent)
        let rows = try await there.catalog.audit(.before(nil), limit: 2)
        #expect(rows.map(\.kind) == ["tag.set", "manifest.put"])
        #expect(rows.allSatisfy { $0.method == "region" && $0.principal.hasPrefix("a-") && $0.event == nil })
    }

    @Test func ownEntriesAreSkipped() async throws {
        _ = try await here.catalog.put(images[0], tags: ["v"])
        try await here.seal()
        let entry = MergedEntry(index: 0, change: here.log[0].change)
        let report = try await here.catalog.merge([entry], of: there.origin)
        #expect(report.outcomes == [.own])
    }

    @Test func anEntryOfAnotherLogIsNotTaken() async throws {
        let third = try MemoryRegion("third")
        try await third.catalog.linkConfig()
        _ = try await third.catalog.put(images[0], tags: ["v"])
        try await third.seal()
        let entry = MergedEntry(index: 0, change: third.log[0].change)
        let report = try await here.catalog.merge([entry], of: there.origin)
        guard case .failed? = report.outcomes.first else {
            Issue.record("\(report)")
            return
        }
        await #expect(throws: CatalogError.self) { try await here.catalog.merge([], of: third.origin) }
    }

    @Test func quarantineWinsOverItsEndAtTheSameTime() async throws {
        let digest = images[0].digest
        _ = try await here.catalog.setQuarantine(digest, reason: "x", context: Sample.context)
        try await there.mergeAll(of: here, manifests: images)
        // Both at one time: the clocks of the test stand, and each has counted as far.
        _ = try await there.catalog.clearQuarantine(digest, reason: "", context: Sample.context)
        let cleared = try there.count("SELECT cleared_hlc FROM register")
        while try here.count("SELECT set_hlc FROM register") < cleared {
            _ = try await here.catalog.setQuarantine(digest, reason: "again", context: Sample.context)
        }
        #expect(try here.count("SELECT set_hlc FROM register") == cleared)
        try await exchange()
        for region in [here, there] {
            let entry = try await region.catalog.quarantine(of: digest)
            #expect(entry?.reason == "again")
        }
    }

    @Test func aLockKeepsItsLatestDate() async throws {
        let (name, subject) = (try Sample.repository(), Reference.digest(images[0].digest))
        for region in [here, there] {
            _ = try await region.catalog.put(images[0])
            region.clock.advance(seconds: region.name == "here" ? 0 : 5)
            _ = try await region.catalog.setPin(
                .lock,
                on: subject,
                in: name,
                until: region.name == "here" ? 1_700_005_000 : 1_700_001_000,
                reason: region.name,
                context: Sample.context
            )
        }
        try await exchange()
        for region in [here, there] {
            let pins = try await region.catalog.pins(in: name, after: 0, limit: 9)
            #expect(pins.map(\.until) == [1_700_005_000] && pins.map(\.reason) == ["there"])
        }
    }
}
