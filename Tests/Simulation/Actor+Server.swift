// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import Maintenance
import OCI
import Registry

/// What the server does by itself, what happens to its disk, and the end.
extension Actor {
    func collect() async throws {
        guard !schedule.isCollecting else { return }
        schedule.isCollecting = true
        let failure = try await turn()
        guard schedule.isUp(life) else { throw PowerCut() }
        schedule.isCollecting = false
        if let failure { schedule.violate("collection was broken off: \(failure)") }
    }

    /// A turn of the collector; what went wrong.
    private func turn() async throws -> String? {
        switch schedule.mutant {
        case .staleCandidates:
            _ = try? await life.catalog.purgeManifests(limit: 200, context: caller.context)
            try await collectStaleCandidates()
            return await life.collector.turn().failure
        case .unconfirmedRemoval:
            try await removeUnconfirmed()
            return await life.collector.turn().failure
        case .keptFile:
            let page = try await ask { try await life.catalog.condemnedBlobs(after: nil, limit: 256) }.get()
            _ = try await ask { try await life.catalog.deleteCondemned(page.map(\.digest)) }.get()
            return await life.collector.turn().failure
        default:
            let turn = await life.collector.turn()
            schedule.count(.turns)
            schedule.count(.collected, by: turn.work.removedBlobs)
            if turn.work.failures > 0 { return "\(turn.work.failures) things could not be judged" }
            return turn.failure
        }
    }

    func walkForOrphans() async throws {
        guard !schedule.isCollecting else { return }
        schedule.isCollecting = true
        let found = try await ask { try await life.collector.collectOrphans() }.get()
        schedule.isCollecting = false
        schedule.count(.orphans, by: found)
    }

    /// A file becomes shorter, and somebody asks for it.
    func damage() async throws {
        let blob = schedule.dice.pick(universe.blobs)
        guard schedule.disk.damage(StoredFiles.path(blob.digest)) else { return }
        schedule.knowledge.damage(blob.digest)
        for repository in universe.repositories {
            _ = try await ask { try await registry.openBlob(blob.digest, in: repository) }
        }
    }

    // MARK: The end

    /// Everything that was acknowledged is there; once it is deleted, nothing is left.
    static let ending: [@Sendable (Actor) async throws -> Void] = [
        { try await $0.pullEverything() },
        { try await $0.compareAccounts() },
        { try await $0.deleteEverything() },
        { try await $0.collectEverything() },
        { try await $0.compareAccounts() },
        { try await $0.findNothing() },
    ]

    private func pullEverything() async throws {
        for thing in schedule.knowledge.served.inOrder { try await pull(thing, pausing: false) }
    }

    private func compareAccounts() async throws {
        let catalog = life.catalog
        var found = try await ask { try await catalog.foreignKeyViolations(limit: 5) }.get()
        found += try await ask { try await catalog.ruleViolations(limit: 5) }.get()
        found += try await ask { try await life.collector.audit().findings }.get()
        if !found.isEmpty { schedule.violate(found.joined(separator: "; ")) }
    }

    /// Indexes before what they hold, and what no client knows to be there as well.
    private func deleteEverything() async throws {
        let live = try Set(schedule.database.digests("SELECT DISTINCT digest FROM manifest WHERE live = 1"))
        for image in universe.images.reversed() where live.contains(Data(image.digest.storageBytes)) {
            for repository in universe.repositories {
                _ = try await delete(Knowledge.Thing(repository: repository, digest: image.digest))
            }
        }
    }

    /// Children wait for their indexes, links for their manifests, and orphans for nobody.
    private func collectEverything() async throws {
        for _ in 0..<4 {
            let rows = try schedule.database.count(
                "SELECT (SELECT COUNT(*) FROM blob) + (SELECT COUNT(*) FROM manifest) + (SELECT COUNT(*) FROM gc_queue)"
            )
            if rows == 0, schedule.disk.names(in: StoredFiles.directory).isEmpty { return }
            try await schedule.pause(Int(Life.undo + 2 * Life.grace + CatalogLimits.collectionRetrySeconds), in: life)
            try await walkForOrphans()
            try await collect()
        }
    }

    private func findNothing() async throws {
        let files = schedule.disk.names(in: StoredFiles.directory)
        if !files.isEmpty { schedule.violate("\(files.count) files are left of blobs that nobody needs") }
        let uploads = schedule.disk.names(in: "\(Life.root)/uploads")
        if !uploads.isEmpty { schedule.violate("\(uploads.count) files are left of uploads that have ended") }
        for table in ["blob", "repo_blob", "gc_queue", "manifest", "ref_blob", "ref_manifest", "tag"] {
            let rows = try schedule.database.count("SELECT COUNT(*) FROM \(table)")
            if rows > 0 { schedule.violate("\(rows) rows are left in the table \(table)") }
        }
        let stored = try await ask { try await life.catalog.storedBytes() }.get()
        if stored.bytes != 0 || stored.blobs != 0 { schedule.violate("\(stored.bytes) bytes are booked and not there") }
    }
}
