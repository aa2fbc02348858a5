// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import OCI
internal import Synchronization

/// How another region is followed, and how far what it has changed is here.
package struct RegionStatus: Sendable {
    package let name: String
    /// The name of its log.
    package let origin: String
    package let log: LogFollower.Status
    /// One word for people and load balancers: that of the log, or `paused`, `retired`, `frozen`.
    package let phase: String
    /// Why, unless all is well.
    package let reason: String?
    /// Entries that count here, from the first on without a gap.
    package let applied: Int64
    /// Those that it had when it was first heard, of which blobs may be fetched later.
    package let joined: Int64
    /// Entries that are here and do not count yet; and those of them whose time is too far ahead.
    package let waiting: Int64
    package let parked: Int64
    /// How old the oldest change is that does not count here yet, in seconds; 0 where there is none.
    package let secondsBehind: Int64
    /// What the oldest one is, for people.
    package let oldest: String?
    /// Bytes of blobs that its entries speak of and that are still to be fetched; at most 100,000 blobs are counted.
    package let bytesBehind: Int64
    /// Entries of this region's log that it has said it has in full.
    package let confirmed: Int64
}

/// What all regions that are followed have in common: blobs that other regions alone have, and conflicts.
package struct RegionsSummary: Sendable {
    /// Blobs that are linked here, and whose bytes are to be fetched.
    package let remoteBlobs: Int64
    package let remoteBytes: Int64
    package let conflictsOpen: Int64
}

/// What an operator wants of a region.
package enum RegionWish: String, Sendable, CaseIterable {
    case following
    case paused
    /// It will not come back: nothing waits for it.
    case retired
}

/// Two values that regions gave a tag, of which neither was set with the other one known.
package struct RegionConflict: Sendable {
    package struct Side: Sendable {
        /// nil for a deletion.
        package let digest: Digest?
        /// How the region is called here; its log's name where it has none.
        package let region: String
        /// Seconds since 1970.
        package let time: Int64
    }

    package let id: Int64
    package let repository: RepositoryName
    package let tag: Tag
    package let winner: Side
    package let loser: Side
    /// Seconds since 1970.
    package let opened: Int64
    package let resolved: Int64?
}

/// The last pull of a manifest.
package struct RegionPull: Sendable {
    /// Its place among those of the same time.
    package let id: Int64
    package let repository: RepositoryName
    package let digest: Digest
    /// Seconds since 1970.
    package let at: Int64
}

