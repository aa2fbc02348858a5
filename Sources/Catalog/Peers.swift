// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
import OCI

package enum PeerState: String, Sendable, Hashable {
    case following
    /// Not followed at the moment, by an operator's will.
    case paused
    /// Its log contradicts itself: nothing of it is taken any more.
    case frozen
    /// It will not come back: nothing waits for it.
    case retired
}

/// The log of another region.
package struct PeerRecord: Sendable, Hashable {
    package let origin: String
    /// How it is called here.
    package let region: String
    /// Entries that came into the inbox, from the first on.
    package let size: Int64
    /// Entries that it had when it was first heard; nil until then.
    package let joined: Int64?
    /// How many entries from the first on are applied.
    package let applied: Int64
    package let state: PeerState
    /// Why it is in that state; empty where nobody said.
    package let reason: String
    /// Which of its repositories are followed, as patterns; empty for all.
    package let followed: [String]
}

package enum PeerAddition: Sendable, Hashable {
    case added
    /// It was here, and has the name now.
    case known
    /// The origin is this registry's own.
    case own
    case tooMany(limit: Int)
}

extension SQL {
    private static let peerColumns = "SELECT origin, region, size, joined, applied, state, reason, followed FROM peer"
    static let peer = peerColumns + " WHERE origin = ?"
    static let peers = peerColumns + " ORDER BY origin"
    static let countPeers = "SELECT COUNT(*) FROM peer"
    static let insertPeer = """
        INSERT INTO peer(origin, region, state, joined_hlc) VALUES (?, ?, 'following', ?)
        """
    static let namePeer = "UPDATE peer SET region = ? WHERE origin = ?"
    static let replacedPeers = "SELECT origin FROM peer WHERE region = ? AND origin <> ? AND state <> 'retired'"
    static let replacePeers = """
        UPDATE peer SET state = 'retired', reason = ? WHERE region = ? AND origin <> ? AND state <> 'retired'
        """
    static let setPeerState = "UPDATE peer SET state = ?, reason = ? WHERE origin = ?"
    static let setFollowed = "UPDATE peer SET followed = ?, pulls_until = 0 WHERE origin = ?"
    static let setPeerSize = "UPDATE peer SET size = ?, joined = ? WHERE origin = ?"
    static let hearPeer = "UPDATE peer SET joined = ? WHERE origin = ? AND joined IS NULL"
    /// What is parked waits for the clock alone.
    static let expediteWaiting = """
        UPDATE inbox SET next_try_st = 0 WHERE origin = ? AND state = 'waiting' AND next_try_st > 0
        """
    static let setPeerApplied = "UPDATE peer SET applied = ? WHERE origin = ?"
    static let setPosition = """
        INSERT INTO peer_position(peer, origin, size) VALUES (?, ?, ?)
        ON CONFLICT(peer, origin) DO UPDATE SET size = excluded.size WHERE peer_position.size < excluded.size
        """
    static let confirmations = "SELECT peer, MAX(size) FROM peer_position WHERE origin = ? GROUP BY peer"
    /// A peer that may not have applied an entry. The one that wrote it has.
    static let peerBehind = """
        SELECT 1 FROM peer WHERE peer.state <> 'retired' AND peer.origin <> ? AND NOT EXISTS
            (SELECT 1 FROM peer_position p WHERE p.peer = peer.origin AND p.origin = ? AND p.size > ?) LIMIT 1
        """
    static let tombstone = "SELECT origin, idx, noted_st FROM tombstone WHERE repo_id = ? AND digest = ?"
    static let trashIndex = """
        SELECT seq FROM event WHERE repo_id = ? AND subject = ? AND kind = 'manifest.trash' ORDER BY id DESC LIMIT 1
        """
}

extension Transaction {
    func peer(_ origin: String) throws -> PeerRecord? { try database.row(SQL.peer, origin).map(PeerRecord.init) }

    /// Whether a peer that is not retired may not know yet that a manifest was trashed: then its bytes stay, for the
    /// peer may ask for them. Given up after `CatalogLimits.tombstoneSeconds` of service time.
    func isTrashAwaited(of digest: Digest, in repository: Repository) throws -> Bool {
        guard let row = try database.row(SQL.tombstone, repository.id, digest.key),
            try row.int(2) > now.seconds - CatalogLimits.tombstoneSeconds
        else { return false }
        let origin = try row.optionalText(0)
        // An entry of this log that is not sealed yet is known to nobody.
        let index =
            try origin == nil
            ? database.row(SQL.trashIndex, repository.id, digest.description)?.optionalInt(0)
            : row.optionalInt(1)
        let place = origin ?? settings.origin
        return try database.row(SQL.peerBehind, place, place, index ?? Int64.max) != nil
    }
}

