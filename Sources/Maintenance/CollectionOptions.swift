// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What may be set about collection. How long things are kept is the catalog's: `grace` and `undo` of its settings.
package struct CollectionOptions: Sendable, Hashable {
    /// False: nothing is collected, and everything stays queued.
    package var isEnabled = true
    /// Links judged, and files deleted, in a second: what a sweep may take from those who push and pull.
    package var linksPerSecond = 500
    package var unlinksPerSecond = 250
    /// Seconds between two audits, and between two walks over the names of all files.
    package var auditSeconds: Int64 = 604_800

    package init() {}

    /// As fast as it goes.
    package static var fastest: CollectionOptions {
        var options = CollectionOptions()
        options.linksPerSecond = CollectionLimits.largestRate
        options.unlinksPerSecond = CollectionLimits.largestRate
        return options
    }
}
