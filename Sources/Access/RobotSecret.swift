// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import OCI

/// The secret of a robot, as it is made and as it is stored. It has 256 random bits, so nobody can try them all, and
/// one SHA-256 with a salt keeps it as well as a slow hash keeps a password.
enum RobotSecret {
    /// What every secret begins with, so that scanners and people know one that strayed.
    static let prefix = "cairn_"
    /// Bytes of a salt.
    static let saltBytes = 16

    /// Writes 32 random bytes as a secret: the prefix and 43 characters of base64url.
    static func text(_ random: [UInt8]) -> String { prefix + Base64URL.encode(random) }

    static func hash(_ secret: String, salt: [UInt8]) throws(AccessError) -> [UInt8] {
        do {
            return try Digest.of(salt + Array(secret.utf8)).bytes
        } catch {
            throw AccessError(.invalidRobot, "the secret cannot be hashed: \(error)")
        }
    }

    /// Whether a secret is the one that was stored, in a time that does not tell how much of it is right.
    static func matches(_ secret: String, salt: [UInt8], stored: [UInt8]) -> Bool {
        guard let computed = try? hash(secret, salt: salt) else { return false }
        return ConstantTime.equal(computed, stored)
    }
}
