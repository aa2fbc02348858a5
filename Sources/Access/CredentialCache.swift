// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography

/// Credentials that were found right a short while ago, so that not every request costs a bcrypt.
///
/// What is kept is no password but a code that only this process can compute. It covers the stored hash too, so that a
/// changed password ends what the former one opened at once, and a reload that changes nothing ends nothing.
struct CredentialCache: Sendable {
    /// Users remembered.
    static let usersLimit = 4_096
    /// How long an answer holds, in nanoseconds: a minute.
    static let lifetime: UInt64 = 60_000_000_000

    private struct Accepted: Sendable {
        let code: [UInt8]
        let until: UInt64
    }

    private var users = BoundedCache<String, Accepted>(limit: usersLimit)

    /// The code of credentials, under a key that the process draws at its start.
    static func code(
        user: String,
        password: [UInt8],
        stored: String,
        key: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        // Neither a hash nor a user's name has a NUL, so no two credentials make one message.
        try HMAC.sha256(Array(stored.utf8) + [0] + Array(user.utf8) + [0] + password, key: key)
    }

    /// `now` is in nanoseconds of a clock that only goes forward.
    mutating func contains(_ code: [UInt8], of user: String, now: UInt64) -> Bool {
        guard let accepted = users[user], now < accepted.until else { return false }
        return ConstantTime.equal(accepted.code, code)
    }

    mutating func insert(_ code: [UInt8], of user: String, now: UInt64) {
        users.insert(Accepted(code: code, until: now &+ Self.lifetime), for: user)
    }
}
