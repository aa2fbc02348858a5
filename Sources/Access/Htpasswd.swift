// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// The users of an htpasswd file: `name:hash` lines, as `htpasswd -B` of Apache writes them. Only bcrypt is accepted.
package struct Htpasswd: Sendable, Hashable {
    /// Users of one file.
    static let usersLimit = 10_000
    /// Bytes of a file: 4 MiB.
    static let bytesLimit = 4 << 20
    /// Bytes of a user's name.
    static let nameBytesLimit = 255

    private let hashes: [String: String]
    /// A hash that belongs to nobody, of the cost that most users have: checking a password against it takes as long as
    /// for someone who exists.
    let decoy: String

    package static let empty = Htpasswd(hashes: [:])

    private init(hashes: [String: String]) {
        self.hashes = hashes
        var costs: [Substring: Int] = [:]
        for hash in hashes.values { costs[hash.dropFirst(4).prefix(2), default: 0] += 1 }
        let cost = costs.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? "10"
        decoy = "$2y$\(cost)$" + String(repeating: ".", count: 53)
    }

    /// Reads a whole file. Empty lines and lines that begin with `#` are comments.
    ///
    /// - Throws: `.invalidHtpasswd` with the line, for a hash other than bcrypt's, a name that occurs twice or cannot
    ///   be used to log in, and for a file over the limits.
    package init(parsing text: String) throws(AccessError) {
        guard text.utf8.count <= Self.bytesLimit else {
            throw AccessError(.invalidHtpasswd, "the file is over \(Self.bytesLimit) bytes")
        }
        var hashes: [String: String] = [:]
        var number = 0
        // By bytes: to Swift CR LF is one character, and neither of the two.
        for bytes in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            var line = Substring(bytes)
            if line.utf8.last == UInt8(ascii: "\r") { line = Substring(bytes.dropLast()) }
            if line.isEmpty || line.utf8.first == UInt8(ascii: "#") { continue }
            let (name, hash) = try Self.entry(line, number)
            guard hashes.updateValue(hash, forKey: name) == nil else {
                throw AccessError(
                    .invalidHtpasswd,
                    "the user \"\(ParsingError.quotable(name))\" occurs twice",
                    line: number
                )
            }
            guard hashes.count <= Self.usersLimit else {
                throw AccessError(.invalidHtpasswd, "the file has more than \(Self.usersLimit) users", line: number)
            }
        }
        self.init(hashes: hashes)
    }

    private static func entry(_ line: Substring, _ number: Int) throws(AccessError) -> (name: String, hash: String) {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw AccessError(.invalidHtpasswd, "a line has a user's name, a colon and a hash", line: number)
        }
        let name = line[..<colon]
        let hash = line[line.utf8.index(after: colon)...]
        if let reason = refusal(ofName: name) ?? Bcrypt.refusal(of: hash) {
            throw AccessError(.invalidHtpasswd, reason, line: number)
        }
        return (String(name), String(hash))
    }

    private static func refusal(ofName name: Substring) -> String? {
        guard (1...nameBytesLimit).contains(name.utf8.count) else {
            return "a user's name has 1 to \(nameBytesLimit) bytes"
        }
        guard name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return "a user's name is written in printable ASCII without spaces"
        }
        if name == AccessControl.workloadUser || name.hasPrefix(AccessControl.robotPrefix) {
            return "the name \"\(ParsingError.quotable(name))\" logs in robots or workloads, not a user"
        }
        return nil
    }

    /// The stored hash of a user; nil for one that the file does not have.
    package func hash(of user: String) -> String? {
        // Unicode has other spellings of some ASCII characters, which Swift holds to be equal and rules do not.
        guard user.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        return hashes[user]
    }

    /// How many users there are.
    package var count: Int { hashes.count }

    /// Hashes a password for a line of such a file. Takes as long as the cost says.
    ///
    /// - Parameters:
    ///   - password: 1 to 72 bytes without NUL.
    ///   - cost: 4 to 16; each step doubles the time.
    ///   - salt: 16 random bytes.
    /// - Returns: nil where one of these does not hold.
    package static func hash(password: String, cost: Int, salt: [UInt8]) -> String? {
        Bcrypt.setting(cost: cost, salt: salt).flatMap { Bcrypt.hash(Array(password.utf8), setting: $0) }
    }
}
