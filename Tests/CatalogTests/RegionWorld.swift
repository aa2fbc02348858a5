// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import OCI
import Releases

/// Empty databases that are used again, for a schema takes longer to make than a history to run.
final class EmptyDatabases {
    private let template: MemoryDatabase
    private var databases: [MemoryDatabase] = []

    /// - Parameter mutant: How all of them are broken.
    /// - Throws: What the database says.
    init(_ mutant: RegionMutant? = nil) throws {
        template = try MemoryDatabase()
        if let mutant { try template.queue.write { try $0.execute(sql: mutant.triggers) } }
    }

    func empty(_ index: Int) throws -> MemoryDatabase {
        while databases.count <= index { databases.append(try MemoryDatabase()) }
        try template.queue.backup(to: databases[index].queue)
        return databases[index]
    }
}

/// A random history of two to four regions that change one repository, and hear of one another in any order, late,
/// several times or for long not at all. Each may end at any step and go on from what is in its database. In one half
/// of the histories entries come by the inbox, as in a registry, and clocks may differ by more than regions take; in
/// the other they are merged in any order. The same seed, the same history.
final class RegionWorld {
    static let repository = "r"
    static let tags = ["a", "b", "v1"]
    static let immutable = "v1"

    /// What clients see in a region.
    struct Visible: Equatable {
        var tags: [String: Digest] = [:]
        var live: Set<Digest> = []
        var quarantine: [Digest: String] = [:]
        var pins: Set<String> = []
        var conflicts: Set<String> = []
        var home = ""
        /// What runs where, by whoever says so.
        var running: Set<String> = []
        /// What ran.
        var ran: Set<Data> = []
        /// What is to run where.
        var desired: Set<String> = []
        /// When each image was healthy somewhere, and when it was given up.
        var outcomes: Set<String> = []
        /// The release record, whatever the order in which it came.
        var releases: Set<String> = []
    }

    let regions: [MemoryRegion]
    /// Three images, an index over two of them, and one over that and the third.
    let universe: [SampleManifest]
    private let name: RepositoryName
    private let manifests: [Digest: Manifest]
    private var random: SeededGenerator
    /// Which entries of which region each region has applied.
    private var applied: [[Set<Int>]]
    /// Between which regions nothing passes at the moment.
    private var cut: Set<[Int]> = []
    private(set) var outcomes: [String: Int] = [:]
    private let hasInbox: Bool

    init(seed: UInt64, _ pool: EmptyDatabases) async throws {
        var random = SeededGenerator(seed: seed)
        name = try Sample.repository(Self.repository)
        let images = try (1...3).map { try SampleManifest.image($0) }
        let index = try SampleManifest.index(4, [images[0], images[1]])
        universe = images + [index, try SampleManifest.index(5, [index, images[2]])]
        manifests = universe.byDigest
        let count = Int(random.next() % 3) + 2
        let hasInbox = random.next() % 2 == 0
        self.hasInbox = hasInbox
        regions = try (0..<count).map { index in
            // The names do not rise with the regions' numbers.
            try MemoryRegion(["m", "k", "z", "c"][index], over: pool.empty(index), undo: 4)
        }
        applied = Array(repeating: Array(repeating: [], count: count), count: count)
        let regions = regions
        for region in regions {
            // Of two clocks neither is further ahead than another region takes; often they agree.
            let skews: [Int64] = [0, 0, -25_000, 25_000, 1_000] + (hasInbox ? [90_000] : [])
            let skew = skews[Int(random.next() % UInt64(skews.count))]
            region.clock.setWall(milliseconds: region.clock.wallMilliseconds + skew)
            for other in regions where other !== region { try await region.meet(other) }
        }
        self.random = random
    }

    func run(steps: Int) async throws {
        for _ in 0..<steps {
            let region = Int(random.next() % UInt64(regions.count))
            switch random.next() % 40 {
            case 0, 39: try regions[region].restart()
            case 1..<24: try await change(regions[region])
            case 24..<32:
                let other = Int(random.next() % UInt64(regions.count))
                if !cut.contains([min(region, other), max(region, other)]) { try await hear(region, other) }
            case 32..<36:
                let other = Int(random.next() % UInt64(regions.count))
                let pair = [min(region, other), max(region, other)]
                if cut.remove(pair) == nil { cut.insert(pair) }
            default:
                let seconds = Int64(random.next() % 4)
                for region in regions { region.clock.advance(seconds: seconds) }
            }
        }
    }

    // MARK: - What people do

