// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Settings

/// Why rules of retention were refused.
package struct RetentionError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// The section of the configuration is wrong.
        case invalidPolicy
        /// No regular expression that is understood here.
        case invalidExpression
        /// No semantic version.
        case invalidVersion
        /// No range of versions.
        case invalidRange
        /// Longer or larger than anything of its kind may be.
        case tooLarge
        /// A file of another registry's rules that cannot be read.
        case invalidImport
        /// A rule of another registry that nothing here says.
        case untranslatable
    }

    package let code: Code
    /// A sentence for people, without the place.
    package let reason: String
    /// The line of the file that is to blame, counted from 1.
    package let line: Int?

    package init(_ code: Code, _ reason: String, line: Int? = nil) {
        self.code = code
        self.reason = reason
        self.line = line
    }

    package var description: String { line.map { "line \($0): \(reason)" } ?? reason }
}

extension RetentionError: SettingsFailure {
    package static var invalidSetting: Code { .invalidPolicy }
}
