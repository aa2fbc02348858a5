// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Why something about access was refused: a rule, a file, a token.
package struct AccessError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case invalidRule
        case invalidScope
        case invalidHtpasswd
        /// A password that can be nobody's.
        case invalidPassword
        case invalidRobot
        case invalidToken
        case invalidIssuer
        case invalidConfiguration
        /// A file could not be read or written.
        case storage
        /// More is asked for than can be done now; the same may succeed later.
        case busy
    }

    package let code: Code
    /// A sentence for people, without the place. It holds no secrets.
    package let reason: String
    /// The line of the file that is to blame, counted from 1.
    package let line: Int?

    package init(_ code: Code, _ reason: String, line: Int? = nil) {
        self.code = code
        self.reason = reason
        self.line = line
    }

    package var description: String { line.map { "line \($0): \(reason)" } ?? reason }

    /// The same error with the place where the value stood that it is about.
    func at(line: Int?) -> AccessError { AccessError(code, reason, line: self.line ?? line) }
}

extension StringProtocol {
    /// The text, safe to print and cut to 256 bytes.
    var quotable: String { ParsingError.quotable(self) }
}
