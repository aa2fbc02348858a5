// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB

/// When, and in which region, something was set. Of two stamps the one of the later time is later; of the same time,
/// that of the region whose log has the name that comes later: that name is signed, and the same everywhere. No two
/// changes of one key have the same stamp.
package struct Stamp: Hashable, Comparable, Sendable {
    package let time: HybridTimestamp
    /// The origin of the region's log.
    package let origin: String

    package init(time: HybridTimestamp, origin: String) {
        self.time = time
        self.origin = origin
    }

    /// Before every stamp of a change.
    static let never = Stamp(time: HybridTimestamp(rawValue: 0), origin: "")

    package static func < (left: Stamp, right: Stamp) -> Bool { (left.time, left.origin) < (right.time, right.origin) }
}

extension HybridTimestamp {
    /// Seconds since 1970.
    var seconds: Int64 { milliseconds / 1_000 }
}

extension SQL {
    static let observedTime = "SELECT hlc FROM hybrid_clock WHERE one = 1"
    static let persistObservedTime = "UPDATE hybrid_clock SET hlc = ? WHERE one = 1 AND hlc < ?"
}

extension Transaction {
    /// The stamp of what is written: this operation's own, unless an entry of another region is merged.
    var stamp: Stamp { assumed ?? Stamp(time: timestamp, origin: settings.origin) }

    /// The same time in seconds since 1970, for rows that say when something was pushed or set.
    var stampSeconds: Int64 { assumed?.time.seconds ?? wallSeconds }

    /// Lets the rows that a part of an operation writes have another stamp.
    func stamped<Value>(_ stamp: Stamp, _ body: () throws -> Value) rethrows -> Value {
        let former = assumed
        assumed = stamp
        defer { assumed = former }
        return try body()
    }

    /// Remembers, past a restart too, a time that the times of later changes here have to come after.
    func persistObserved(_ time: HybridTimestamp) throws {
        try database.run(SQL.persistObservedTime, time.rawValue, time.rawValue)
    }
}
