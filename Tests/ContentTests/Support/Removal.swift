// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import OCI

extension ContentStore {
    /// Removes one blob. False where `confirm` did not want that, or the file could not be deleted.
    func remove(_ digest: Digest, confirm: () async throws -> Bool) async throws -> Bool {
        let removal = try await remove([digest], confirm: { try await confirm() ? $0 : [] }, record: { $0 })
        return removal.removed == [digest]
    }
}
