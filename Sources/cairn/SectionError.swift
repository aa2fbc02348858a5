// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Settings

/// What is wrong with a section of the configuration file.
struct SectionError: SettingsFailure {
    enum Code: Sendable { case invalid }

    static let invalidSetting = Code.invalid
    let reason: String
    let line: Int?

    init(_ code: Code, _ reason: String, line: Int?) {
        self.reason = reason
        self.line = line
    }

    /// Runs the parsing of a section that has errors of its own.
    static func from<Failure: SettingsFailure, Section>(
        _ parsing: () throws(Failure) -> Section
    ) throws(SectionError) -> Section {
        do {
            return try parsing()
        } catch {
            throw SectionError(.invalid, error.reason, line: error.line)
        }
    }
}
