// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
package import OCI

extension TestStore {
    /// Makes a blob that is here one that only another region has.
    package func makeRemote(_ digest: Digest) async throws {
        let key = Data(digest.storageBytes)
        try await catalog.write { transaction in
            try transaction.database.execute(
                sql: "UPDATE blob SET state = 'remote' WHERE digest = ?",
                arguments: [key]
            )
        }
        try directory.remove(file(of: digest))
    }
}
