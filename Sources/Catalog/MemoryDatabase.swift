// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import GRDB

/// A database of the catalog's schema in memory, on one connection, which outlives the catalogs over it.
///
/// Everything runs on the thread of whoever calls, so a test that runs the catalog's work itself decides the order of
/// every transaction. The catalog that is made over it is the one that a crash leaves: committed, nothing else.
package final class MemoryDatabase: Sendable {
    package let queue: DatabaseQueue

    /// - Throws: What SQLite says.
    package init() throws {
        queue = try DatabaseQueue(configuration: Connection.configuration(trace: nil))
        try Catalog.migrate(queue, origin: Catalog.Settings().origin)
    }
}