    private func change(_ region: MemoryRegion) async throws {
        let catalog = region.catalog
        let sample = universe[Int(random.next() % 5)]
        let tag = Self.tags[Int(random.next() % 3)]
        switch random.next() % 26 {
        case 23..<26: try await release(sample.digest, region)
        case 20: try await move(region)
        case 21, 22: try await deploy(sample.digest, region)
        case 0..<8: try await push(sample, to: region)
        case 8..<10: _ = try await catalog.untag(tag, in: Self.repository)
        case 10..<13: _ = try await catalog.delete(sample.digest, in: Self.repository)
        case 13: try await restore(sample.digest, in: region)
        case 14:
            let reason = "why \(random.next() % 3)"
            _ = try await catalog.setQuarantine(sample.digest, reason: reason, context: Sample.context)
        case 15: _ = try await catalog.clearQuarantine(sample.digest, reason: "", context: Sample.context)
        case 16: try await pin(region, sample.digest, tag)
        case 17: try await unpin(region, sample.digest, tag)
        case 18: try await resolve(region)
        default: try await collect(region)
        }
        try await region.seal()
    }

    private func push(_ sample: SampleManifest, to region: MemoryRegion) async throws {
        try await region.catalog.link(0, in: Self.repository, size: 2)
        let tags = try Self.tags.filter { _ in random.next() % 3 == 0 }.map(Sample.tag)
        let verdict: OverwriteVerdict = random.next() % 8 == 0 ? .exempted : .denied(reason: "immutable")
        _ = try await region.catalog.putManifest(
            sample.manifest,
            digest: sample.digest,
            in: name,
            tags: tags,
            overwrites: [Sample.tag(Self.immutable): verdict],
            immutable: [Sample.tag(Self.immutable)],
            context: Sample.context
        )
    }

    private func restore(_ digest: Digest, in region: MemoryRegion) async throws {
        let item = RetentionItem(
            item: 1,
            root: 1,
            repository: name,
            tag: nil,
            digest: digest,
            isKept: false,
            rule: nil,
            reason: "",
            stamp: HybridTimestamp(rawValue: 0),
            setAt: nil,
            state: .done
        )
        _ = try await region.catalog.restore([item], of: 1, context: Sample.context)
    }

    private func subject(_ digest: Digest, _ tag: String) throws -> Reference {
        random.next() % 2 == 0 ? .digest(digest) : .tag(try Sample.tag(tag))
    }

    private func pin(_ region: MemoryRegion, _ digest: Digest, _ tag: String) async throws {
        let kind = PinKind.allCases[Int(random.next() % 3)]
        let soon = region.clock.wallMilliseconds / 1_000 + 1 + Int64(random.next() % 8)
        let until: Int64? = kind == .lock || random.next() % 2 == 0 ? soon : nil
        _ = try await region.catalog.setPin(
            kind,
            on: subject(digest, tag),
            in: name,
            until: until,
            reason: "why \(random.next() % 3)",
            context: Sample.context
        )
    }

    private func unpin(_ region: MemoryRegion, _ digest: Digest, _ tag: String) async throws {
        let pins = try await region.catalog.pins(in: name, after: 0, limit: 10)
        guard let pin = pins.randomElement(using: &random) else { return }
        _ = try await region.catalog.removePin(pin.kind, from: pin.subject, in: name, context: Sample.context)
    }

    private func resolve(_ region: MemoryRegion) async throws {
        let open = try await region.catalog.conflicts(open: true, limit: 10)
        guard let conflict = open.randomElement(using: &random) else { return }
        let decision: ConflictDecision = random.next() % 2 == 0 ? .keep : .takeLoser
        let isImmutable = conflict.tag.description == Self.immutable
        _ = try await region.catalog.resolveConflict(
            conflict.id,
            decision,
            exempted: isImmutable,
            context: Sample.context
        )
    }

    /// The home goes to a region, or is taken by one.
    private func move(_ region: MemoryRegion) async throws {
        let taker = regions[Int(random.next() % UInt64(regions.count))]
        _ = try await region.catalog.setHome(
            of: name,
            to: taker.origin,
            isTakeover: random.next() % 3 == 0,
            context: Sample.context
        )
    }

    private func deploy(_ digest: Digest, _ region: MemoryRegion) async throws {
        let place = DeploymentPlace(
            environment: try PlaceName(parsing: "prod"),
            target: try PlaceName(parsing: "web-\(random.next() % 2)"),
            service: nil
        )
        if random.next() % 3 == 0 {
            _ = try await region.catalog.endDeployment(
                at: place,
                in: name,
                digest: nil,
                ofAnyone: random.next() % 2 == 0,
                grace: 3_600,
                context: Sample.context
            )
        } else {
            _ = try await region.catalog.reportDeployment(
                DeploymentReport(place: place, repository: name, digest: digest, deployment: nil, expires: 86_400),
                grace: 3_600,
                context: Sample.context
            )
        }
    }

