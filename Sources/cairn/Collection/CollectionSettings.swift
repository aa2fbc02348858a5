// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Maintenance
import Settings
import Yams

/// The section `collection` of the configuration file.
///
/// ```yaml
/// collection:
///   grace: 24h              # how long a blob that nothing refers to is kept after it was last pushed or asked for
///   undo: 7d                # how long a deleted image can be brought back
///   links-per-second: 500   # how fast links are judged, and files deleted
///   unlinks-per-second: 250
///   audit-every: 7d         # how often everything is recounted, and files without a row are looked for
///   enabled: true
/// ```
struct CollectionSettings: Sendable, Hashable {
    static let section = "collection"

    /// Seconds of service time.
    var grace = Catalog.Settings().grace
    var undo = Catalog.Settings().undo
    var options = CollectionOptions()

    init() {}

    init(_ node: Node) throws(SectionError) {
        let fields = try YAMLFields<SectionError>(
            node,
            "the collection",
            keys: ["grace", "undo", "links-per-second", "unlinks-per-second", "audit-every", "enabled"]
        )
        grace = try fields.seconds("grace") ?? grace
        undo = try fields.seconds("undo") ?? undo
        let rates = 1...CollectionLimits.largestRate
        options.linksPerSecond = try fields.integer("links-per-second", in: rates) ?? options.linksPerSecond
        options.unlinksPerSecond = try fields.integer("unlinks-per-second", in: rates) ?? options.unlinksPerSecond
        options.auditSeconds = try fields.seconds("audit-every") ?? options.auditSeconds
        if fields.has("enabled") { options.isEnabled = try fields.flag("enabled") }
    }
}
