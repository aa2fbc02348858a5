// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL

/// A call into OpenSSL that did not do what it always should.
package struct CryptographyError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The library does not offer the algorithm, for instance because a policy of the host forbids it.
        case unavailable
        /// A call failed, in practice for want of memory.
        case failed
    }

    package let code: Code
    /// What was attempted, and the first entry of OpenSSL's error queue.
    package let reason: String

    package var description: String { reason }

    /// Takes the first entry off this thread's OpenSSL error queue and empties the queue, so that a later failure
    /// never reports this one's cause.
    static func current(_ code: Code, _ attempted: String) -> CryptographyError {
        let first = ERR_get_error()
        ERR_clear_error()
        guard first != 0 else { return CryptographyError(code: code, reason: attempted) }
        let cause = unsafe ERR_reason_error_string(first).map { unsafe String(cString: $0) }
        return CryptographyError(code: code, reason: "\(attempted): \(cause ?? "OpenSSL error \(first)")")
    }
}
