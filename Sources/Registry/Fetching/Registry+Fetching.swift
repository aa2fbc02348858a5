// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Logging
package import OCI

/// What a fetch came to.
package enum FetchOutcome: Sendable, Hashable {
    /// It was here, linked to the repository; nobody was asked.
    case present(size: Int64)
    case fetched(FetchedBlob)
    /// Another had asked before.
    case joined(FetchedBlob)
}

extension Registry {
    /// How many wait now for a blob that is being fetched, or waits for its turn.
    package var fetchesAwaited: Int { fetcher.interest }

    /// Brings a blob that other registries have into the store, and links it to the repository: durable once it
    /// returns. No client is asked about here: whether the repository is to have the blob is the caller's decision.
    ///
    /// All who want a blob at one time share one fetch, which ends with the last of them who is cancelled. The sources
    /// are asked in order, and one that fails is followed by the next at the offset that was reached. No more bytes are
    /// taken than `size` says, or the row of the blob where it is nil; where nobody knows, than a blob may have.
    ///
    /// A blob that is damaged here is fetched too, which heals it. Quotas are those of the region that took the push;
    /// here they are counted, not enforced.
    ///
    /// - Throws: `FetchError` with what was wrong with each source; `RegistryError.storageFull` at the soft limit
    ///   of the disk; `.blobTooLarge`; `.overloaded`; `CancellationError`.
    @discardableResult
    package func fetchBlob(
        _ digest: Digest,
        size: Int64? = nil,
        in repository: RepositoryName,
        from sources: [any ContentSource],
        priority: FetchPriority = .backfill
    ) async throws -> FetchOutcome {
        try await translating {
            var (size, isLinked) = (size, false)
            switch try await catalog.holding(of: digest, in: repository) {
            case .here(let size): return .present(size: size)
            case .elsewhere(let known), .damaged(let known): (size, isLinked) = (size ?? known, true)
            case .unlinked, .deleted: break
            }
            guard size ?? 0 <= blobLimit else { throw RegistryError.blobTooLarge(limit: blobLimit) }
            guard !sources.isEmpty else { throw FetchError(digest: digest, failures: []) }
            let boarding = try boardFetch(
                of: digest,
                size: size,
                in: repository,
                isLinked: isLinked,
                from: sources,
                priority
            )
            defer { boarding.leave() }
            let blob = try await boarding.flight.result()
            if boarding.joined { return .joined(blob) }
            return blob.sources.isEmpty ? .present(size: blob.size) : .fetched(blob)
        }
    }

    /// Joins the fetch of a blob, or begins one.
    func boardFetch(
        of digest: Digest,
        size: Int64?,
        in repository: RepositoryName,
        isLinked: Bool,
        from sources: [any ContentSource],
        _ priority: FetchPriority
    ) throws -> Boarding {
        let key = Flight.Key(digest: digest, size: size, repository: isLinked ? nil : repository)
        return try fetcher.board(key, priority) { flight in
            try await self.transfer(flight, in: repository, from: sources, priority)
        }
    }

    /// The work of a flight.
    private func transfer(
        _ flight: Flight,
        in repository: RepositoryName,
        from sources: [any ContentSource],
        _ priority: FetchPriority
    ) async throws -> FetchedBlob {
        let digest = flight.key.digest
        // It may have come while this waited for its turn.
        if case .here(let size) = try await catalog.holding(of: digest, in: repository) {
            return FetchedBlob(size: size, sources: [])
        }
        if priority == .backfill, content.gauge.state != .ok {
            throw RegistryError.storageFull("the storage is nearly full: nothing is fetched ahead")
        }
        var transfer = BlobTransfer(
            digest,
            size: flight.key.size,
            in: repository,
            from: sources,
            into: content,
            blobLimit: blobLimit,
            options: fetcher.options,
            metrics: fetcher.metrics,
            arrival: flight.arrival
        )
        do {
            let blob = try await transfer.run { size in
                try await self.catalog.linkFetchedBlob(digest, size: size, in: repository)
            }
            logger.debug("blob fetched", metadata: ["digest": "\(digest)", "bytes": "\(blob.size)"])
            return blob
        } catch let error as FetchError {
            logger.warning("blob not fetched", metadata: ["repository": "\(repository)", "reason": "\(error)"])
            throw error
        }
    }
}
