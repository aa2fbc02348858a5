// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
package import OCI

/// A tag or a digest that no rule of retention removes.
package struct RetentionProtection: Sendable, Hashable {
    /// Why, the strongest first.
    package enum Kind: Int, Sendable, Hashable, Comparable {
        case hold, lock, pin, running, desired, stale, previous

        package static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
    }

    package let subject: Reference
    package let kind: Kind
    /// For people: `runs in prod on web-3`.
    package let reason: String
}

extension SQL {
    /// Reports that are not over by both clocks.
    private static let inForce = "(expires_at > ? OR expires_st > ?)"
    static let runningImages = """
        SELECT id, digest, env, target, service, reported_at, stale_at FROM deployment
        WHERE repo_id = ? AND id > ? AND ended_at IS NULL AND \(inForce) ORDER BY id LIMIT ?
        """
    static let runningImage = """
        SELECT id, digest, env, target, service, reported_at, stale_at FROM deployment
        WHERE repo_id = ? AND digest = ? AND ended_at IS NULL AND \(inForce) LIMIT 1
        """
    static let nextGroups = """
        SELECT DISTINCT env, service, reporter FROM deployed
        WHERE repo_id = ? AND (env, service, reporter) > (?, ?, ?) ORDER BY env, service, reporter LIMIT ?
        """
    static let groupsOfImage = "SELECT env, service, reporter FROM deployed WHERE repo_id = ? AND digest = ? LIMIT ?"
    static let groupIsInForce = """
        SELECT 1 FROM deployment WHERE repo_id = ? AND env = ? AND service = ? AND reporter = ? AND \(inForce) LIMIT 1
        """
    static let imagesOfGroup = """
        SELECT digest FROM deployed WHERE repo_id = ? AND env = ? AND service = ? AND reporter = ?
        ORDER BY last_hlc DESC, digest LIMIT ?
        """
    static let runsInGroup = """
        SELECT 1 FROM deployment WHERE repo_id = ? AND digest = ? AND env = ? AND service = ? AND reporter = ?
            AND ended_at IS NULL AND \(inForce) LIMIT 1
        """
}

extension Catalog {
    /// Everything in a repository that is pinned, runs somewhere, is to run there or did before, each once with its
    /// strongest reason; pins first, in the order in which they were made.
    ///
    /// `previousImages` is how many former images of each service of an environment stay for the way back, at most 20;
    /// `now` is in seconds since 1970. Read in pages, so a change meanwhile may be missing: what is applied asks
    /// `Transaction.isProtected` again.
    package func protections(
        of name: RepositoryName,
        previousImages: Int,
        now: Int64
    ) async throws(CatalogError) -> [RetentionProtection] {
        let time = ProtectionTime(wall: now, service: serviceTime.seconds)
        guard let repository = try await readers.readOne({ try $0.row(SQL.repository, name.description)?.int(0) })
        else { return [] }
        var found = ProtectionList()
        var last: Int64? = 0
        while let id = last {
            let page = try await readers.readOne {
                try $0.rows(SQL.pinsOfRepository, repository, id, ProtectionLimits.page).map(PinRecord.init)
            }
            for pin in page where pin.isInForce(at: now) { found.add(pin.protection) }
            last = page.count == ProtectionLimits.page ? page.last?.id : nil
        }
        last = 0
        while let id = last {
            let page = try await readers.readOne {
                try $0.rows(SQL.runningImages, repository, id, time.wall, time.service, ProtectionLimits.page)
                    .map(RunningImage.init)
            }
            for image in page { found.add(image.protection(at: now)) }
            last = page.count == ProtectionLimits.page ? page.last?.id : nil
        }
        for protection in try await readers.read({
            try $0.desiredProtections(of: repository, previousImages: previousImages)
        }) { found.add(protection) }
        let first = DeploymentGroup(repository: repository, environment: "", service: "", reporter: "")
        var group: DeploymentGroup? = first
        while let start = group {
            let page = try await readers.read { database in
                try database.groups(after: start, limit: ProtectionLimits.servicesPerRead).map { group in
                    (group, try database.previousImages(previousImages, of: group, at: time))
                }
            }
            for (group, digests) in page { digests.forEach { found.add(group.protection(of: $0)) } }
            group = page.count == ProtectionLimits.servicesPerRead ? page.last?.0 : nil
        }
        return found.protections
    }
}

extension Transaction {
    /// Why retention must keep a digest, or one of these tags of it, as of this moment; nil where nothing protects it.
    ///
    /// For a tag that is to go, ask with its digest and the tag; for a manifest, with all tags that fall with it.
    package func isProtected(
        _ digest: Digest,
        tags: [Tag],
        in name: RepositoryName,
        previousImages: Int,
        now: Int64
    ) throws -> String? {
        guard let repository = try repository(name) else { return nil }
        return try isProtected(digest, tags: tags, in: repository, previousImages: previousImages, now: now)
    }

