// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB

/// A tree of another log.
package struct WitnessedTree: Sendable, Hashable {
    package let size: Int64
    /// 32 bytes.
    package let root: [UInt8]

    package init(size: Int64, root: [UInt8]) {
        self.size = size
        self.root = root
    }
}

extension SQL {
    static let witnessed = "SELECT size, root FROM witnessed WHERE origin = ?"
    static let setWitnessed = """
        INSERT INTO witnessed(origin, size, root) VALUES (?, ?, ?)
        ON CONFLICT(origin) DO UPDATE SET size = excluded.size, root = excluded.root
        """
}

extension Catalog {
    /// The largest tree of another log that was cosigned here; nil for none.
    package func witnessedTree(of origin: String) async throws(CatalogError) -> WitnessedTree? {
        try await readers.readOne { try $0.row(SQL.witnessed, origin).map(WitnessedTree.init) }
    }

    /// Goes from one tree of another log to a larger one. Durable on return.
    ///
    /// - Returns: Whether `known` still was the largest one; nothing is changed where it was not.
    package func witness(
        _ tree: WitnessedTree,
        after known: WitnessedTree?,
        of origin: String
    ) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            let now = try transaction.database.row(SQL.witnessed, origin).map(WitnessedTree.init)
            guard now == known else { return false }
            try transaction.database.run(SQL.setWitnessed, origin, tree.size, Data(tree.root))
            return true
        }
    }
}

extension WitnessedTree {
    fileprivate init(_ row: Row) throws {
        self.init(size: try row.int(0), root: try row.bytes(1))
    }
}
