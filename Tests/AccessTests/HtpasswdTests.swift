// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Testing

@Suite struct HtpasswdTests {
    /// The test vector of crypt_blowfish for the password `U*U`.
    static let vector = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    static let digits = String(repeating: "a", count: 53)

    @Test func readsUsersAndSkipsComments() throws {
        let text = "# people\n\nalice:\(Self.vector)\r\nbob:$2y$10$\(Self.digits)\n"
        let file = try Htpasswd(parsing: text)
        #expect(file.count == 2)
        #expect(file.hash(of: "alice") == Self.vector)
        #expect(file.hash(of: "bob") == "$2y$10$\(Self.digits)")
        #expect(file.hash(of: "carol") == nil)
        #expect(file.hash(of: "Alice") == nil)
        #expect(try Htpasswd(parsing: "").count == 0)
    }

    @Test(arguments: [
        ("alice", 1), ("alice:", 1), (":\(vector)", 1), ("alice:secret", 1), ("a b:\(vector)", 1),
        ("alice:$apr1$salt$hash", 1), ("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", 1), ("alice:$6$salt$hash", 1),
        ("alice:$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", 1),
        ("alice:$2y$03$\(digits)", 1), ("alice:$2y$31$\(digits)", 1), ("alice:$2y$+5$\(digits)", 1),
        ("alice:$2y$05$\(digits)a", 1), ("alice:$2y$05$\(digits.dropLast())!", 1), ("alice:\(vector):x", 1),
        ("alice:\(vector)\nalice:\(vector)", 2), ("# one\nbob:\(vector)\nmallory:x", 3), ("é:\(vector)", 1),
        ("robot+ci:\(vector)", 1), ("oidc:\(vector)", 1), ("a\u{7}:\(vector)", 1),
        ("\(String(repeating: "a", count: 256)):\(vector)", 1),
    ])
    func refusesWithTheLine(_ text: String, _ line: Int) {
        let error = #expect(throws: AccessError.self) { try Htpasswd(parsing: text) }
        #expect(error?.code == .invalidHtpasswd)
        #expect(error?.line == line)
    }

    @Test func saysHowPasswordsHaveToBeHashed() {
        let error = #expect(throws: AccessError.self) { try Htpasswd(parsing: "alice:$apr1$salt$hash") }
        #expect(error?.reason.contains("htpasswd -B") == true)
        #expect(error?.description.contains("salt") == false)
    }

    @Test func boundsTheFile() throws {
        let lines = (0...10_000).map { "u\($0):\(Self.vector)" }
        #expect(try Htpasswd(parsing: lines.dropLast().joined(separator: "\n")).count == 10_000)
        let error = #expect(throws: AccessError.self) { try Htpasswd(parsing: lines.joined(separator: "\n")) }
        #expect(error?.line == 10_001)
        #expect(throws: AccessError.self) { try Htpasswd(parsing: String(repeating: "#", count: (4 << 20) + 1)) }
    }

    /// Unicode knows other characters that Swift holds to be equal to these; rules, which compare bytes, do not.
    @Test func namesAreEqualByTheirBytes() throws {
        let file = try Htpasswd(parsing: "K:\(Self.vector)")
        #expect(file.hash(of: "K") != nil)
        #expect("K" == "\u{212A}")
        #expect(file.hash(of: "\u{212A}") == nil)
    }

    @Test func hashesForNewLines() throws {
        let salt = [UInt8](0..<16)
        let hash = try #require(Htpasswd.hash(password: "correct horse", cost: 5, salt: salt))
        #expect(hash.hasPrefix("$2y$05$"))
        #expect(hash == Htpasswd.hash(password: "correct horse", cost: 5, salt: salt))
        #expect(hash != Htpasswd.hash(password: "correct horsf", cost: 5, salt: salt))
        #expect(try Htpasswd(parsing: "alice:\(hash)").count == 1)
        #expect(Htpasswd.hash(password: "", cost: 5, salt: salt) == nil)
        #expect(Htpasswd.hash(password: "a\0b", cost: 5, salt: salt) == nil)
        #expect(Htpasswd.hash(password: String(repeating: "a", count: 73), cost: 5, salt: salt) == nil)
        #expect(Htpasswd.hash(password: "a", cost: 3, salt: salt) == nil)
        #expect(Htpasswd.hash(password: "a", cost: 5, salt: [1]) == nil)
    }
}
