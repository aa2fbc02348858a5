// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL

/// Comparing secrets.
package enum ConstantTime {
    /// Whether two byte strings are equal, in a time that depends on their lengths and on nothing else, so that a guess
    /// that is nearly right takes as long as any other.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        // Safety: both arrays live through the call, which reads `count` bytes of each.
        return unsafe CRYPTO_memcmp(left, right, left.count) == 0
    }
}
