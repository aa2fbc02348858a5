// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Why a text or bytes are not a key that is accepted.
package struct KeyError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Not PEM, or not the structure that its label promises.
        case malformed
        /// A key of another algorithm, or a PEM block of another kind.
        case unsupported
        /// A key of a known algorithm that nobody may trust: a point off its curve, or of small order.
        case unsafe
        /// The key is encrypted, and no passphrase was given; or an empty one was given to encrypt with.
        case passphraseNeeded
        /// The passphrase does not decrypt the key.
        case wrongPassphrase
        /// OpenSSL failed, in practice for want of memory.
        case failed
    }

    package let code: Code
    /// A sentence for people. It holds nothing of a private key or a passphrase.
    package let reason: String

    package var description: String { reason }

    /// Takes the cause off OpenSSL's error queue.
    static func current(_ code: Code, _ sentence: String) -> KeyError {
        KeyError(code: code, reason: CryptographyError.current(.failed, sentence).reason)
    }
}

/// Bounds of keys.
package enum KeyLimits: Sendable {
    /// Bytes of a PEM text: 16 KiB, many times any key that is accepted.
    package static let pemBytesLimit = 16 << 10
    /// Bytes of a passphrase.
    package static let passphraseBytesLimit = 1_024
}
