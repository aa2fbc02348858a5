// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// Whether immutable tags of a repository may be created here.
package struct HomeStanding: Sendable, Hashable {
    /// The log of the region where they are; nil where nobody has said, so that it is here.
    package let origin: String?
    /// How often the home was handed over.
    package let epoch: Int64
    /// Why this registry does not do so now; nil where it does.
    package let reason: String?

    package var isHere: Bool { reason == nil }
}

/// An entry that says where a repository's home is: its creation, or a handing over.
struct HomeMove {
    let origin: String
    let epoch: Int64
    let stamp: Stamp
    /// Its index in the log of the other region that wrote it; nil for an own one.
    var index: Int64?
    /// How many entries of other logs counted where it was written.
    var heard: [String: Int64] = [:]

    init(origin: String, epoch: Int64, stamp: Stamp, index: Int64? = nil) {
        self.origin = origin
        self.epoch = epoch
        self.stamp = stamp
        self.index = index
    }

    /// What an entry of a log says; nil where it says nothing of it.
    init?(_ change: LoggedChange, _ stamp: Stamp, at index: Int64? = nil) {
        switch EventKind(rawValue: change.kind) {
        case .repositoryCreated: self.init(origin: stamp.origin, epoch: 0, stamp: stamp, index: index)
        case .homeSet:
            // Of other regions only the lower half: nobody can use them up.
            let epochs = index == nil ? CatalogLimits.homeEpochs : CatalogLimits.homeEpochs / 2
            guard let home = change.body?["home"]?.text, case .integer(let epoch)? = change.body?["epoch"],
                (0..<epochs).contains(epoch)
            else { return nil }
            self.init(origin: home, epoch: epoch, stamp: stamp, index: index)
            for member in change.body?["heard"]?.members ?? [] {
                guard case .integer(let size) = member.value, heard.count < CatalogLimits.peers else { continue }
                heard[member.key] = size
            }
        default: return nil
        }
    }
}

extension HomeMove {
    /// `heard` as its row has it: one log a line.
    var heardText: String { heard.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: "\n") }

    static func heard(in text: String) -> [(log: String, size: Int64)] {
        text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let size = Int64(parts[0]) else { return nil }
            return (String(parts[1]), size)
        }
    }
}

/// A repository with its home.
package struct HomeRecord: Sendable, Hashable {
    package let repository: RepositoryName
    /// nil where nobody has said.
    package let origin: String?
    package let epoch: Int64
}

package enum HomeChange: Sendable, Hashable {
    case changed(event: EventID, epoch: Int64)
    /// It is there already.
    case unchanged(epoch: Int64)
    /// Only its home hands it over; this is where that is, or why it cannot say so yet.
    case refused(HomeStanding)
}

extension SQL {
    static let home = "SELECT home_region, home_epoch, home_by, home_idx, home_hlc, home_heard FROM repo WHERE id = ?"
    /// A peer of which older entries are still coming, that was added before some time.
    static let joiningPeer = """
        SELECT region FROM peer WHERE state <> 'retired' AND (joined IS NULL OR applied < joined)
            AND COALESCE(joined_hlc, 0) <= ? LIMIT 1
        """
    /// The highest epoch counts; of one epoch, the first that said so.
    static let setHome = """
        UPDATE repo SET home_region = ?, home_epoch = ?, home_hlc = ?, home_by = ?, home_idx = ?, home_heard = ?
        WHERE id = ? AND (home_region IS NULL OR home_epoch < ?
            OR (home_epoch = ? AND (home_hlc, home_by) > (?, ?)))
        """
    static let continueHomes = "UPDATE repo SET home_region = ? WHERE home_region = ?"
    static let continueHomesBy = "UPDATE repo SET home_by = ? WHERE home_by = ?"
    static let homes = """
        SELECT name, home_region, home_epoch FROM repo WHERE name > ? ORDER BY name LIMIT ?
        """
}

