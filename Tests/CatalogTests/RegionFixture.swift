// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Foundation
import GRDB
import Logging
import OCI

/// A region in memory: its catalog runs on whoever calls, and its log is a list.
final class MemoryRegion {
    let name: String
    let clock: ManualClock
    let database: MemoryDatabase
    private let undo: Int64
    private(set) var catalog: Catalog
    /// The entries of its log, by index.
    private(set) var log: [LoggedLeaf] = []

    struct LoggedLeaf: Sendable {
        let leaf: [UInt8]
        let change: LoggedChange
    }

    var origin: String { "\(name).example" }

    init(_ name: String, over database: MemoryDatabase? = nil, undo: Int64 = Sample.undo) throws {
        let clock = ManualClock()
        self.name = name
        self.clock = clock
        let database = try database ?? MemoryDatabase()
        self.database = database
        self.undo = undo
        catalog = try Self.open(database, name, clock, undo)
    }

    private static func open(
        _ database: MemoryDatabase,
        _ name: String,
        _ clock: ManualClock,
        _ undo: Int64
    ) throws -> Catalog {
        var settings = Catalog.Settings()
        settings.origin = "\(name).example"
        settings.grace = Sample.grace
        settings.undo = undo
        var environment = Catalog.Environment(
            wallMilliseconds: { clock.wallMilliseconds },
            monotonicNanoseconds: { clock.monotonicNanoseconds },
            randomBytes: { count in Array(repeating: name.utf8.first ?? 0xA5, count: count) },
            fatal: { _ in },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        environment.runner = { work in work() }
        return try Catalog.open(over: database, settings: settings, environment: environment)
    }

    /// Goes on from what the database has, as after a crash.
    func restart() throws { catalog = try Self.open(database, name, clock, undo) }

    /// Follows another region, of which it has heard unless said otherwise.
    func meet(_ other: MemoryRegion, hears: Bool = true) async throws {
        _ = try await catalog.addPeer(origin: other.origin, region: other.name)
        if hears { try await catalog.hearPeer(other.origin, size: Int64(other.log.count)) }
    }

    /// Makes entries of what was changed since the last time.
    func seal() async throws {
        let events = try await catalog.unsealedEvents(limit: 1_000, bytesLimit: .max)
        guard !events.isEmpty else { return }
        let root = [UInt8](repeating: 1, count: 32)
        try await catalog.seal(events.map(\.id), from: Int64(log.count), root: root)
        for event in events {
            log.append(LoggedLeaf(leaf: event.leaf, change: try LoggedChange(parsing: event.leaf)))
        }
    }

    /// Merges the entries of another region with these indexes, with the bytes of these manifests.
    func merge(
        _ indexes: [Int],
        of other: MemoryRegion,
        manifests: [Digest: Manifest]
    ) async throws -> MergeReport {
        let entries = indexes.map { index in
            MergedEntry(
                index: Int64(index),
                change: other.log[index].change,
                manifests: manifests
            )
        }
        return try await catalog.merge(entries, of: other.origin)
    }

    /// Merges all that the other region has changed.
    @discardableResult
    func mergeAll(
        of other: MemoryRegion,
        manifests: [SampleManifest]
    ) async throws -> MergeReport {
        try await other.seal()
        return try await merge(
            Array(0..<other.log.count),
            of: other,
            manifests: manifests.byDigest
        )
    }

    /// The name that who reports something has in logs.
    func logName(of reporter: String) throws -> String {
        try raw { database in
            let own = "SELECT pseudonym FROM actor WHERE name = ?"
            return try String.fetchOne(database, sql: own, arguments: [reporter]) ?? reporter
        }
    }

    /// The images that ran somewhere.
    func ran() throws -> Set<Data> {
        Set(try raw { try Data.fetchAll($0, sql: "SELECT DISTINCT digest FROM deployed") })
    }

    /// The first column of a query.
    func texts(_ query: String) throws -> Set<String> { Set(try raw { try String.fetchAll($0, sql: query) }) }

    func problems() async throws -> [String] {
        try await catalog.foreignKeyViolations(limit: 10) + catalog.ruleViolations(limit: 10)
    }

    func raw<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try database.queue.writeWithoutTransaction(body)
    }

    func count(_ query: String) throws -> Int { try raw { try Int.fetchOne($0, sql: query) ?? -1 } }
}

extension [SampleManifest] {
    var byDigest: [Digest: Manifest] {
        Dictionary(map { ($0.digest, $0.manifest) }, uniquingKeysWith: { first, _ in first })
    }
}