    /// It is promoted, or a rollout of it comes to some phase.
    private func release(_ digest: Digest, _ region: MemoryRegion) async throws {
        let environment = try PlaceName(parsing: ["prod", "staging"][Int(random.next() % 2)])
        let service = random.next() % 2 == 0 ? try PlaceName(parsing: "web") : nil
        switch random.next() % 5 {
        case 0:
            let promotion = PromotionReport(environment: environment, service: service)
            let isEnd = random.next() % 4 == 0
            _ = try await region.catalog.promote(isEnd ? nil : digest, promotion, in: name, context: Sample.context)
        case 1:
            let build = BuildReport(succeeded: true, revision: PlaceName("abc"))
            _ = try await region.catalog.recordBuild(build, of: digest, in: name, context: Sample.context)
        default:
            let phases: [DeploymentStep.Phase] = [.started, .healthy, .failed, .rollbackOrdered, .rolledBack]
            let step = DeploymentStep(
                deployment: try PlaceName(parsing: "d\(random.next() % 3)"),
                environment: environment,
                service: service,
                phase: phases[Int(random.next() % UInt64(phases.count))]
            )
            _ = try await region.catalog.recordStep(step, of: digest, in: name, context: Sample.context)
        }
    }

    private func collect(_ region: MemoryRegion) async throws {
        _ = try await region.catalog.purgeManifests(limit: 10, context: Sample.context)
        _ = try await region.catalog.collectLinks(limit: 10)
    }

    // MARK: - What regions hear

    /// Some entries of another region, in any order, some of them again.
    private func hear(_ region: Int, _ other: Int) async throws {
        guard region != other, !regions[other].log.isEmpty else { return }
        if hasInbox {
            try await receive(regions[region], regions[other], Int(random.next() % 6) + 1)
            try await work(regions[region], regions[other], withBytes: random.next() % 4 != 0)
        } else {
            try await hearAny(region, other)
        }
        // Some time or other the others are told.
        let teller = regions[region]
        for listener in regions where listener !== teller && random.next() % 2 == 0 {
            try await tell(listener, of: region)
        }
    }

    /// The next entries, as a feed has them.
    private func receive(_ region: MemoryRegion, _ other: MemoryRegion, _ count: Int) async throws {
        guard let size = try await region.catalog.peer(other.origin).map({ Int($0.size) }), size < other.log.count
        else { return }
        let end = min(size + count, other.log.count)
        let leaves = other.log[size..<end].map(\.leaf)
        try await region.catalog.receive(leaves, from: Int64(size), mirrored: Int64(end), of: other.origin)
    }

    /// Tries some of what is due, as a registry does.
    private func work(_ region: MemoryRegion, _ other: MemoryRegion, withBytes: Bool) async throws {
        let due = try await region.catalog.dueEntries(
            of: other.origin,
            limit: Int(random.next() % 8) + 1,
            newestFirst: random.next() % 3 == 0
        )
        let report = try await region.merge(
            due.map { Int($0.index) }.shuffled(using: &random),
            of: other,
            manifests: withBytes ? manifests : [:]
        )
        for outcome in report.outcomes {
            switch outcome {
            case .applied, .waits, .parked: count(outcome)
            case .own, .known, .failed: throw Unexpected(what: "\(outcome)")
            }
        }
    }

    private func count(_ outcome: MergeOutcome) {
        outcomes["\(outcome)".prefix(while: { $0 != "(" }).description, default: 0] += 1
    }

    /// Some entries in any order, some of them again.
    private func hearAny(_ region: Int, _ other: Int) async throws {
        let count = regions[other].log.count
        var indexes: [Int] = []
        if random.next() % 2 == 0 {
            // What comes next, as a feed has it.
            let next = applied[region][other].contiguous
            indexes = Array(next..<min(count, next + 1 + Int(random.next() % 6)))
        } else {
            for _ in 0...random.next() % 5 { indexes.append(Int(random.next() % UInt64(count))) }
        }
        try await merge(indexes, of: other, at: region, withBytes: random.next() % 4 != 0)
    }

    private func tell(_ listener: MemoryRegion, of region: Int) async throws {
        var positions: [String: Int64] = [:]
        for (origin, indexes) in applied[region].enumerated() where origin != region {
            let peer = try await regions[region].catalog.peer(regions[origin].origin)
            positions[regions[origin].origin] = hasInbox ? peer?.applied : Int64(indexes.contiguous)
        }
        try await listener.catalog.setPositions(positions, of: regions[region].origin)
    }

