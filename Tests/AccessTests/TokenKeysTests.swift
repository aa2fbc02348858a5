// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Foundation
import TestSupport
import Testing

@Suite struct TokenKeysTests {
    private static let alice = Principal(kind: .user, name: "alice", groups: [], method: .basic)
    private let directory: TemporaryDirectory
    private let file: TokenKeysFile
    private let clock = ManualClock()

    init() throws {
        directory = try TemporaryDirectory()
        file = TokenKeysFile(path: directory.path + "/token-keys.json")
    }

    private func issuer(_ keys: TokenKeys) -> TokenIssuer {
        let clock = clock
        return TokenIssuer(keys: keys, service: "cairn", seconds: 600) { clock.wallSeconds }
    }

    private func accepts(_ token: String, _ keys: TokenKeys) async -> Bool {
        let issuer = issuer(keys)
        return await TokenForge.refusal { () throws(AccessError) in try await issuer.verify(token) } == nil
    }

    private func acceptsRefresh(_ token: String, _ keys: TokenKeys) async -> Bool {
        let issuer = issuer(keys)
        return await TokenForge.refusal { () throws(AccessError) in try await issuer.verifyRefresh(token) } == nil
    }

    private func token(_ keys: TokenKeys) async throws -> String {
        try await issuer(keys).issue(principal: Self.alice, generation: 0, access: [], id: "a").token
    }

    private func text() throws -> String { String(decoding: try directory.read("token-keys.json"), as: UTF8.self) }

    @Test func makesTheFileWhereThereIsNone() throws {
        let keys = try file.loadOrCreate(now: clock.wallSeconds)
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.path + "/token-keys.json")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try file.loadOrCreate(now: clock.wallSeconds) == keys)
        #expect(keys.all.count == 1)
        #expect(keys.signing.id.utf8.count == 43)
    }

    /// Of all who find no file, one makes it.
    @Test func makesItOnce() throws {
        let (file, now) = (file, clock.wallSeconds)
        let log = EventLog()
        DispatchQueue.concurrentPerform(iterations: 16) { _ in
            do { log.add(try file.loadOrCreate(now: now).signing.id) } catch { Issue.record(error) }
        }
        #expect(log.all.count == 16)
        #expect(Set(log.all).count == 1)
    }

    /// RFC 8037, appendix A.3.
    @Test func namesKeysByTheirThumbprint() throws {
        let seed: [UInt8] = [
            0x9D, 0x61, 0xB1, 0x9D, 0xEF, 0xFD, 0x5A, 0x60, 0xBA, 0x84, 0x4A, 0xF4, 0x92, 0xEC, 0x2C, 0xC4,
            0x44, 0x49, 0xC5, 0x69, 0x7B, 0x32, 0x69, 0x19, 0x70, 0x3B, 0xAC, 0x03, 0x1C, 0xAE, 0x7F, 0x60,
        ]
        let keys = try TokenKeys(random: seed, now: 0)
        #expect(TokenForge.base64url(keys.signing.publicKey) == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        #expect(keys.signing.id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    }

    @Test func replacedKeysVerifyUntilTheirTokensAreDead() async throws {
        let before = try file.loadOrCreate(now: clock.wallSeconds)
        let token = try await token(before)
        let refresh = try await issuer(before).issueRefresh(principal: Self.alice, generation: 0)
        let after = try file.rotate(now: clock.wallSeconds)
        #expect(after.all.map(\.id) == [after.signing.id, before.signing.id])
        #expect(try file.loadOrCreate(now: clock.wallSeconds) == after)
        #expect(await accepts(token, after))
        let fresh = try await self.token(after)
        #expect(await accepts(fresh, after))
        #expect(await !accepts(fresh, before))
        clock.advance(seconds: 600)
        #expect(await !accepts(token, after))
        #expect(await acceptsRefresh(refresh, after))
        // Whoever stole the former key can make access tokens with it no longer than that.
        clock.advance(seconds: 359)
        #expect(await accepts(try await self.token(before), after))
        clock.advance(seconds: 1)
        #expect(await !accepts(try await self.token(before), after))
        #expect(await acceptsRefresh(refresh, after))
    }

    /// The answer from memory ends with the key as well.
    @Test func rememberedTokensEndWithTheirKey() async throws {
        let before = try file.loadOrCreate(now: clock.wallSeconds)
        let issuer = issuer(try file.rotate(now: clock.wallSeconds))
        clock.advance(seconds: 900)
        let token = try await token(before)
        _ = try await issuer.verify(token)
        #expect(issuer.cached(token) != nil)
        clock.advance(seconds: 60)
        #expect(issuer.cached(token) == nil)
    }

    @Test func droppedKeysVerifyNothing() async throws {
        let before = try file.loadOrCreate(now: clock.wallSeconds)
        let token = try await token(before)
        let refresh = try await issuer(before).issueRefresh(principal: Self.alice, generation: 0)
        let after = try file.rotate(droppingOthers: true, now: clock.wallSeconds)
        #expect(after.all.count == 1)
        #expect(await !accepts(token, after))
        #expect(await !acceptsRefresh(refresh, after))
    }

    @Test func forgetsKeysWhoseTokensAreDead() throws {
        let first = try file.loadOrCreate(now: 0).signing.id
        #expect(try file.rotate(now: 100).all.map(\.id).contains(first))
        #expect(try file.rotate(now: 200).all.map(\.id).contains(first))
        let last = try file.rotate(now: 100 + 30 * 86_400 + 60)
        #expect(!last.all.map(\.id).contains(first))
        #expect(last.all.count == 3)
        for second in 0..<50 { _ = try file.rotate(now: 10_000_000 + Int64(second)) }
        #expect(try file.loadOrCreate(now: 0).all.count == 32)
    }

    @Test func keepsOnlyThePrivateKeyThatSigns() throws {
        _ = try file.loadOrCreate(now: 0)
        _ = try file.rotate(now: 1)
        _ = try file.rotate(now: 2)
        #expect(try text().components(separatedBy: "\"d\":").count == 2)
    }

    @Test func showsNoKey() throws {
        let keys = try TokenKeys(random: [UInt8](repeating: 0x5A, count: 32), now: 0)
        var dumped = ""
        dump(keys, to: &dumped)
        #expect(!dumped.contains("90"))
        #expect(!"\(keys)".contains("90,"))
    }

    @Test func refusesWhatItDidNotWrite() throws {
        _ = try file.loadOrCreate(now: 5)
        let path = directory.path + "/token-keys.json"
        let whole = try text()
        let changes = [
            ("\"version\":1", "\"version\":2"), ("\"d\":", "\"e\":"), ("\"x\":\"", "\"x\":\"A"),
            ("\"d\":\"", "\"d\":\"A"),
            ("\"created\":5", "\"created\":\"5\""), ("]}", "]"), ("\"keys\":[", "\"keys\":[1,"),
        ]
        for (from, to) in changes + [(whole, ""), (whole, "{\"version\":1,\"keys\":[]}")] {
            let changed = whole.replacingOccurrences(of: from, with: to)
            #expect(changed != whole, "\(from)")
            try directory.write(Array(changed.utf8), to: "token-keys.json")
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            #expect(throws: AccessError.self, "\(to)") { try file.loadOrCreate(now: 5) }
            #expect(throws: AccessError.self, "\(to)") { try file.rotate(now: 5) }
            #expect(try text() == changed)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let error = #expect(throws: AccessError.self) { try file.loadOrCreate(now: 5) }
        #expect(error?.code == .storage)
    }
}
