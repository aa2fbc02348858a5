// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog

/// Learns what was pulled in another region, so that no rule takes an image for one that nobody pulls.
package struct HeardPulls: Sendable {
    /// A page of pulls since a time, after one of them.
    package typealias Ask =
        @Sendable (_ since: Int64, _ after: ToldPull?) async throws -> (until: Int64, pulls: [ToldPull])

    private let catalog: Catalog
    private let origin: String
    private let ask: Ask

    /// - Parameters:
    ///   - catalog: Where the times are kept.
    ///   - origin: The region's log.
    ///   - ask: Asks the region.
    package init(_ catalog: Catalog, of origin: String, ask: @escaping Ask) {
        self.catalog = catalog
        self.origin = origin
        self.ask = ask
    }

    /// Writes what was pulled since the last time. What the region says of the future, by `now`, counts as of now.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Throws: What `ask` throws; `CatalogError`.
    package func hear(now: Int64) async throws {
        let since = max(0, try await catalog.pullsUntil(of: origin) - ReplicationLimits.pullsOverlap)
        var last: ToldPull?
        var until: Int64?
        while true {
            let (known, page) = try await ask(since, last)
            until = until ?? known
            try await catalog.recordPulls(
                page.map { told in
                    let pull = told.pull
                    return PulledManifest(repository: pull.repository, digest: pull.digest, at: min(pull.at, now))
                }
            )
            guard let end = page.last, page.count >= ReplicationLimits.toldPulls else { break }
            guard last.map({ ($0.pull.at, $0.id) < (end.pull.at, end.id) }) ?? true else {
                throw RegionError(.misbehaved, "its list of pulls does not go on")
            }
            last = end
        }
        if let until { try await catalog.notePullsHeard(of: origin, until: min(until, now)) }
    }
}