extension Transaction {
    /// Where immutable tags of a repository are created, as far as is known here; nil for one that is not here.
    ///
    /// Who was given the home by another region's entry has it once all before that entry counts: until then there may
    /// be tags of which nothing is known here. While what another region had before is still coming, a repository
    /// that was created here since that region was added, or of which nobody has said, may have its home there.
    func home(of repository: Repository?) throws -> HomeStanding {
        let row = try repository.flatMap { try database.row(SQL.home, $0.id) }
        let (origin, epoch) = (try row?.optionalText(0), try row?.int(1) ?? 0)
        func standing(_ reason: String?) -> HomeStanding {
            HomeStanding(origin: origin, epoch: epoch, reason: reason)
        }
        func unlessJoining(since time: Int64) throws -> HomeStanding {
            let joining = try database.row(SQL.joiningPeer, time)?.text(0)
            return standing(joining.map { "what the region '\($0)' had before is still coming" })
        }
        guard let row, let origin else { return try unlessJoining(since: .max) }
        guard origin == settings.origin else {
            let region = try peer(origin)?.region ?? origin
            return standing("immutable tags of this repository are created in the region '\(region)'")
        }
        if epoch == 0 { return try unlessJoining(since: row.int(4)) }
        if let index = try row.optionalInt(3), let giver = try peer(row.text(2)), giver.state != .retired,
            giver.applied <= index
        {
            return standing("what the region '\(giver.region)' did before it gave this repository away is still coming")
        }
        // Nor may there be anything that the giver had heard of others, and this region has not.
        for (log, size) in try HomeMove.heard(in: row.text(5)) {
            guard let other = try peer(log), other.state != .retired, other.applied < size else { continue }
            return standing("what the region '\(other.region)' did before the home was given here is still coming")
        }
        return standing(nil)
    }

    /// Keeps where a repository's home is, unless a later handing over is known.
    func note(_ move: HomeMove, of repository: Repository) throws {
        let origin = try goesOn(move.origin)
        let (time, by) = (move.stamp.time.rawValue, move.stamp.origin)
        try database.run(
            SQL.setHome,
            origin,
            move.epoch,
            time,
            by,
            move.index,
            move.heardText,
            repository.id,
            move.epoch,
            move.epoch,
            time,
            by
        )
    }

    /// The log that a region's former one goes on as.
    private func goesOn(_ origin: String) throws -> String {
        guard let former = try peer(origin), former.state == .retired else { return origin }
        let peers = try database.rows(SQL.peers).map(PeerRecord.init)
        return peers.first { $0.region == former.region && $0.state != .retired }?.origin ?? origin
    }

    /// A log goes on as another one, here or in another region.
    func continueHomes(of former: String, as origin: String) throws {
        try database.run(SQL.continueHomes, origin, former)
        try database.run(SQL.continueHomesBy, origin, former)
    }
}

extension Catalog {
    /// Hands the home of a repository over to another region, or takes it over. Durable on return; the repository is
    /// created where it is not here.
    ///
    /// - Parameters:
    ///   - name: The repository.
    ///   - origin: The log of the region that gets it.
    ///   - isTakeover: Whether it is taken though it is not here. What the former home has done and this region has not
    ///     heard is then in conflict with what is done here.
    ///   - context: Who, and why.
    /// - Returns: What came of it.
    /// - Throws: `CatalogError`.
    package func setHome(
        of name: RepositoryName,
        to origin: String,
        isTakeover: Bool,
        context: Context
    ) async throws(CatalogError) -> HomeChange {
        try await writer.submit { transaction in
            let standing = try transaction.home(of: transaction.repository(name))
            if standing.origin == origin { return .unchanged(epoch: standing.epoch) }
            guard standing.isHere || isTakeover else { return .refused(standing) }
            guard standing.epoch + 1 < CatalogLimits.homeEpochs else {
                throw CatalogError(.inconsistent, "the home of \(name) was handed over \(standing.epoch) times")
            }
            let repository = try transaction.repositoryForWriting(name, context)
            var move = HomeMove(origin: origin, epoch: standing.epoch + 1, stamp: transaction.stamp)
            for peer in try transaction.database.rows(SQL.peers).map(PeerRecord.init) where peer.state != .retired {
                move.heard[peer.origin] = peer.applied
            }
            try transaction.note(move, of: repository)
            try transaction.changed(repository)
            let event = try transaction.record(
                .homeSet,
                repository,
                context,
                subject: origin,
                [
                    "home": .string(origin), "epoch": .integer(move.epoch),
                    "former": CanonicalJSON(standing.origin), "takeover": .bool(!standing.isHere),
                    "heard": .object(move.heard.mapValues { .integer($0) }),
                ]
            )
            return .changed(event: event, epoch: move.epoch)
        }
    }

    /// Repositories after a name, with their homes.
    ///
    /// - Parameters:
    ///   - name: The last one of the page before.
    ///   - limit: At most `CatalogLimits.pageRows`.
    /// - Returns: In the order of their names.
    /// - Throws: `CatalogError`.
    package func homes(after name: String, limit: Int) async throws(CatalogError) -> [HomeRecord] {
        let limit = Catalog.rows(limit)
        return try await readers.readOne { database in
            try database.rows(SQL.homes, name, limit).map { row in
                HomeRecord(
                    repository: try row.repositoryName(0),
                    origin: try row.optionalText(1),
                    epoch: try row.int(2)
                )
            }
        }
    }
}
