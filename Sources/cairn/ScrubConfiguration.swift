// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Maintenance
import Settings
import Yams

/// The section `scrub` of the configuration file.
///
/// ```yaml
/// scrub:
///   rate: 20MiB      # bytes in a second that are read at least
///   every: 30d       # within which all blobs are read, whatever rate that takes
///   enabled: true    # false: only what `cairn scrub --now` asks for
/// ```
extension ScrubSettings {
    static let section = "scrub"

    init(_ node: Node) throws(SectionError) {
        self.init()
        let fields = try YAMLFields<SectionError>(node, "the scrub", keys: ["rate", "every", "enabled"])
        if fields.has("enabled") { isEnabled = try fields.flag("enabled") }
        if let rate = try fields.bytes("rate") {
            guard ScrubLimits.rates.contains(rate) else {
                throw fields.error("rate", "is from 1KiB to 1TiB a second")
            }
            self.rate = rate
        }
        if let every = try fields.seconds("every") {
            guard every >= ScrubLimits.shortestEvery else { throw fields.error("every", "is at least 1h") }
            self.every = every
        }
    }
}
