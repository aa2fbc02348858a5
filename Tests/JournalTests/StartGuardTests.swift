// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Cryptography
import Foundation
import GRDB
import Journal
import OCI
import TestSupport
import Testing
import Transparency

/// What a start finds when the volume, the database or the signer is not what it was.
@Suite struct StartGuardTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func copy(_ from: String, to: String) throws {
        let (from, to) = (directory.path + "/" + from, directory.path + "/" + to)
        try? FileManager.default.removeItem(atPath: to)
        try FileManager.default.copyItem(atPath: from, toPath: to)
    }

    /// Makes changes and seals them.
    @discardableResult
    private func grow(_ count: Int, from first: Int = 0) async throws -> [UInt8]? {
        try await JournalFixture.with(in: directory) { log in
            try await log.change(count, from: first)
            try await log.seal()
            return log.journal.published?.note
        }
    }

    private func failure(origin: String = JournalFixture.origin) async -> JournalError? {
        do {
            let fixture = try await JournalFixture(in: directory, origin: origin)
            let readOnly = fixture.opened.readOnly
            await fixture.close()
            return readOnly
        } catch {
            return error as? JournalError
        }
    }

    @Test func aVolumeThatWentBackIsReadOnly() async throws {
        try await grow(10)
        try copy("store", to: "old")
        let note = try #require(try await grow(10, from: 10))
        try copy("old", to: "store")
        let error = try #require(await failure())
        #expect(error.code == .rolledBack)
        #expect(error.reason.contains(String(decoding: note, as: UTF8.self)), "the signed note is shown")
    }

    /// The database alone went back; the tiles and the checkpoint file are ahead of it.
    @Test func aDatabaseThatWentBackIsReadOnly() async throws {
        try await grow(10)
        try copy("store/meta", to: "old")
        try await grow(10, from: 10)
        try copy("old", to: "store/meta")
        #expect(await failure()?.code == .rolledBack)
    }

    @Test func aForkIsRefusedWithBothNotes() async throws {
        try await grow(10)
        try copy("store", to: "branch")
        try copy("signer", to: "branch-signer")
        let first = try #require(try await grow(5, from: 10))
        try copy("store", to: "trunk")
        try copy("signer", to: "trunk-signer")
        try copy("branch", to: "store")
        try copy("branch-signer", to: "signer")
        let second = try #require(try await grow(5, from: 100))
        // The branch's volume meets the trunk's signer.
        try copy("trunk-signer", to: "signer")
        let error = try #require(await failure())
        #expect(error.code == .forked)
        #expect(error.reason.contains(String(decoding: first, as: UTF8.self)))
        #expect(error.reason.contains(String(decoding: second, as: UTF8.self)))
    }

    @Test func aForkOfAnotherSizeIsRefusedToo() async throws {
        try await grow(10)
        try copy("store", to: "branch")
        try copy("signer", to: "branch-signer")
        try await grow(5, from: 10)
        try copy("signer", to: "trunk-signer")
        try copy("branch", to: "store")
        try copy("branch-signer", to: "signer")
        try await grow(300, from: 100)
        try copy("trunk-signer", to: "signer")
        #expect(await failure()?.code == .forked)
    }

    @Test func aSignerThatWentBackCatchesUp() async throws {
        try await grow(10)
        try copy("signer", to: "old")
        try await grow(300, from: 10)
        try copy("old", to: "signer")
        #expect(await failure() == nil)
        try await grow(1, from: 310)
        #expect(await failure() == nil)
    }

    @Test func aSignerWithoutMemoryOrKeyDoesNotSign() async throws {
        try await grow(10)
        try copy("signer", to: "kept")
        try directory.remove("signer/checkpoint")
        #expect(await failure()?.code == .keyMissing)
        try copy("kept", to: "signer")
        try directory.remove("signer/log-key.pem")
        #expect(await failure()?.code == .keyMissing)
        try copy("kept", to: "signer")
        try directory.write(Array(try SigningKey.generate().pem().utf8), to: "signer/log-key.pem")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600],
            ofItemAtPath: directory.path + "/signer/log-key.pem"
        )
        #expect(await failure()?.code == .damaged, "another key has not signed this log")
    }

    @Test func aKeyThatOthersMayReadIsRefused() async throws {
        try await grow(1)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o644],
            ofItemAtPath: directory.path + "/signer/log-key.pem"
        )
        let error = try #require(await failure())
        #expect(error.reason.contains("chmod 600"))
    }

    @Test func theNameOfALogNeverChanges() async throws {
        try await grow(3)
        #expect(await failure(origin: "other.example/log")?.code == .wrongOrigin)
        #expect(await failure() == nil)
    }

    @Test(arguments: [
        "UPDATE event SET leaf = CAST('x' || SUBSTR(CAST(leaf AS TEXT), 2) AS BLOB) WHERE seq = 299",
        "UPDATE event SET seq = 1000 WHERE seq = 299", "UPDATE event SET seq = 5000 WHERE seq = 7",
        "DELETE FROM event WHERE seq = 299",
        "UPDATE checkpoint SET root = zeroblob(32)", "UPDATE checkpoint SET note = zeroblob(10)",
        "UPDATE checkpoint SET size = 301 WHERE size = 300",
    ])
    func rowsOfTheRightEdgeAreHeldAgainstTheSignature(sql: String) async throws {
        try await grow(300)
        let queue = try DatabaseQueue(path: directory.path + "/store/meta/registry.db")
        try await queue.write { try $0.execute(sql: sql) }
        try queue.close()
        let found = await failure()
        #expect(found != nil)
    }

    @Test(arguments: ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44", "checkpoint"])
    func filesOfTheRightEdgeAreHeldAgainstTheSignature(file: String) async throws {
        try await grow(300)
        var bytes = try directory.read("store/log/" + file)
        bytes[bytes.count / 2] ^= 1
        try directory.write(bytes, to: "store/log/" + file)
        let found = await failure()
        #expect(found != nil)
    }

    /// What the start does not read is found by the check of the whole log.
    @Test(arguments: [
        "UPDATE event SET leaf = CAST(REPLACE(CAST(leaf AS TEXT), 'robot-7\"', 'robot-8\"') AS BLOB) WHERE seq = 7",
        "UPDATE event SET kind = 'tag.set' WHERE seq = 7", "UPDATE event SET hlc = hlc + 1 WHERE seq = 7",
        "DELETE FROM event WHERE seq = 7",
        "UPDATE checkpoint SET root = zeroblob(32) WHERE size = 100",
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 600) WHERE size = 100",
    ])
    func theCheckFindsWhatTheStartDoesNotRead(sql: String) async throws {
        try await grow(100)
        try await grow(500, from: 100)
        let queue = try DatabaseQueue(path: directory.path + "/store/meta/registry.db")
        try await queue.write { try $0.execute(sql: sql) }
        try queue.close()
        try await JournalFixture.with(in: directory) { log in
            let report = try await log.journal.check.run()
            #expect(report.problemCount > 0)
        }
    }

    @Test(arguments: ["tile/0/000", "tile/entries/000", "tile/entries/001", "tile/0/001"])
    func theCheckFindsFilesThatChanged(file: String) async throws {
        try await grow(600)
        let whole = try directory.read("store/log/" + file)
        for position in [0, whole.count / 2, whole.count - 1] {
            var bytes = whole
            bytes[position] ^= 0x80
            try directory.write(bytes, to: "store/log/" + file)
            try await JournalFixture.with(in: directory) { log in
                let problems = try await log.journal.check.run().problems
                #expect(problems.contains { $0.contains(file) })
            }
        }
        try directory.remove("store/log/" + file)
        try await JournalFixture.with(in: directory) { log in
            let problems = try await log.journal.check.run().problems
            #expect(problems == ["\(file) is missing"])
        }
    }

    // MARK: - Keys

    @Test func theLogSaysThatAKeyFollowsBeforeItSigns() async throws {
        try await grow(5)
        let keys = SignerKeys(directory: directory.path + "/signer")
        try keys.generateNext(passphrase: nil)
        #expect(throws: JournalError.self) { try keys.generateNext(passphrase: nil) }
        let (old, new) = try await JournalFixture.with(in: directory) { log in
            #expect(log.journal.keys.count == 1)
            try await log.seal()
            let announced = try SignedNote(parsing: try #require(log.journal.published?.note))
            #expect(announced.signatures.count == 1, "the old key alone signs that another follows")
            #expect(log.journal.keys.count == 2)
            try await log.change(1, from: 5)
            try await log.seal()
            let both = try SignedNote(parsing: try #require(log.journal.published?.note))
            #expect(both.signatures.count == 2)
            return (log.journal.keys[0], log.journal.keys[1])
        }
        try await JournalFixture.with(in: directory) { log in
            #expect(log.journal.keys == [old, new], "it is said once")
            try await log.seal()
            #expect(log.size == 7)
        }
        try keys.retire(origin: JournalFixture.origin, passphrase: nil)
        try await JournalFixture.with(in: directory) { log in
            #expect(log.journal.keys == [new])
            try await log.change(1, from: 6)
            try await log.seal()
            let problems = try await log.journal.check.run().problems
            #expect(problems == [], "notes of the old key are still known")
        }
    }
}
