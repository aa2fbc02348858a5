// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL

/// Keyed hashes (RFC 2104).
package enum HMAC {
    /// The HMAC-SHA-256 of a message: 32 bytes.
    ///
    /// Errors: `.unavailable` when OpenSSL refuses the algorithm, or has no memory.
    package static func sha256(_ message: [UInt8], key: [UInt8]) throws(CryptographyError) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var written = 0
        // Safety: the arrays live through the call, which reads the counts given for key and message and writes at most
        // `code.count` bytes.
        let result = unsafe code.withUnsafeMutableBufferPointer { buffer in
            unsafe EVP_Q_mac(
                nil,
                "HMAC",
                nil,
                "SHA2-256",
                nil,
                key,
                key.count,
                message,
                message.count,
                buffer.baseAddress,
                buffer.count,
                &written
            ) != nil
        }
        guard result, written == code.count else { throw .current(.unavailable, "EVP_Q_mac for HMAC-SHA-256") }
        return code
    }
}