    func isProtected(
        _ digest: Digest,
        tags: [Tag],
        in repository: Repository,
        previousImages: Int,
        now: Int64
    ) throws -> String? {
        for subject in [.digest(digest)] + tags.map(Reference.tag) {
            let pins = try pins(on: subject, in: repository).filter { $0.isInForce(at: now) }
            if let strongest = pins.map(\.protection).min(by: { $0.kind < $1.kind }) { return strongest.reason }
        }
        let time = ProtectionTime(wall: now, service: self.now.seconds)
        let running = try database.row(SQL.runningImage, repository.id, digest.key, time.wall, time.service)
        if let running { return try RunningImage(running).protection(at: now).reason }
        let desired = try database.desiredProtection(
            of: digest,
            in: repository.id,
            previousImages: previousImages
        )
        if let desired { return desired }
        let limit = ProtectionLimits.servicesOfImage
        let rows = try database.rows(SQL.groupsOfImage, repository.id, digest.key, limit + 1)
        guard rows.count <= limit else { return "ran in more than \(limit) services before; kept for rollback" }
        for row in rows {
            let group = try DeploymentGroup(repository: repository.id, row)
            if try database.previousImages(previousImages, of: group, at: time).contains(digest) {
                return group.protection(of: digest).reason
            }
        }
        return nil
    }
}

/// A moment by the two clocks.
private struct ProtectionTime: Sendable {
    let wall: Int64
    let service: Int64
}

/// The protections found, one for each subject.
private struct ProtectionList {
    private(set) var protections: [RetentionProtection] = []
    private var places: [Reference: Int] = [:]

    mutating func add(_ protection: RetentionProtection) {
        guard let place = places[protection.subject] else {
            places[protection.subject] = protections.count
            return protections.append(protection)
        }
        if protection.kind < protections[place].kind { protections[place] = protection }
    }
}

private struct RunningImage: Sendable {
    let id: Int64
    let digest: Digest
    /// `prod on web-3`, with the service where it has one.
    let place: String
    let reportedAt: Int64
    let staleAt: Int64

    init(_ row: Row) throws {
        id = try row.int(0)
        digest = try row.digest(1)
        let service = try row.text(4)
        place = try "\(row.text(2)) on \(row.text(3))" + (service.isEmpty ? "" : " (\(service))")
        reportedAt = try row.int(5)
        staleAt = try row.int(6)
    }

    func protection(at now: Int64) -> RetentionProtection {
        guard staleAt <= now else {
            return RetentionProtection(subject: .digest(digest), kind: .running, reason: "runs in \(place)")
        }
        let days = (now - reportedAt) / 86_400
        let age = days == 0 ? "less than a day" : days == 1 ? "1 day" : "\(days) days"
        return RetentionProtection(
            subject: .digest(digest),
            kind: .stale,
            reason: "runs in \(place), last reported \(age) ago"
        )
    }
}

extension PinRecord {
    fileprivate var protection: RetentionProtection {
        let end = until.map { " until \(Date(timeIntervalSince1970: TimeInterval($0)).formatted(.iso8601))" } ?? ""
        let (rank, word): (RetentionProtection.Kind, String) =
            switch kind {
            case .hold: (.hold, "held")
            case .lock: (.lock, "locked")
            case .pin: (.pin, "pinned")
            }
        return RetentionProtection(subject: subject, kind: rank, reason: "\(word)\(end) by \(actor): \(reason)")
    }
}

extension DeploymentGroup {
    fileprivate init(repository: Int64, _ row: Row) throws {
        self.init(
            repository: repository,
            environment: try row.text(0),
            service: try row.text(1),
            reporter: try row.text(2)
        )
    }

    fileprivate func protection(of digest: Digest) -> RetentionProtection {
        let place = environment + (service.isEmpty ? "" : " (\(service))")
        return RetentionProtection(
            subject: .digest(digest),
            kind: .previous,
            reason: "ran in \(place) before; kept for rollback"
        )
    }
}

extension Database {
    fileprivate func groups(after group: DeploymentGroup, limit: Int) throws -> [DeploymentGroup] {
        try rows(SQL.nextGroups, group.repository, group.environment, group.service, group.reporter, limit)
            .map { try DeploymentGroup(repository: group.repository, $0) }
    }

    /// The last images that ran in a service and do not run in it now, the newest first; none where nothing has been
    /// reported of it for so long that its grace is over.
    fileprivate func previousImages(
        _ count: Int,
        of group: DeploymentGroup,
        at time: ProtectionTime
    ) throws -> [Digest] {
        let key: [Argument] = [group.repository, group.environment, group.service, group.reporter]
        let times: [Argument] = [time.wall, time.service]
        guard count > 0, !(try rows(SQL.groupIsInForce, arguments: key + times).isEmpty) else { return [] }
        var previous: [Digest] = []
        for row in try rows(SQL.imagesOfGroup, arguments: key + [ProtectionLimits.imagesPerService]) {
            let digest = try row.digest(0)
            let image: [Argument] = [key[0], digest.key, key[1], key[2], key[3]]
            guard try rows(SQL.runsInGroup, arguments: image + times).isEmpty else { continue }
            previous.append(digest)
            if previous.count == count { break }
        }
        return previous
    }
}
