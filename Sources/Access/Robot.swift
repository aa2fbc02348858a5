// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A program with an account of its own. Times are seconds since 1970.
package struct Robot: Sendable, Hashable {
    /// Bytes of the longest name.
    static let nameBytesLimit = 64

    package let name: String
    /// SHA-256 of the salt and the secret.
    package let secretHash: [UInt8]
    package let salt: [UInt8]
    /// What it may do where no rule says otherwise.
    package let grants: [Grant]
    package let created: Int64
    /// The end of its secret; nil for one that holds until it is rotated or revoked.
    package let expires: Int64?
    /// Grows with each new secret and at revocation. Tokens carry it, and are dead when it is another.
    package let generation: Int
    package let revoked: Bool

    package func isUsable(now: Int64) -> Bool { !revoked && expires.map { now < $0 } ?? true }

    /// Why a text is no robot's name; nil if it is one: letters, digits, and '.', '_' and '-' between them, in lower
    /// case.
    static func refusal(ofName name: String) -> String? {
        let bytes = Array(name.utf8)
        guard (1...nameBytesLimit).contains(bytes.count) else {
            return "a robot's name has 1 to \(nameBytesLimit) bytes"
        }
        let separators = Set("._-".utf8)
        let isWord = bytes.allSatisfy { isLetterOrDigit($0) || separators.contains($0) }
        guard isWord, let first = bytes.first, let last = bytes.last, isLetterOrDigit(first), isLetterOrDigit(last)
        else {
            return "a robot's name has lower-case letters and digits, and '.', '_' and '-' between them"
        }
        return nil
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// All robots, as the file had them when it was read.
package struct Robots: Sendable, Hashable {
    /// Robots of one file.
    static let countLimit = 10_000

    private(set) var byName: [String: Robot]

    package static let none = Robots(byName: [:])

    /// Checking a secret against this takes as long as against a robot's.
    private static let decoy = (
        salt: [UInt8](repeating: 0, count: RobotSecret.saltBytes), hash: [UInt8](repeating: 0, count: 32)
    )

    package subscript(name: String) -> Robot? { byName[name] }

    /// In the order of their names.
    package var all: [Robot] { byName.values.sorted { $0.name < $1.name } }

    /// The robot whose secret this is; nil for an unknown, expired or revoked one, and for a wrong secret, all after
    /// the same work.
    package func authenticate(name: String, secret: String, now: Int64) -> Robot? {
        let robot = byName[name]
        let matches = RobotSecret.matches(
            secret,
            salt: robot?.salt ?? Self.decoy.salt,
            stored: robot?.secretHash ?? Self.decoy.hash
        )
        guard matches, let robot, robot.isUsable(now: now) else { return nil }
        return robot
    }

    /// What a token of this robot has to carry; nil for one that is unknown, expired or revoked.
    package func generation(of name: String, now: Int64) -> Int? {
        guard let robot = byName[name], robot.isUsable(now: now) else { return nil }
        return robot.generation
    }

    mutating func put(_ robot: Robot) { byName[robot.name] = robot }
}
