// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Foundation
import TestSupport
import Testing

@Suite struct RobotsFileTests {
    private let directory: TemporaryDirectory
    private let file: RobotsFile
    private let now: Int64 = 1_700_000_000

    init() throws {
        directory = try TemporaryDirectory()
        file = RobotsFile(path: directory.path + "/robots.json")
    }

    private func grants(_ texts: String...) throws -> [Grant] { try texts.map { try Grant(parsing: $0) } }

    private func code(_ work: () throws -> Void) -> AccessError.Code? {
        do {
            try work()
            return nil
        } catch {
            return (error as? AccessError)?.code
        }
    }

    private func text() throws -> String { String(decoding: try directory.read("robots.json"), as: UTF8.self) }

    @Test func makesARobotWhoseSecretIsNowhere() throws {
        #expect(try file.load() == .none)
        let secret = try file.create(name: "ci", grants: grants("pull,push:team/*"), expires: now + 60, now: now)
        #expect(secret.hasPrefix("cairn_"))
        #expect(secret.utf8.count == 49)
        #expect(try !text().contains(secret.dropFirst(6)))
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.path + "/robots.json")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(directory.files(in: "") == ["robots.json", "robots.json.lock"])
        let robots = try file.load()
        #expect(robots["ci"]?.grants.map(\.description) == ["pull,push:team/*"])
        #expect(robots.authenticate(name: "ci", secret: secret, now: now)?.name == "ci")
        #expect(try file.list().map(\.name) == ["ci"])
    }

    @Test func refusesWrongExpiredAndUnknown() throws {
        let secret = try file.create(name: "ci", grants: grants("pull:**"), expires: now + 60, now: now)
        let robots = try file.load()
        #expect(robots.authenticate(name: "ci", secret: secret, now: now + 59) != nil)
        #expect(robots.authenticate(name: "ci", secret: secret, now: now + 60) == nil)
        #expect(robots.generation(of: "ci", now: now + 59) == 1)
        #expect(robots.generation(of: "ci", now: now + 60) == nil)
        #expect(robots.authenticate(name: "ci", secret: secret + "A", now: now) == nil)
        #expect(robots.authenticate(name: "ci", secret: String(secret.dropLast()), now: now) == nil)
        #expect(robots.authenticate(name: "ci", secret: "", now: now) == nil)
        #expect(robots.authenticate(name: "cj", secret: secret, now: now) == nil)
        #expect(robots.generation(of: "cj", now: now) == nil)
    }

    @Test func rotationEndsTheFormerSecret() throws {
        let former = try file.create(name: "ci", grants: grants("pull:**"), expires: nil, now: now)
        let secret = try file.rotate(name: "ci", now: now + 10)
        #expect(secret != former)
        let robots = try file.load()
        #expect(robots.authenticate(name: "ci", secret: former, now: now + 10) == nil)
        #expect(robots.authenticate(name: "ci", secret: secret, now: now + 10)?.created == now)
        #expect(robots.generation(of: "ci", now: now + 10) == 2)
        _ = try file.rotate(name: "ci", expires: now + 100, now: now + 10)
        #expect(try file.load()["ci"]?.expires == now + 100)
        #expect(code { _ = try file.rotate(name: "ci", now: now + 100) } == .invalidRobot)
        #expect(code { _ = try file.rotate(name: "cj", now: now) } == .invalidRobot)
    }

    @Test func revocationEndsARobotAndItsNameStartsAnew() throws {
        let secret = try file.create(name: "ci", grants: grants("pull:**"), expires: nil, now: now)
        #expect(code { _ = try file.create(name: "ci", grants: grants("pull:**"), expires: nil, now: now) } != nil)
        try file.revoke(name: "ci")
        try file.revoke(name: "ci")
        var robots = try file.load()
        #expect(robots.authenticate(name: "ci", secret: secret, now: now) == nil)
        #expect(robots.generation(of: "ci", now: now) == nil)
        #expect(code { _ = try file.rotate(name: "ci", now: now) } == .invalidRobot)
        #expect(code { try file.revoke(name: "cj") } == .invalidRobot)
        _ = try file.create(name: "ci", grants: grants("push:**"), expires: nil, now: now)
        robots = try file.load()
        #expect(robots.generation(of: "ci", now: now) == 3)
        #expect(robots.authenticate(name: "ci", secret: secret, now: now) == nil)
    }

    @Test(arguments: ["", "CI", "a b", "-ci", "ci-", "a+b", "a:b", "é", "a/b", String(repeating: "a", count: 65)])
    func refusesNames(_ name: String) throws {
        #expect(code { _ = try file.create(name: name, grants: grants("pull:**"), expires: nil, now: now) } != nil)
        #expect(directory.files(in: "").isEmpty)
    }

    @Test func refusesRobotsOfNoUse() throws {
        #expect(code { _ = try file.create(name: "ci", grants: [], expires: nil, now: now) } == .invalidRobot)
        let grants = try grants("pull:**")
        #expect(code { _ = try file.create(name: "ci", grants: grants, expires: now, now: now) } == .invalidRobot)
        #expect(try file.load() == .none)
    }

    @Test func refusesAFileThatOthersMayUse() throws {
        _ = try file.create(name: "ci", grants: grants("pull:**"), expires: nil, now: now)
        for mode in [0o640, 0o604, 0o620, 0o644, 0o610] {
            let path = directory.path + "/robots.json"
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            #expect(code { _ = try file.load() } == .storage)
        }
    }

    @Test func refusesWhatItDidNotWrite() throws {
        _ = try file.create(name: "ci", grants: grants("pull:**"), expires: now + 1, now: now)
        let whole = try text()
        let changes = [
            ("\"version\":1", "\"version\":2"), ("\"revoked\":false", "\"revoked\":0"), ("pull:**", "pull"),
            ("\"name\":\"ci\"", "\"name\":\"CI\""), ("\"generation\":1", "\"generation\":\"1\""),
            ("\"grants\"", "\"grant\""), ("]}", "]"), ("{", ""), ("]}", ",]}"),
            ("\"expires\":\(now + 1)", "\"expires\":null"), ("\"salt\":\"", "\"salt\":\"="),
            ("\"revoked\":false", "\"revoked\":false,\"admin\":true"), ("\"created\"", "\"name\":\"x\",\"created\""),
        ]
        for (from, to) in changes {
            let changed = whole.replacingOccurrences(of: from, with: to)
            #expect(changed != whole, "\(from)")
            try write(changed)
            #expect(code { _ = try file.load() } == .invalidRobot, "\(to)")
        }
        try write(whole)
        #expect(try file.load()["ci"] != nil)
    }

    /// Keeps the file's inode, and so its mode.
    private func write(_ text: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.path + "/robots.json"))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    /// Each change reads, changes and writes under the lock, so none is lost.
    @Test func changesDoNotUndoEachOther() throws {
        let (file, now) = (file, now)
        let grants = try grants("pull:**")
        DispatchQueue.concurrentPerform(iterations: 24) { number in
            do {
                _ = try file.create(name: "robot-\(number)", grants: grants, expires: nil, now: now)
            } catch {
                Issue.record(error)
            }
        }
        #expect(try file.list().count == 24)
    }

    @Test func secretsComeFromTheGenerator() throws {
        let fixed = RobotsFile(path: directory.path + "/fixed.json") { [UInt8](repeating: 0xFF, count: $0) }
        let secret = try fixed.create(name: "ci", grants: grants("pull:**"), expires: nil, now: now)
        #expect(secret == "cairn_" + String(repeating: "_", count: 42) + "8")
        #expect(Set((0..<100).map { _ in SecureRandom.identifier() }).count == 100)
        #expect(SecureRandom.identifier().utf8.count == 22)
    }
}
