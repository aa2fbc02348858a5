// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Testing

/// Pins protect from rules; holds and locks protect from people too, by tag and by digest.
@Suite struct PinTests {
    private let fixture: CatalogFixture
    private let image: SampleManifest
    private let other: SampleManifest

    init() async throws {
        fixture = try CatalogFixture()
        let catalog = try fixture.catalog
        try await catalog.linkConfig()
        image = try SampleManifest.image(1)
        other = try SampleManifest.image(2)
        _ = try await catalog.put(image, tags: ["v1", "also"])
        _ = try await catalog.put(other)
    }

    private var now: Int64 { fixture.clock.wallMilliseconds / 1_000 }

    private func set(_ kind: PinKind, _ subject: Reference, until: Int64? = nil) async throws -> PinSetting {
        try await fixture.catalog.setPin(
            kind,
            on: subject,
            in: Sample.repository(),
            until: until ?? (kind == .lock ? now + 100 : nil),
            reason: "INC-7",
            context: Sample.context
        )
    }

    private func remove(_ kind: PinKind, _ subject: Reference) async throws -> PinRemoval {
        try await fixture.catalog.removePin(kind, from: subject, in: Sample.repository(), context: Sample.context)
    }

    private func isSet(_ setting: PinSetting) -> Bool { if case .set = setting { true } else { false } }

    private func bond(_ deletion: ManifestDeletion) -> PinKind? {
        if case .bound(let pin) = deletion { pin.kind } else { nil }
    }

    private func bond(_ deletion: TagDeletion) -> PinKind? {
        if case .bound(let pin) = deletion { pin.kind } else { nil }
    }

    private func bond(_ put: ManifestPut) -> PinKind? { if case .bound(let pin) = put { pin.kind } else { nil } }

    private var digest: Reference { .digest(image.digest) }
    private var tag: Reference { get throws { .tag(try Sample.tag("v1")) } }

    @Test(arguments: [PinKind.hold, .lock])
    func aDigestThatBindsIsNotDeleted(kind: PinKind) async throws {
        let catalog = try fixture.catalog
        #expect(isSet(try await set(kind, digest)))
        #expect(bond(try await catalog.delete(image.digest)) == kind)
        // Its tags are names of it, and may go or move: it stays.
        let untagged = try await catalog.untag("also")
        #expect(bond(untagged) == nil)
        let moved = try await catalog.put(other, tags: ["v1"])
        #expect(moved.isStored)
        #expect(bond(try await catalog.delete(image.digest)) == kind)
        #expect(try await fixture.problems() == [])
    }

    @Test(arguments: [PinKind.hold, .lock])
    func aTagThatBindsIsNeitherDeletedNorMoved(kind: PinKind) async throws {
        let catalog = try fixture.catalog
        #expect(isSet(try await set(kind, tag)))
        #expect(bond(try await catalog.untag("v1")) == kind)
        #expect(bond(try await catalog.delete(image.digest)) == kind)
        #expect(bond(try await catalog.put(other, tags: ["new", "v1"])) == kind)
        #expect(try await catalog.get("v1") == image.digest)
        #expect(try await catalog.get("new") == nil)
        // The same again is no move.
        let again = try await catalog.put(image, tags: ["v1"])
        #expect(again.isStored)
        let untagged = try await catalog.untag("also")
        #expect(bond(untagged) == nil)
    }

    @Test func aPinBindsRulesAlone() async throws {
        let catalog = try fixture.catalog
        #expect(isSet(try await set(.pin, tag)))
        #expect(isSet(try await set(.pin, digest)))
        let moved = try await catalog.put(other, tags: ["v1"])
        #expect(moved.isStored)
        guard case .deleted = try await catalog.delete(image.digest) else {
            Issue.record("a pin kept a person from deleting")
            return
        }
    }

    @Test func aHoldEndsWhenItIsLifted() async throws {
        let catalog = try fixture.catalog
        _ = try await set(.hold, digest)
        guard case .removed = try await remove(.hold, digest) else {
            Issue.record("it was not lifted")
            return
        }
        #expect(try await remove(.hold, digest) == .notFound)
        let deleted = try await catalog.delete(image.digest)
        #expect(bond(deleted) == nil)
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE kind = 'hold.set'") == 1)
        #expect(try fixture.count("SELECT COUNT(*) FROM event WHERE kind = 'hold.clear'") == 1)
    }

