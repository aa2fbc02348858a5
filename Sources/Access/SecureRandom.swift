// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Where keys, secrets and identifiers come from: the operating system's generator.
package enum SecureRandom {
    /// That many random bytes.
    package static func bytes(_ count: Int) -> [UInt8] {
        // Swift documents this generator as cryptographically secure; on Linux it is getrandom(2).
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// 128 random bits in 22 characters of base64url: no two are ever equal.
    package static func identifier() -> String { Base64URL.encode(bytes(16)) }
}
