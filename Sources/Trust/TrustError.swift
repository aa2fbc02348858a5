// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Settings

/// Why something about trust was refused: a signature's document, a report, a policy.
package struct TrustError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// No DSSE envelope.
        case invalidEnvelope
        /// No in-toto statement, or a predicate that is not what its type says.
        case invalidStatement
        /// No sigstore bundle.
        case invalidBundle
        /// No simple signing payload.
        case invalidPayload
        /// No report that can be read.
        case invalidReport
        /// No time of RFC 3339.
        case invalidTime
        case invalidPolicy
        /// A public key that cannot be read or is not of a known kind.
        case invalidKey
        /// No stored verdict.
        case invalidVerdict
        /// Longer than anything of its kind may be.
        case tooLarge
        /// The library that signs or hashes failed.
        case cryptography
    }

    package let code: Code
    /// A sentence for people, without the place.
    package let reason: String
    /// The line of the policy's file that is to blame, counted from 1.
    package let line: Int?

    package init(_ code: Code, _ reason: String, line: Int? = nil) {
        self.code = code
        self.reason = reason
        self.line = line
    }

    package var description: String { line.map { "line \($0): \(reason)" } ?? reason }
}

extension TrustError: SettingsFailure {
    package static var invalidSetting: Code { .invalidPolicy }
}
