// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI

extension Registry {
    /// Refuses bytes that a quota has no room for before they are kept; the transaction that links them decides.
    /// Without quotas nothing is read.
    ///
    /// - Throws: `RegistryError.quotaExceeded`
    func checkQuotas(
        of caller: Caller,
        adding size: Int64,
        of digest: Digest?,
        to repository: RepositoryName
    ) async throws {
        guard !caller.quotas.isEmpty else { return }
        let excess = try await catalog.excess(of: caller.storageQuotas, adding: size, of: digest, to: repository)
        if let excess { throw RegistryError(excess) }
    }
}

extension RegistryError {
    init(_ excess: QuotaExcess) {
        self = .quotaExceeded(
            prefix: excess.prefix,
            limit: excess.limit,
            used: excess.used,
            needed: excess.needed
        )
    }
}