extension Catalog {
    /// Notes the log of another region under a name. A former log of that name is retired: it goes on as this one.
    package func addPeer(origin: String, region: String) async throws(CatalogError) -> PeerAddition {
        try await writer.submit { transaction in
            let database = transaction.database
            guard origin != transaction.settings.origin else { return .own }
            for former in try database.rows(SQL.replacedPeers, region, origin) {
                try transaction.continueHomes(of: former.text(0), as: origin)
            }
            try database.run(SQL.replacePeers, "its log goes on as \(origin)", region, origin)
            guard try transaction.peer(origin) == nil else {
                try database.run(SQL.namePeer, region, origin)
                return .known
            }
            let limit = CatalogLimits.peers
            guard try database.row(SQL.countPeers)?.int(0) ?? 0 < Int64(limit) else { return .tooMany(limit: limit) }
            try database.run(SQL.insertPeer, origin, region, transaction.timestamp.rawValue)
            return .added
        }
    }

    package func peers() async throws(CatalogError) -> [PeerRecord] {
        try await readers.readOne { try $0.rows(SQL.peers).map(PeerRecord.init) }
    }

    package func peer(_ origin: String) async throws(CatalogError) -> PeerRecord? {
        try await readers.readOne { try $0.row(SQL.peer, origin).map(PeerRecord.init) }
    }

    /// - Returns: False where there is no such peer.
    package func setPeer(
        _ origin: String,
        state: PeerState,
        reason: String
    ) async throws(CatalogError) -> Bool {
        try await writer.submit { transaction in
            let reason = Context.cut(reason, to: CatalogLimits.reasonBytes)
            return try transaction.database.run(SQL.setPeerState, state.rawValue, reason, origin) == 1
        }
    }

    /// Notes which repositories of a peer are followed, as patterns; none for all.
    package func setFollowed(_ patterns: [String], of origin: String) async throws(CatalogError) {
        _ = try await writer.submit { transaction in
            try transaction.database.run(SQL.setFollowed, patterns.joined(separator: "\n"), origin)
        }
    }

    /// Notes that a peer is heard, the first time or again: what waits of any region is tried at once, since what it
    /// waits for may be there by then.
    ///
    /// - Parameters:
    ///   - origin: The peer's log.
    ///   - size: The entries that it has. When it is heard first, this is where the back-fill ends.
    /// - Throws: `CatalogError`.
    package func hearPeer(_ origin: String, size: Int64) async throws(CatalogError) {
        try await writer.submit { transaction in
            try transaction.database.run(SQL.hearPeer, size, origin)
            for peer in try transaction.database.rows(SQL.peers).map(PeerRecord.init) {
                try transaction.database.run(SQL.expediteWaiting, peer.origin)
            }
        }
    }

    /// Keeps how far a peer has applied logs, by their origins, as it says. A position never goes back.
    package func setPositions(_ sizes: [String: Int64], of peer: String) async throws(CatalogError) {
        try await writer.submit { transaction in
            guard try transaction.peer(peer) != nil else { return }
            for (origin, size) in sizes.sorted(by: { $0.key < $1.key }).prefix(CatalogLimits.peers + 1) {
                try transaction.database.run(SQL.setPosition, peer, origin, max(size, 0))
            }
        }
    }
}

extension Catalog {
    /// How much of this registry's own log each peer has said that it has in full.
    package func confirmations() async throws(CatalogError) -> [String: Int64] {
        let origin = settings.origin
        return try await readers.readOne { database in
            var sizes: [String: Int64] = [:]
            for row in try database.rows(SQL.confirmations, origin) { sizes[try row.text(0)] = try row.int(1) }
            return sizes
        }
    }
}

extension PeerRecord {
    init(_ row: Row) throws {
        guard let state = PeerState(rawValue: try row.text(5)) else {
            throw CatalogError(.inconsistent, "a peer in an unknown state")
        }
        self.init(
            origin: try row.text(0),
            region: try row.text(1),
            size: try row.int(2),
            joined: try row.optionalInt(3),
            applied: try row.int(4),
            state: state,
            reason: try row.text(6),
            followed: try row.text(7).split(separator: "\n").map(String.init)
        )
    }
}
