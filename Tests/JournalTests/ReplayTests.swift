// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import Journal
import OCI
import Synchronization
import TestSupport
import Testing
import Transparency

/// A catalog that is older than its log gets what the log has.
@Suite(.timeLimit(.minutes(2))) struct ReplayTests {
    private struct Stop: Error {}

    private let fixture: ReplayFixture

    init() throws { fixture = try ReplayFixture() }

    /// Opens the store, and takes its picture.
    private func picture(step: Int = 3) async throws -> (picture: [String], report: ReplayReport?) {
        try await fixture.with(step: step) { open in
            #expect(open.log.readOnly == nil)
            let problems = try await open.problems()
            #expect(problems == [])
            return (try await open.picture(), open.log.replayed)
        }
    }

    @Test func everyFormerStateIsBroughtUpToTheLog() async throws {
        let count = try await fixture.grow()
        let (newest, none) = try await picture()
        #expect(none == nil, "a catalog that is not older is left alone")
        for number in 0..<count {
            for name in ["open-\(number)"] + (number % 3 == 2 ? [] : ["state-\(number)"]) {
                try fixture.putBack(name)
                let (found, report) = try await picture()
                #expect(found == newest, "\(name)")
                #expect(report?.missing == [] || name == "state-\(count - 1)", "\(name)")
                #expect(report?.recordedAnew ?? 0 == 0)
            }
        }
    }

    @Test func aCatalogIsMadeOutOfNothing() async throws {
        _ = try await fixture.grow()
        let (newest, _) = try await picture()
        for step in [1, 1_000] {
            try fixture.loseDatabase()
            let (found, report) = try await picture(step: step)
            #expect(found == newest)
            #expect(report?.entries ?? 0 > 20)
        }
        try await fixture.with { open in
            _ = try await open.store.putImage(seed: 9, tag: "v9")
            try await open.seal()
            let problems = try await open.problems()
            #expect(problems == [], "the log goes on")
        }
    }

    /// The process dies after each of the transactions in turn.
    @Test(arguments: [0, 4]) func aReplayThatIsInterruptedGoesOn(state: Int) async throws {
        _ = try await fixture.grow()
        let (newest, _) = try await picture()
        for last in 1... {
            try fixture.putBack("state-\(state)")
            let count = Mutex(0)
            var hasStopped = false
            do {
                try await fixture.with(
                    step: 2,
                    progress: { _ in
                        let number = count.withLock { count in
                            count += 1
                            return count
                        }
                        if number == last { throw Stop() }
                    },
                    { _ in }
                )
            } catch {
                hasStopped = true
            }
            let (found, _) = try await picture(step: 2)
            #expect(found == newest, "stopped after \(last) transactions")
            guard hasStopped else {
                #expect(last > 8)
                return
            }
        }
    }

    @Test(arguments: ["log/tile/entries/000.p", "log/tile/0/000.p"]) func changedFilesAreNotReplayed(
        folder: String
    ) async throws {
        _ = try await fixture.grow()
        try fixture.putBack("state-4")
        let file = try #require(fixture.directory.files(in: folder).max { Int($0) ?? 0 < Int($1) ?? 0 })
        var bytes = try fixture.directory.read("\(folder)/\(file)")
        bytes[bytes.count - 3] ^= 1
        try fixture.directory.write(bytes, to: "\(folder)/\(file)")
        let before = try await fixture.with(replays: false) { try await $0.catalog.lastSealedIndex() }
        let (reason, after) = try await fixture.with { open in
            (open.log.readOnly, try await open.catalog.lastSealedIndex())
        }
        #expect(reason?.code == .rolledBack)
        #expect(reason?.reason.contains("cannot be brought up to the log") == true)
        #expect(after == before, "nothing was written")
    }

    @Test func whatASignerSignedBeyondTheFilesIsNotReplayed() async throws {
        _ = try await fixture.grow()
        let log = fixture.directory.path + "/log"
        try FileManager.default.copyItem(atPath: log, toPath: log + "-old")
        try await fixture.with { open in
            _ = try await open.store.putImage(seed: 9, tag: "v9")
            try await open.seal()
        }
        try FileManager.default.removeItem(atPath: log)
        try FileManager.default.moveItem(atPath: log + "-old", toPath: log)
        try fixture.putBack("state-4")
        let reason = try await fixture.with { $0.log.readOnly }
        #expect(reason?.code == .rolledBack)
    }

    /// The checkpoint file may be behind what was signed, as with a quorum of witnesses: the entries are what counts.
    @Test func theCheckpointFileMayBeOlderThanTheEntries() async throws {
        _ = try await fixture.grow()
        let file = try fixture.directory.read("log/checkpoint")
        try await fixture.with { open in
            _ = try await open.store.putImage(seed: 9, tag: "v9")
            try await open.seal()
        }
        let (newest, _) = try await picture()
        try fixture.directory.write(file, to: "log/checkpoint")
        try fixture.putBack("state-4")
        let (found, _) = try await picture()
        #expect(found == newest)
    }

    /// A database that went on by itself from a former state, with seals of its own, is not an older one.
    @Test func aCatalogOfAnotherHistoryIsLeftAlone() async throws {
        try await fixture.with { open in
            _ = try await open.store.putImage(seed: 1, tag: "v1")
            try await open.seal()
        }
        let trunk = try fixture.copy()
        try await trunk.with { open in
            for seed: UInt64 in 2...4 { _ = try await open.store.putImage(seed: seed, tag: "v\(seed)") }
            try await open.seal()
        }
        try await fixture.with { open in
            _ = try await open.store.putImage(seed: 9, tag: "v9")
            try await open.seal()
        }
        try trunk.takeDatabase(of: fixture)
        let before = try await TestStore.with(in: trunk.directory) { try await $0.catalog.lastSealedIndex() }
        do {
            try await trunk.with { _ in Issue.record("it opens") }
        } catch let error as JournalError {
            #expect(error.code == .damaged)
        }
        let after = try await TestStore.with(in: trunk.directory) { try await $0.catalog.lastSealedIndex() }
        #expect(after == before, "nothing was written")
    }

    // MARK: Changes that only the older catalog has

    @Test func changesThatTheLogHasNotComeAfterIt() async throws {
        _ = try await fixture.grow()
        try fixture.putBack("state-4")
        let name = try Sample.repository()
        let image = try Sample.digest(Sample.image(layers: [Sample.bytes(64, seed: 2)]))
        // A start that cannot replay takes no changes; this one stands for a catalog that went on by itself.
        try await fixture.with(replays: false) { open in
            #expect(open.log.readOnly != nil)
            _ = try await open.store.putImage(seed: 2, tag: "latest")
            _ = try await open.store.putImage(seed: 2, tag: "again")
            _ = try await open.store.putImage(seed: 7, tag: "seven", in: "team/seventh")
            _ = try await open.catalog.deleteTag(Sample.tag("v1"), in: name, context: ReplayFixture.context)
        }
        try await fixture.with { open in
            #expect(open.log.replayed?.recordedAnew == 8)
            #expect(open.log.replayed?.missing == [])
            try await open.seal()
            let problems = try await open.problems()
            #expect(problems == [])
            let latest = try await open.catalog.manifest(.tag(Sample.tag("latest")), in: name)
            #expect(latest?.digest == image, "what comes last in the log is what holds")
            let seventh = try await open.catalog.tags(in: Sample.repository("team/seventh"), after: nil, limit: 9)
            #expect(seventh?.map(\.description) == ["seven"])
            let tags = try await open.catalog.tags(in: name, after: nil, limit: 9)
            #expect(tags?.map(\.description) == ["again", "latest"])
            let changes = try await open.catalog.changes(of: Sample.tag("latest"), in: name, before: nil, limit: 9)
            #expect(changes.map(\.kind) == ["tag.set", "tag.set", "tag.set"])
            #expect(changes[0].principal == "someone", "who it was is still known")
            let leaf = String(decoding: changes[0].leaf, as: UTF8.self)
            let former = try Sample.digest(Sample.image(layers: [Sample.bytes(64, seed: 1)]))
            #expect(leaf.contains("\"former\":\"\(former)\""), "its former value is the one that it replaced")
            let again = try await open.catalog.changes(of: Sample.tag("again"), in: name, before: nil, limit: 9)
            let index = try Sample.digest(
                Sample.index([1, 2].map { try Sample.image(layers: [Sample.bytes(64, seed: $0)]) })
            )
            #expect(again.count == 2)
            let value = try await open.catalog.manifest(.tag(Sample.tag("again")), in: name)
            #expect(value?.digest == image, "it happens again, after the log has set another value")
            #expect(String(decoding: again[0].leaf, as: UTF8.self).contains("\"former\":\"\(index)\""))
        }
        let (_, report) = try await picture()
        #expect(report == nil)
    }

    // MARK: Bytes that are not here

    @Test func aManifestWhoseBytesAreMissingIsNamed() async throws {
        _ = try await fixture.grow()
        let image = try Sample.image(layers: [Sample.bytes(64, seed: 2)])
        let digest = try Sample.digest(image)
        try fixture.directory.remove("blobs/sha256/\(digest.hex)")
        try fixture.loseDatabase()
        try await fixture.with { open in
            #expect(open.log.readOnly == nil)
            let missing = open.log.replayed?.missing ?? []
            #expect(missing.contains { $0.hasPrefix("team/app@\(digest)") })
            #expect(missing.contains { $0.hasPrefix("team/app:again") }, "the index over it is not whole")
            #expect(missing.count == 3)
            let problems = try await open.problems()
            #expect(Set(problems) == Set(missing))
            // A push heals what it pushes.
            _ = try await open.store.putImage(seed: 2)
            _ = try await open.store.put(
                Sample.index([Sample.image(layers: [Sample.bytes(64, seed: 1)]), image]),
                tag: "again"
            )
            try await open.seal()
            let healed = try await open.problems()
            #expect(healed == [])
        }
    }

    @Test func aManifestWithOtherBytesThanItsNameSaysIsMissing() async throws {
        _ = try await fixture.grow()
        let digest = try Sample.digest(Sample.image(layers: [Sample.bytes(64, seed: 1)]))
        let other = try Sample.image(layers: [Sample.bytes(64, seed: 2)])
        try fixture.directory.write(other, to: "blobs/sha256/\(digest.hex)")
        try fixture.loseDatabase()
        try await fixture.with { open in
            let missing = open.log.replayed?.missing ?? []
            #expect(missing.contains { $0.hasPrefix("team/app@\(digest)") })
            let tag = try await open.catalog.manifest(.tag(Sample.tag("v1")), in: Sample.repository())
            #expect(tag == nil)
        }
    }

    @Test func aTagWhoseNewManifestIsMissingIsAbsent() async throws {
        try await fixture.with { open in
            _ = try await open.store.putImage(seed: 1, tag: "v1")
            try await open.seal()
        }
        try fixture.keep("old")
        let digest = try await fixture.with { open in
            let digest = try await open.store.putImage(seed: 2, tag: "v1")
            try await open.seal()
            return digest
        }
        try fixture.directory.remove("blobs/sha256/\(digest.hex)")
        try fixture.putBack("old")
        try await fixture.with { open in
            let tag = try await open.catalog.manifest(.tag(Sample.tag("v1")), in: Sample.repository())
            #expect(tag == nil, "the former value would be wrong")
            #expect(open.log.replayed?.missingCount == 2)
        }
    }

    @Test func aLayerThatIsMissingCountsAsAbsent() async throws {
        _ = try await fixture.grow()
        let layer = try Sample.digest(Sample.bytes(64, seed: 1))
        try fixture.directory.remove("blobs/sha256/\(layer.hex)")
        try fixture.putBack("state-1")
        try await fixture.with { open in
            let found = try await open.catalog.blob(layer, in: Sample.repository())
            #expect(found == .corrupt)
            let tag = try await open.catalog.manifest(.tag(Sample.tag("v1")), in: Sample.repository())
            #expect(tag != nil, "the image is there for who has the layer, and its next push heals it")
            #expect(open.log.replayed?.missing.contains { $0.contains("its blob \(layer) is missing") } == true)
            try await open.store.push(Sample.bytes(64, seed: 1))
            let healed = try await open.catalog.blob(layer, in: Sample.repository())
            #expect(healed != .corrupt && healed != .absent)
        }
    }

    @Test func aConfigIsHashed() async throws {
        _ = try await fixture.grow()
        let config = try Sample.digest(Array("{}".utf8))
        try fixture.directory.write(Array("[]".utf8), to: "blobs/sha256/\(config.hex)")
        try fixture.loseDatabase()
        try await fixture.with { open in
            let found = try await open.catalog.blob(config, in: Sample.repository())
            #expect(found == .corrupt)
        }
    }

    /// A client that is told of a blob does not push it: one that was collected meanwhile must not be there.
    @Test func aBlobThatWasCollectedMeanwhileIsNotPromised() async throws {
        try await fixture.with { open in
            _ = try await open.store.putImage(seed: 1, tag: "v1")
            try await open.store.push([1, 2, 3])
            try await open.seal()
        }
        try fixture.keep("old")
        try await fixture.with { open in
            _ = try await open.store.putImage(seed: 2, tag: "v2")
            try await open.seal()
        }
        let digest = try Sample.digest([1, 2, 3])
        try fixture.directory.remove("blobs/sha256/\(digest.hex)")
        try fixture.putBack("old")
        try await fixture.with { open in
            let found = try await open.catalog.touchBlob(digest, in: Sample.repository())
            #expect(found == .corrupt)
        }
    }

    /// A witness that has forgotten what it cosigned must not cosign under the same name what contradicts it.
    @Test func aWitnessThatForgotGetsAnotherKey() async throws {
        _ = try await fixture.grow()
        func key(_ open: ReplayFixture.Open) throws -> String {
            try Witness(
                catalog: open.catalog,
                signer: fixture.signer,
                name: KeyName(parsing: "witness.example"),
                logs: [],
                passphrase: nil,
                now: { 0 }
            ).key
        }
        let first = try await fixture.with { try key($0) }
        let same = try await fixture.with { try key($0) }
        #expect(first == same)
        try fixture.putBack("state-4")
        let (second, missing) = try await fixture.with { (try key($0), $0.log.replayed?.missing ?? []) }
        #expect(first != second)
        #expect(missing.count == 1 && missing[0].contains("the witness gets a new key"))
        let third = try await fixture.with { try key($0) }
        #expect(second == third)
    }

    // MARK: Logs that were continued

    @Test func theEntriesOfFormerLogsComeFirst() async throws {
        _ = try await fixture.grow()
        try fixture.keep("former")
        let second = "registry.example/log/second"
        try await fixture.continueLog(as: second)
        try fixture.keep("continued")
        try await fixture.with(origin: second) { open in
            _ = try await open.store.putImage(seed: 9, tag: "v2")
            try await open.seal()
        }
        let newest = try await fixture.with(origin: second) { try await $0.picture() }
        for state in ["state-4", "former", "continued", ""] {
            if state.isEmpty { try fixture.loseDatabase() } else { try fixture.putBack(state) }
            try await fixture.with(origin: second) { open in
                #expect(open.log.readOnly == nil)
                #expect(open.log.replayed?.missing == [])
                let (problems, found) = (try await open.problems(), try await open.picture())
                #expect(problems == [], "\(state)")
                #expect(found == newest, "\(state)")
            }
        }
    }

    @Test func aFormerLogWhoseFilesAreGoneIsNamed() async throws {
        _ = try await fixture.grow()
        let second = "registry.example/log/second"
        try await fixture.continueLog(as: second)
        try await fixture.with(origin: second) { open in
            _ = try await open.store.putImage(seed: 9, tag: "v9")
            try await open.seal()
        }
        for name in fixture.directory.files(in: "log") where name.hasPrefix("former-") {
            try fixture.directory.remove("log/" + name)
        }
        try fixture.loseDatabase()
        try await fixture.with(origin: second) { open in
            #expect(open.log.replayed?.missing.first?.contains("of the former log") == true)
            let tags = try await open.catalog.tags(in: Sample.repository(), after: nil, limit: 9)
            #expect(tags?.map(\.description) == ["v9"])
        }
    }
}

extension ReplayFixture {
    fileprivate func continueLog(as origin: String) async throws {
        var settings = TestStore.Options()
        settings.settings.origin = origin
        try await TestStore.with(in: directory, options: settings) { store in
            let options = Journal.Options(
                root: directory.path,
                signer: signer,
                origin: origin,
                logger: TestStore.silent
            )
            try await LogRecovery.goOn(options, reason: "a test", catalog: store.catalog)
        }
    }
}
