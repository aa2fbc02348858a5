// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Cryptography
import Foundation
import TestSupport
import Testing

@Suite struct PasswordCheckerTests {
    private static let salt = [UInt8](repeating: 7, count: 16)

    private static func file(_ users: [(String, String)], cost: Int = 4) throws -> Htpasswd {
        let lines = try users.map { "\($0.0):\(try #require(Htpasswd.hash(password: $0.1, cost: cost, salt: salt)))" }
        return try Htpasswd(parsing: lines.joined(separator: "\n"))
    }

    private static func checker(_ clock: ManualClock = ManualClock(), threads: Int = 2) -> PasswordChecker {
        PasswordChecker(threadCount: threads) { clock.monotonicNanoseconds }
    }

    /// The code of what a check throws; nil if it says yes or no.
    private static func refusal(
        _ checker: PasswordChecker,
        _ user: String,
        _ password: String,
        _ file: Htpasswd
    ) async -> AccessError.Code? {
        do {
            _ = try await checker.check(user: user, password: password, htpasswd: file)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func acceptsTheKnownVector() async throws {
        let checker = Self.checker()
        let file = try Htpasswd(parsing: "alice:\(HtpasswdTests.vector)")
        #expect(try await checker.check(user: "alice", password: "U*U", htpasswd: file))
        #expect(try await !checker.check(user: "alice", password: "U*u", htpasswd: file))
        #expect(try await !checker.check(user: "bob", password: "U*U", htpasswd: file))
        await checker.shutDown()
    }

    @Test(arguments: ["$2a$", "$2b$", "$2y$"]) func acceptsEachPrefix(_ prefix: String) async throws {
        let checker = Self.checker()
        let hash = prefix + HtpasswdTests.vector.dropFirst(4)
        let file = try Htpasswd(parsing: "alice:\(hash)")
        #expect(try await checker.check(user: "alice", password: "U*U", htpasswd: file))
        await checker.shutDown()
    }

    @Test func refusesWhatBcryptWouldCut() async throws {
        let checker = Self.checker()
        let long = String(repeating: "a", count: 72)
        let file = try Self.file([("alice", long)])
        #expect(try await checker.check(user: "alice", password: long, htpasswd: file))
        #expect(await Self.refusal(checker, "alice", long + "b", file) == .invalidPassword)
        #expect(await Self.refusal(checker, "alice", "", file) == .invalidPassword)
        #expect(await Self.refusal(checker, "alice", "a\0", file) == .invalidPassword)
        await checker.shutDown()
    }

    /// Without threads only what is remembered can be answered.
    @Test func remembersWhatWasRightForAMinute() async throws {
        let clock = ManualClock()
        let checker = Self.checker(clock)
        let file = try Self.file([("alice", "one"), ("bob", "two")])
        #expect(try await checker.check(user: "alice", password: "one", htpasswd: file))
        #expect(try await !checker.check(user: "bob", password: "one", htpasswd: file))
        await checker.shutDown()
        #expect(try await checker.check(user: "alice", password: "one", htpasswd: file))
        #expect(await Self.refusal(checker, "alice", "onf", file) == .busy)
        #expect(await Self.refusal(checker, "bob", "one", file) == .busy)
        #expect(await Self.refusal(checker, "bob", "two", file) == .busy)
        clock.advance(seconds: 59)
        #expect(try await checker.check(user: "alice", password: "one", htpasswd: file))
        clock.advance(seconds: 1)
        #expect(await Self.refusal(checker, "alice", "one", file) == .busy)
    }

    @Test func forgetsWhenTheStoredHashChangesAndOnlyThen() async throws {
        let checker = Self.checker()
        let file = try Self.file([("alice", "one")])
        #expect(try await checker.check(user: "alice", password: "one", htpasswd: file))
        await checker.shutDown()
        let another = try Self.file([("alice", "one"), ("bob", "two")])
        #expect(try await checker.check(user: "alice", password: "one", htpasswd: another))
        let changed = try Self.file([("alice", "three")])
        #expect(await Self.refusal(checker, "alice", "one", changed) == .busy)
        let gone = try Self.file([("bob", "two")])
        #expect(await Self.refusal(checker, "alice", "one", gone) == .busy)
    }

    @Test func saysSoWhenTooManyWait() async throws {
        let checker = Self.checker(threads: 1)
        let file = try Self.file([("alice", "one")], cost: 9)
        let codes = await withTaskGroup(of: AccessError.Code?.self) { group in
            for number in 0..<300 {
                group.addTask { await Self.refusal(checker, "alice", "guess \(number)", file) }
            }
            return await group.reduce(into: [AccessError.Code?]()) { $0.append($1) }
        }
        #expect(codes.filter { $0 == nil }.count >= 64)
        #expect(codes.contains(.busy))
        #expect(codes.allSatisfy { $0 == nil || $0 == .busy })
        #expect(try await checker.check(user: "alice", password: "one", htpasswd: file))
        await checker.shutDown()
    }

    @Test func hashesTheSameCredentialsOnce() async throws {
        let checker = Self.checker(threads: 1)
        let file = try Self.file([("alice", "one")], cost: 9)
        let answers = await withTaskGroup(of: Bool?.self) { group in
            for _ in 0..<500 {
                group.addTask { try? await checker.check(user: "alice", password: "one", htpasswd: file) }
            }
            return await group.reduce(into: [Bool?]()) { $0.append($1) }
        }
        #expect(answers == Array(repeating: true, count: 500))
        await checker.shutDown()
    }

    /// An unknown user costs one hash of the same cost as a known one: nobody learns by time who is known.
    @Test func hashesAsMuchForUnknownUsers() async throws {
        let hashed = EventLog()
        let checker = PasswordChecker(threadCount: 1, monotonic: { 0 }) { _, stored in
            hashed.add(String(stored.prefix(7)))
            return false
        }
        let file = try Self.file([("alice", "one")], cost: 5)
        for user in ["alice", "mallory"] {
            let isRight = try await checker.check(user: user, password: "wrong", htpasswd: file)
            #expect(!isRight)
        }
        #expect(hashed.all == ["$2y$05$", "$2y$05$"] || hashed.all == ["$2b$05$", "$2b$05$"])
        await checker.shutDown()
    }

    /// RFC 4231, test cases 1 and 2.
    @Test func computesKeyedHashes() throws {
        func hexadecimal(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
        #expect(
            try hexadecimal(HMAC.sha256(Array("Hi There".utf8), key: [UInt8](repeating: 0x0B, count: 20)))
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        )
        #expect(
            try hexadecimal(HMAC.sha256(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        )
        #expect(ConstantTime.equal([1, 2], [1, 2]))
        #expect(!ConstantTime.equal([1, 2], [1, 3]))
        #expect(!ConstantTime.equal([1, 2], [1]))
        #expect(ConstantTime.equal([], []))
    }
}
