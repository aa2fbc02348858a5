// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import OCI
import TestSupport

extension Transaction {
    /// The number of events so far.
    func events() throws -> Int { try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM event") ?? 0 }

    /// Makes a blob one that another region has.
    func makeRemote(_ digest: Digest) throws {
        try database.execute(
            sql: "UPDATE blob SET state = 'remote' WHERE digest = ?",
            arguments: [Data(digest.storageBytes)]
        )
    }
}

extension TestStore {
    /// Makes a blob that is here one that only another region has.
    func makeRemote(_ digest: Digest) async throws {
        try await catalog.write { try $0.makeRemote(digest) }
        try directory.remove(file(of: digest))
    }
}
