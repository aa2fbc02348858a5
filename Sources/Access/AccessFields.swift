// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Settings

extension AccessError: SettingsFailure {
    package static var invalidSetting: Code { .invalidConfiguration }
}

/// A mapping of the configuration file; what is wrong with it is an `AccessError`.
typealias YAMLFields = Settings.YAMLFields<AccessError>

extension Glob {
    /// Reads a pattern of a rule.
    ///
    /// - Throws: An `AccessError` of code `invalidRule`.
    init(ofRule text: some StringProtocol) throws(AccessError) {
        do {
            try self.init(parsing: text)
        } catch {
            throw AccessError(.invalidRule, error.reason)
        }
    }
}
