// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import GRDB

extension Transaction {
    /// The number of events so far.
    func events() throws -> Int { try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM event") ?? 0 }
}