    @discardableResult
    private func merge(_ indexes: [Int], of other: Int, at region: Int, withBytes: Bool) async throws -> Bool {
        let report = try await regions[region].merge(
            indexes,
            of: regions[other],
            manifests: withBytes ? manifests : [:]
        )
        var isDone = true
        for (index, outcome) in zip(indexes, report.outcomes) {
            switch outcome {
            case .applied: applied[region][other].insert(index)
            case .waits: isDone = false
            case .own, .known, .parked, .failed: throw Unexpected(what: "\(outcome)")
            }
            count(outcome)
        }
        return isDone
    }

    struct Unexpected: Error {
        let what: String
    }

    /// Lets everybody hear everything, in any order.
    func heal() async throws {
        if hasInbox { return try await healByInboxes() }
        var rest: [[Int]] = []
        for region in regions.indices {
            for other in regions.indices where other != region {
                for index in regions[other].log.indices where !applied[region][other].contains(index) {
                    rest.append([region, other, index])
                }
            }
        }
        for entry in rest.shuffled(using: &random) {
            try await merge([entry[2]], of: entry[1], at: entry[0], withBytes: true)
        }
    }

    /// Every clock goes on by more than they differ, so that nothing stays parked.
    private func healByInboxes() async throws {
        for region in regions { region.clock.advance(seconds: 300) }
        let pairs = regions.indices.flatMap { region in regions.indices.map { (region, $0) } }.filter { $0 != $1 }
        for (region, other) in pairs.shuffled(using: &random) {
            try await receive(regions[region], regions[other], .max / 2)
            try await regions[region].catalog.hearPeer(regions[other].origin, size: Int64(regions[other].log.count))
        }
        for (region, other) in pairs.shuffled(using: &random) {
            for _ in regions[other].log.indices where try await open(regions[region], regions[other]) > 0 {
                try await work(regions[region], regions[other], withBytes: true)
            }
            let peer = try await regions[region].catalog.peer(regions[other].origin)
            guard peer?.applied == Int64(regions[other].log.count) else {
                throw Unexpected(what: "\(String(describing: peer)) has not applied \(regions[other].log.count)")
            }
        }
    }

    private func open(_ region: MemoryRegion, _ other: MemoryRegion) async throws -> Int64 {
        try await region.catalog.inboxBacklog(of: other.origin).open
    }

    func visible(_ region: MemoryRegion) async throws -> Visible {
        let catalog = region.catalog
        var visible = Visible()
        for tag in Self.tags { visible.tags[tag] = try await catalog.get(tag, in: Self.repository) }
        for sample in universe where try await catalog.get(sample.digest, in: Self.repository) != nil {
            visible.live.insert(sample.digest)
        }
        for entry in try await catalog.quarantines() { visible.quarantine[entry.digest] = entry.reason }
        for pin in try await catalog.pins(in: name, after: 0, limit: 100) {
            visible.pins.insert("\(pin.kind) \(pin.subject) \(pin.until ?? 0) \(pin.reason)")
        }
        for home in try await catalog.homes(after: "", limit: 10) where home.repository == name {
            visible.home = "\(home.origin ?? "nowhere") \(home.epoch)"
        }
        for report in try await catalog.deployments(in: name, environment: nil, after: 0, limit: 100)
        where report.endedAt == nil {
            // Of each reporter the name in his own region's log.
            visible.running.insert("\(report.place.target) \(report.digest) \(try region.logName(of: report.reporter))")
        }
        visible.ran = try region.ran()
        visible.desired = try region.texts(
            """
            SELECT env || ' ' || service || ' ' || CASE WHEN digest IS NULL THEN '-' ELSE HEX(digest) END || ' ' || hlc
            FROM desired
            """
        )
        visible.outcomes = try region.texts(
            "SELECT env || ' ' || service || ' ' || HEX(digest) || ' ' || good_hlc || ' ' || bad_hlc FROM outcome"
        )
        visible.releases = try region.texts(
            "SELECT kind || ' ' || hlc || ' ' || region || ' ' || phase || HEX(digest) FROM release"
        )
        for conflict in try await catalog.conflicts(open: true, limit: 1_000) {
            let winner = "\(conflict.winner?.description ?? "deleted") \(conflict.won)"
            visible.conflicts.insert("\(conflict.tag): \(winner), not \(conflict.loser) \(conflict.lost)")
        }
        return visible
    }
}

extension Set<Int> {
    /// How many from 0 on are in it.
    fileprivate var contiguous: Int {
        var next = 0
        while contains(next) { next += 1 }
        return next
    }
}