/// The regions that are followed, for those who look after them.
package final class RegionControl: Sendable {
    /// Their logs, as they are served on, and what they have of this one.
    package let mirrors: ServedMirrors
    package let confirmations: Confirmations
    package let homes: RepositoryHomes
    /// Whether regions are the same.
    package let audits: RegionAudits
    package let state: RegionStateReader
    private let catalog: Catalog
    private let followers: [LogFollower]
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64
    private let changed = Mutex<[String: @Sendable () -> Void]>([:])

    package init(
        _ catalog: Catalog,
        _ followers: [LogFollower],
        mirrors: ServedMirrors,
        confirmations: Confirmations,
        homes: RepositoryHomes,
        audits: RegionAudits,
        now: @escaping @Sendable () -> Int64
    ) {
        self.catalog = catalog
        self.mirrors = mirrors
        self.confirmations = confirmations
        self.homes = homes
        self.followers = followers
        self.audits = audits
        state = RegionStateReader(catalog)
        self.now = now
    }

    /// Calls `work` whenever the state of a region is set.
    package func onChange(of name: String, _ work: @escaping @Sendable () -> Void) {
        changed.withLock { $0[name] = work }
    }

    package func summary() async throws -> RegionsSummary {
        let (remote, conflicts) = (try await catalog.remoteBacklog(), try await catalog.conflictCounts())
        return RegionsSummary(
            remoteBlobs: remote.blobs,
            remoteBytes: remote.bytes,
            conflictsOpen: conflicts.open
        )
    }

    package func status() async throws -> [RegionStatus] {
        let peers = try await catalog.peers()
        let (confirmed, missing) = (try await catalog.confirmations(), try await catalog.remoteBacklogs())
        var found: [RegionStatus] = []
        for peer in peers {
            let inbox = try await catalog.inboxBacklog(of: peer.origin)
            let bytes = missing[peer.origin]?.bytes ?? 0
            found.append(status(of: peer, inbox, missing: bytes, confirmed: confirmed[peer.origin] ?? 0))
        }
        return found
    }

    /// The phase of each region, by its name, as its status has it.
    package func phases() async throws -> [(String, String)] {
        try await catalog.peers().map { ($0.region, phase(of: $0)) }
    }

    private func log(of peer: PeerRecord) -> LogFollower.Status {
        followers.first { $0.origin == peer.origin }?.status
            ?? LogFollower.Status(reason: "it is not in the configuration any more")
    }

    private func phase(of peer: PeerRecord) -> String {
        peer.state == .following ? log(of: peer).phase.rawValue : peer.state.rawValue
    }

    private func status(
        of peer: PeerRecord,
        _ inbox: InboxBacklog,
        missing bytes: Int64,
        confirmed: Int64
    ) -> RegionStatus {
        let log = log(of: peer)
        let change = inbox.oldest.flatMap { try? LoggedChange(parsing: $0.leaf) }
        let isFollowed = peer.state == .following
        return RegionStatus(
            name: peer.region,
            origin: peer.origin,
            log: log,
            phase: phase(of: peer),
            reason: isFollowed ? log.reason : peer.reason.isEmpty ? nil : peer.reason,
            applied: peer.applied,
            joined: peer.joined ?? 0,
            waiting: inbox.open,
            parked: inbox.parked,
            secondsBehind: change.map { max(0, now() - $0.timestamp.milliseconds / 1_000) } ?? 0,
            oldest: inbox.oldest.flatMap { entry in change.map { Self.sentence(entry, $0) } },
            bytesBehind: bytes,
            confirmed: confirmed
        )
    }

    private static func sentence(_ entry: InboxEntry, _ change: LoggedChange) -> String {
        let place = change.repository.map { " in \($0)" } ?? ""
        return "entry \(entry.index), \(change.kindName)\(place): \(entry.reason ?? "not tried yet")"
    }

    /// Sets what is done about a region, by its name.
    ///
    /// - Returns: False where there is none of that name.
    package func set(_ name: String, _ wish: RegionWish, reason: String) async throws -> Bool {
        let state: PeerState =
            switch wish {
            case .following: .following
            case .paused: .paused
            case .retired: .retired
            }
        let peers = try await catalog.peers().filter { $0.region == name }
        guard let peer = peers.first(where: { $0.state != .retired }) ?? peers.last else { return false }
        guard try await catalog.setPeer(peer.origin, state: state, reason: reason) else { return false }
        changed.withLock { $0[name] }?()
        return true
    }

    /// Conflicts after an id.
    package func conflicts(open: Bool, after id: Int64, limit: Int) async throws -> [RegionConflict] {
        let names = Dictionary(
            try await catalog.peers().map { ($0.origin, $0.region) },
            uniquingKeysWith: { first, _ in first }
        )
        func side(_ digest: Digest?, _ stamp: Stamp) -> RegionConflict.Side {
            RegionConflict.Side(
                digest: digest,
                region: names[stamp.origin] ?? stamp.origin,
                time: stamp.time.milliseconds / 1_000
            )
        }
        return try await catalog.conflicts(open: open, after: id, limit: limit).map { record in
            RegionConflict(
                id: record.id,
                repository: record.repository,
                tag: record.tag,
                winner: side(record.winner, record.won),
                loser: side(record.loser, record.lost),
                opened: record.opened,
                resolved: record.resolved
            )
        }
    }

    /// How many entries of each log count here, its own among them.
    package func positions() async throws -> [String: Int64] { try await catalog.positions() }

    /// What was pulled since a time, after a place of an earlier page; times are seconds since 1970.
    package func pulls(
        since: Int64,
        afterTime time: Int64?,
        afterID id: Int64
    ) async throws -> (until: Int64, pulls: [RegionPull]) {
        let (until, pulls) = try await state.pulls(since: since, after: time, id)
        let told = pulls.map { told in
            RegionPull(
                id: told.id,
                repository: told.pull.repository,
                digest: told.pull.digest,
                at: told.pull.at
            )
        }
        return (until, told)
    }

    /// The name of this registry's own log.
    package var origin: String { catalog.settings.origin }

    /// Lets no request wait any more: the server is about to end.
    package func endWaiting() {
        mirrors.close()
        confirmations.close()
        homes.arrivals.close()
    }
}
