// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Journal
internal import OCI

/// Another region's state, as it tells it.
package struct RemoteState: Sendable {
    /// How many entries its log has, and how many of each log are applied there.
    package struct Positions: Sendable, Hashable {
        package let size: Int64
        package let applied: [String: Int64]

        package init(size: Int64, applied: [String: Int64]) {
            self.size = size
            self.applied = applied
        }
    }

    package var positions: @Sendable () async throws -> Positions
    /// The hashes of its buckets, as text.
    package var hashes: @Sendable () async throws -> [Int: String]
    package var rows: @Sendable (_ bucket: Int) async throws -> Set<PlacedRow>

    package init(
        positions: @escaping @Sendable () async throws -> Positions,
        hashes: @escaping @Sendable () async throws -> [Int: String],
        rows: @escaping @Sendable (Int) async throws -> Set<PlacedRow>
    ) {
        self.positions = positions
        self.hashes = hashes
        self.rows = rows
    }
}

/// What a comparison with another region has come to.
package struct AuditReport: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case equal
        /// Rows differ though each has applied what the other had.
        case differs
        /// One of them is too far behind to say.
        case undecided
    }

    /// Seconds since 1970.
    package let finished: Int64
    package let outcome: Outcome
    /// Buckets that differed at the first look; most of it is what one of them has not heard.
    package let buckets: Int
    /// What differs, at most `ReplicationLimits.auditFindings`, and how many there are in all.
    package let findings: [String]
    package let count: Int
    /// Entries of the other region that are applied once more to put it right.
    package let revisited: Int
}

/// Compares what is here with what another region has, beyond what the two logs say: a row that is lost or spoilt in
/// one catalog, or a fault in merging, shows as a difference that no entry explains.
///
/// Two looks, since both go on changing. A difference counts if it is the same in both, and between them each region
/// has applied all that the other had some seconds after the first, of its own log and of every other region's: then it
/// is not what one of them has not heard.
package struct RegionAudit: Sendable {
    private let catalog: Catalog
    private let origin: String
    private let remote: RemoteState
    private let environment: LogFollower.Environment

    package init(
        _ catalog: Catalog,
        of origin: String,
        _ remote: RemoteState,
        _ environment: LogFollower.Environment
    ) {
        self.catalog = catalog
        self.origin = origin
        self.remote = remote
        self.environment = environment
    }

    /// - Parameter mirror: Gives the copy of the other region's log, out of which differences are put right; where it
    ///   gives none they are only told.
    /// - Returns: What it has come to.
    /// - Throws: What keeps either state from being read.
    package func run(repairingFrom mirror: () -> LogMirror?) async throws -> AuditReport {
        let reader = RegionStateReader(catalog)
        let (here, there) = (try await reader.hashes().mapValues(\.description), try await remote.hashes())
        let buckets = Set(here.keys).union(there.keys).filter { here[$0] != there[$0] }.sorted()
        guard !buckets.isEmpty else { return report(.equal, buckets: 0) }
        let first = try await differences(in: buckets, reader)
        // What was changed just now is sealed after a moment.
        try await environment.sleep(ReplicationLimits.auditPause)
        guard try await haveHeard() else { return report(.undecided, buckets: buckets.count) }
        let second = try await differences(in: buckets, reader)
        let real = first.filter { second[$0.key] == $0.value }
        guard !real.isEmpty else { return report(.equal, buckets: buckets.count) }
        let names = Set(real.values.map(\.repository))
        let revisited = if let mirror = mirror() { try await revisit(names, mirror) } else { 0 }
        return report(.differs, buckets: buckets.count, real, revisited: revisited)
    }

    private struct Difference: Hashable {
        let repository: RepositoryName?
        let here: String?
        let there: String?
    }

    /// What differs, by its place.
    private func differences(in buckets: [Int], _ reader: RegionStateReader) async throws -> [String: Difference] {
        var found: [String: Difference] = [:]
        for bucket in buckets {
            let (here, there) = (Set(try await reader.rows(in: bucket)), try await remote.rows(bucket))
            let values = Dictionary(there.subtracting(here).map { ($0.place, $0) }) { first, _ in first }
            for placed in here.subtracting(there) {
                found[placed.place] = Difference(
                    repository: placed.repository,
                    here: placed.row.value,
                    there: values[placed.place]?.row.value
                )
            }
            for (place, placed) in values where found[place] == nil {
                found[place] = Difference(repository: placed.repository, here: nil, there: placed.row.value)
            }
        }
        return found
    }

    /// Waits until each has applied what the other has now, of all logs.
    private func haveHeard() async throws -> Bool {
        let (here, there) = (try await catalog.positions(), try await vector())
        for _ in 0..<ReplicationLimits.auditTries {
            let (hereNow, thereNow) = (try await catalog.positions(), try await vector())
            if Self.covers(hereNow, there), Self.covers(thereNow, here) { return true }
            try await environment.sleep(.seconds(1))
        }
        return false
    }

    private func vector() async throws -> [String: Int64] {
        let positions = try await remote.positions()
        return positions.applied.merging([origin: positions.size]) { max($0, $1) }
    }

    private static func covers(_ later: [String: Int64], _ earlier: [String: Int64]) -> Bool {
        earlier.allSatisfy { later[$0.key] ?? 0 >= $0.value }
    }

    /// Has every entry of these repositories in the other region's log applied once more.
    private func revisit(_ names: Set<RepositoryName?>, _ mirror: LogMirror) async throws -> Int {
        let size = min(mirror.size, try await catalog.peer(origin)?.size ?? 0)
        var (index, count): (Int64, Int) = (0, 0)
        while index < size {
            try Task.checkCancellation()
            let leaves = try await mirror.leaves(from: index, limit: Int(min(size - index, 256)))
            var chosen: [Int64: [UInt8]] = [:]
            for (offset, leaf) in leaves.enumerated() {
                guard let change = try? LoggedChange(parsing: leaf), names.contains(change.repository) else { continue }
                chosen[index + Int64(offset)] = leaf
            }
            try await catalog.revisit(chosen, of: origin)
            (index, count) = (index + Int64(leaves.count), count + chosen.count)
        }
        return count
    }

    private func report(
        _ outcome: AuditReport.Outcome,
        buckets: Int,
        _ found: [String: Difference] = [:],
        revisited: Int = 0
    ) -> AuditReport {
        let first = found.sorted { $0.key < $1.key }.prefix(ReplicationLimits.auditFindings)
        let findings = first.map { place, difference in
            "\(place): '\(difference.here ?? "nothing")' here, '\(difference.there ?? "nothing")' there"
        }
        return AuditReport(
            finished: environment.now(),
            outcome: outcome,
            buckets: buckets,
            findings: Array(findings),
            count: found.count,
            revisited: revisited
        )
    }
}
