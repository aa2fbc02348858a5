// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Foundation
import OCI

/// What the schedules of a campaign share. One thread uses it, for one schedule at a time.
package final class World {
    let universe: Universe
    let database: Database
    let files: StoredFiles
    /// A disk with a new store.
    let emptyDisk: SimulatedDisk

    package init() throws {
        universe = try Universe()
        database = try Database()
        files = StoredFiles(universe)
        emptyDisk = SimulatedDisk()
        // Made by the code that makes every store, on this thread.
        let executor = SeededExecutor()
        var options = ContentStore.Options()
        options.limits.ballastBytes = 0
        options.filesystem = emptyDisk.filesystem
        options.runner = { executor.run($0) }
        let made = Outcome()
        _ = Task(executorPreference: executor) { [options] in
            do {
                _ = try await ContentStore.open(root: Life.root, options: options)
                made.error = nil
            } catch {
                made.error = error
            }
        }
        while executor.step(choosing: { $0 - 1 }) {}
        if let error = made.error { throw error }
    }

    // Safety: written and read by the thread that steps the executor.
    private final class Outcome: @unchecked Sendable {
        var error: (any Error)? = PowerCut()
    }
}

/// Where the file of each blob lies and what it has to hold.
struct StoredFiles {
    private struct File {
        let digest: Digest
        let bytes: [UInt8]
    }

    private let files: [Data: File]

    init(_ universe: Universe) {
        var files: [Data: File] = [:]
        for (digest, bytes) in universe.bytes {
            files[Data(digest.storageBytes)] = File(digest: digest, bytes: bytes)
        }
        self.files = files
    }

    static let directory = "\(Life.root)/blobs/sha256"

    static func path(_ digest: Digest) -> String { "\(directory)/\(digest.hex)" }

    /// A live blob has a whole file, which no power cut takes; what a manifest refers to is linked, and live. Damage
    /// that the schedule did itself does not count until it is healed.
    func violations(
        _ database: Database,
        _ disk: SimulatedDisk,
        except knowledge: inout Knowledge
    ) throws -> [String] {
        var found: [String] = []
        for key in try database.digests("SELECT digest FROM blob WHERE state = 'live'") {
            guard let file = files[key] else {
                found.append("a blob that nobody pushed")
                continue
            }
            if disk.holds(file.bytes, as: file.digest.hex, in: Self.directory) {
                if knowledge.damaged.contains(file.digest) { knowledge.heal(file.digest) }
            } else if !knowledge.damaged.contains(file.digest) {
                found.append("the live blob \(file.digest.hex.prefix(8)) has no whole file that is durable")
            }
        }
        let dangling = try database.count(
            """
            SELECT COUNT(*) FROM ref_blob e LEFT JOIN repo_blob l ON l.repo_id = e.repo_id AND l.digest = e.digest
            LEFT JOIN blob b ON b.digest = e.digest AND b.state = 'live' WHERE l.digest IS NULL OR b.digest IS NULL
            """
        )
        if dangling > 0 { found.append("\(dangling) references are to blobs that are not linked, or not live") }
        let condemned = try database.count(
            "SELECT COUNT(*) FROM repo_blob l JOIN blob b ON b.digest = l.digest WHERE b.state <> 'live'"
        )
        if condemned > 0 { found.append("\(condemned) links are to blobs that are not live") }
        return found
    }
}
