// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
internal import OCI
internal import Synchronization

/// How another region is followed, and how far what it has changed is here.
package struct RegionStatus: Sendable {
    package let name: String
    /// The name of its log.
    package let origin: String
    package let log: LogFollower.Status
    package let state: PeerState
    package let stateReason: String
    /// Entries that count here, from the first on without a gap.
    package let applied: Int64
    /// Those that it had when it was first heard, of which blobs may be fetched later.
    package let joined: Int64
    package let inbox: InboxBacklog
    /// How old the oldest change is that does not count here yet, in seconds; 0 where there is none.
    package let secondsBehind: Int64
    /// What the oldest one is, for people.
    package let oldest: String?
    /// Entries of this region's log that it has said it has in full.
    package let confirmed: Int64

    /// One word for people and load balancers.
    package var phase: String {
        switch state {
        case .paused, .retired, .frozen: state.rawValue
        case .following: log.phase.rawValue
        }
    }

    /// Why, unless all is well.
    package var reason: String? { state == .following ? log.reason : stateReason.isEmpty ? nil : stateReason }
}

/// What all regions that are followed have in common: blobs that other regions alone have, and conflicts.
package struct RegionsSummary: Sendable {
    /// Blobs that are linked here, and whose bytes are to be fetched.
    package let remote: StorageSum
    package let conflicts: ConflictCounts
}

/// The regions that are followed, for those who look after them.
package final class RegionControl: Sendable {
    private let catalog: Catalog
    private let followers: [LogFollower]
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64
    private let changed = Mutex<[String: @Sendable () -> Void]>([:])

    package init(_ catalog: Catalog, _ followers: [LogFollower], now: @escaping @Sendable () -> Int64) {
        self.catalog = catalog
        self.followers = followers
        self.now = now
    }

    /// Calls `work` whenever the state of a region is set.
    package func onChange(of name: String, _ work: @escaping @Sendable () -> Void) {
        changed.withLock { $0[name] = work }
    }

    package func summary() async throws -> RegionsSummary {
        RegionsSummary(
            remote: try await catalog.remoteBacklog(),
            conflicts: try await catalog.conflictCounts()
        )
    }

    package func status() async throws -> [RegionStatus] {
        let peers = try await catalog.peers()
        let confirmed = try await catalog.confirmations()
        var found: [RegionStatus] = []
        for peer in peers {
            let follower = followers.first { $0.origin == peer.origin }
            let inbox = try await catalog.inboxBacklog(of: peer.origin)
            let change = inbox.oldest.flatMap { try? LoggedChange(parsing: $0.leaf) }
            found.append(
                RegionStatus(
                    name: peer.region,
                    origin: peer.origin,
                    log: follower?.status ?? LogFollower.Status(reason: "it is not in the configuration any more"),
                    state: peer.state,
                    stateReason: peer.reason,
                    applied: peer.applied,
                    joined: peer.joined,
                    inbox: inbox,
                    secondsBehind: change.map { max(0, now() - $0.timestamp.milliseconds / 1_000) } ?? 0,
                    oldest: inbox.oldest.flatMap { entry in
                        change.map { Self.sentence(entry, $0) }
                    },
                    confirmed: confirmed[peer.origin] ?? 0
                )
            )
        }
        return found
    }

    private static func sentence(_ entry: InboxEntry, _ change: LoggedChange) -> String {
        let place = change.repository.map { " in \($0)" } ?? ""
        return "entry \(entry.index), \(change.kindName)\(place): \(entry.reason ?? "not tried yet")"
    }

    /// Sets what is done about a region, by its name.
    ///
    /// - Returns: False where there is none of that name.
    package func set(_ name: String, _ state: PeerState, reason: String) async throws -> Bool {
        let peers = try await catalog.peers().filter { $0.region == name }
        guard let peer = peers.first(where: { $0.state != .retired }) ?? peers.last else { return false }
        guard try await catalog.setPeer(peer.origin, state: state, reason: reason) else { return false }
        changed.withLock { $0[name] }?()
        return true
    }

    package func conflicts(open: Bool, after id: Int64, limit: Int) async throws -> [ConflictRecord] {
        try await catalog.conflicts(open: open, after: id, limit: limit)
    }

    /// How a region is called here; its log's name where it is not known by another one.
    package func names() async throws -> [String: String] {
        Dictionary(try await catalog.peers().map { ($0.origin, $0.region) }, uniquingKeysWith: { first, _ in first })
    }
}
