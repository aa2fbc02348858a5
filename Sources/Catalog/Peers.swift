// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
import OCI

package enum PeerState: String, Sendable, Hashable {
    case following
    /// Not followed for now, by an operator's will.
    case paused
    /// Its log contradicts itself: nothing of it is taken any more.
    case frozen
    /// It will not come back: nothing waits for it.
    case retired
}

/// A tree of a peer's log, as far as it is mirrored.
package struct MirroredTree: Sendable, Hashable {
    package let size: Int64
    /// 32 bytes.
    package let root: [UInt8]
    /// What whoever follows the log needs to go on from it.
    package let range: [UInt8]

    package init(size: Int64, root: [UInt8], range: [UInt8]) {
        self.size = size
        self.root = root
        self.range = range
    }
}

/// The log of another region.
package struct PeerRecord: Sendable, Hashable {
    package let origin: String
    package let region: String
    /// The keys that it is verified with, as the caller writes them.
    package let keys: String
    package let tree: MirroredTree
    /// How many entries from the first on are applied.
    package let applied: Int64
    package let state: PeerState
    /// Why it is in that state; empty where nobody said.
    package let reason: String
}

package enum PeerAddition: Sendable, Hashable {
    case added
    /// There is a peer of this origin or this region.
    case exists
    /// The name is this region's own, or that of regions without one; or the origin is this one's own.
    case ownName
    case tooMany(limit: Int)
}

extension SQL {
    private static let peerColumns = "SELECT origin, region, keys, size, root, range, applied, state, reason FROM peer"
    static let peer = peerColumns + " WHERE origin = ?"
    static let peers = peerColumns + " ORDER BY origin"
    static let peerNamed = "SELECT 1 FROM peer WHERE origin = ? OR region = ?"
    static let countPeers = "SELECT COUNT(*) FROM peer"
    static let insertPeer = """
        INSERT INTO peer(origin, region, keys, size, root, range, applied, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let setPeerState = "UPDATE peer SET state = ?, reason = ? WHERE origin = ?"
    static let setPeerTree = "UPDATE peer SET size = ?, root = ?, range = ? WHERE origin = ?"
    static let setPeerApplied = "UPDATE peer SET applied = ? WHERE origin = ?"
    static let setPosition = """
        INSERT INTO peer_position(peer, origin, size) VALUES (?, ?, ?)
        ON CONFLICT(peer, origin) DO UPDATE SET size = excluded.size WHERE peer_position.size < excluded.size
        """
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
    /// Adds the log of another region, to be followed from a tree on whose entries are in what is here already.
    package func addPeer(
        origin: String,
        region: String,
        keys: String,
        from tree: MirroredTree
    ) async throws(CatalogError) -> PeerAddition {
        try await writer.submit { transaction in
            let (database, settings) = (transaction.database, transaction.settings)
            guard region != settings.region, region != Settings.defaultRegion, origin != settings.origin else {
                return .ownName
            }
            guard try database.row(SQL.peerNamed, origin, region) == nil else { return .exists }
            let limit = CatalogLimits.peers
            guard try database.row(SQL.countPeers)?.int(0) ?? 0 < Int64(limit) else { return .tooMany(limit: limit) }
            try database.run(
                SQL.insertPeer,
                origin,
                region,
                keys,
                tree.size,
                Data(tree.root),
                Data(tree.range),
                tree.size,
                PeerState.following.rawValue
            )
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

extension PeerRecord {
    fileprivate init(_ row: Row) throws {
        guard let state = PeerState(rawValue: try row.text(7)) else {
            throw CatalogError(.inconsistent, "a peer in an unknown state")
        }
        self.init(
            origin: try row.text(0),
            region: try row.text(1),
            keys: try row.text(2),
            tree: MirroredTree(size: try row.int(3), root: try row.bytes(4), range: try row.bytes(5)),
            applied: try row.int(6),
            state: state,
            reason: try row.text(8)
        )
    }
}