    @Test func aLockIsProlongedAndNeverShortened() async throws {
        let catalog = try fixture.catalog
        let end = now + 100
        #expect(isSet(try await set(.lock, digest, until: end)))
        #expect(try await set(.lock, digest, until: end - 1) == .shortens(until: end))
        #expect(isSet(try await set(.lock, digest, until: end + 1)))
        guard case .locked = try await remove(.lock, digest) else {
            Issue.record("a lock was removed before its date")
            return
        }
        fixture.clock.advance(seconds: 100)
        #expect(bond(try await catalog.delete(image.digest)) == .lock)
        fixture.clock.advance(seconds: 1)
        // A new lock may end earlier than the one that is over would have.
        #expect(isSet(try await set(.lock, digest, until: now + 1)))
        fixture.clock.advance(seconds: 1)
        guard case .removed = try await remove(.lock, digest) else {
            Issue.record("a lock whose date is over was not removed")
            return
        }
    }

    @Test func datesAreBounded() async throws {
        let years = ProtectionLimits.lockYears * 366 * 86_400
        #expect(try await set(.lock, digest, until: now) == .badDate(now: now))
        #expect(try await set(.lock, digest, until: now + years + 1) == .badDate(now: now))
        #expect(try await set(.pin, digest, until: now - 5) == .badDate(now: now))
    }

    @Test func onlyWhatIsThereIsPinned() async throws {
        #expect(try await set(.pin, .tag(Sample.tag("none"))) == .unknown)
        #expect(try await set(.pin, .digest(Sample.digest(9))) == .unknown)
        _ = try await fixture.catalog.delete(image.digest)
        guard case .set(_, true) = try await set(.hold, digest) else {
            Issue.record("a deleted manifest can still be held")
            return
        }
    }

    @Test func childrenOfAHeldIndexStay() async throws {
        let catalog = try fixture.catalog
        let index = try SampleManifest.index(3, [other])
        _ = try await catalog.put(index)
        _ = try await set(.hold, .digest(index.digest))
        #expect(try await catalog.delete(other.digest) == .held(by: [index.digest]))
        #expect(bond(try await catalog.delete(index.digest)) == .hold)
    }

    @Test func theStrongestReasonIsShownOnce() async throws {
        let catalog = try fixture.catalog
        _ = try await set(.pin, digest)
        _ = try await set(.hold, digest)
        _ = try await set(.pin, tag, until: now + 10)
        let found = try await catalog.protections(of: Sample.repository(), previousImages: 0, now: now)
        let tag = try tag
        #expect(found.map(\.subject) == [digest, tag])
        #expect(found.map(\.kind) == [.hold, .pin])
        let reasons = ["held by someone: INC-7", "pinned until 2023-11-14T22:13:30Z by someone: INC-7"]
        #expect(found.map(\.reason) == reasons)
        let later = try await catalog.protections(of: Sample.repository(), previousImages: 0, now: now + 10)
        #expect(later.map(\.subject) == [digest])
    }

    @Test func aTransactionFindsPinsOfTheDigestAndOfTheTags() async throws {
        let catalog = try fixture.catalog
        _ = try await set(.pin, tag, until: now + 10)
        func reason(_ tags: [String], at time: Int64) async throws -> String? {
            let digest = image.digest
            return try await catalog.write { transaction in
                try transaction.isProtected(
                    digest,
                    tags: tags.map(Sample.tag),
                    in: Sample.repository(),
                    previousImages: 0,
                    now: time
                )
            }
        }
        #expect(try await reason(["also", "v1"], at: now) != nil)
        #expect(try await reason(["also"], at: now) == nil)
        #expect(try await reason(["v1"], at: now + 10) == nil)
        _ = try await set(.pin, digest)
        #expect(try await reason([], at: now) == "pinned by someone: INC-7")
    }

    @Test func pinsAreListedByPages() async throws {
        let catalog = try fixture.catalog
        _ = try await set(.pin, digest)
        _ = try await set(.hold, tag)
        let first = try await catalog.pins(in: Sample.repository(), after: 0, limit: 1)
        let second = try await catalog.pins(in: nil, after: first[0].id, limit: 9)
        let tag = try tag
        #expect(first.map(\.subject) == [digest] && second.map(\.subject) == [tag])
        #expect(second.map(\.kind) == [.hold] && second[0].actor == "someone")
    }

    @Test func timesOfPullsNeverGoBack() async throws {
        let catalog = try fixture.catalog
        let name = try Sample.repository()
        for (at, expected) in [(10, 10), (9, 10), (11, 11)] as [(Int64, Int64)] {
            try await catalog.recordPulls([PulledManifest(repository: name, digest: image.digest, at: at)])
            #expect(try await catalog.lastPull(of: image.digest, in: name) == expected)
        }
        #expect(try await catalog.lastPull(of: other.digest, in: name) == nil)
    }
}
