// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import GRDB
import Logging
import Metrics

/// Copies the WAL back into the database, only ever on the writer's connection and between batches.
///
/// One connection that alone writes and checkpoints also keeps clear of the WAL-reset defect of SQLite 3.7.0 to
/// 3.51.2, which needs two. The busy timeout is zero: a reader in the way leaves the copy for a later batch.
struct Checkpointer {
    private let logger: Logger
    private var pageBytes = 4_096
    /// What `Connection.pagesWritten` read at the last attempt.
    private var pagesAtLastAttempt = 0
    /// Whether the last attempt copied all there was.
    private var isComplete = true
    /// Frames in the WAL at the last attempt.
    private var frames = 0
    private let passive = Counter(label: "cairn_catalog_checkpoints_total", dimensions: [("mode", "passive")])
    private let restart = Counter(label: "cairn_catalog_checkpoints_total", dimensions: [("mode", "restart")])

    init(logger: Logger) {
        self.logger = logger
    }

    /// Takes over the WAL that a crash has left: counted by the length of its file, copied back later, so that a start
    /// does not wait for it.
    mutating func start(_ database: Database, path: String) throws {
        pageBytes = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? pageBytes
        pagesAtLastAttempt = Connection.pagesWritten(database)
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "-wal")
        frames = (attributes[.size] as? Int ?? 0) / pageBytes
        isComplete = false
    }

    /// Copies when enough was written since the last attempt. A full disk and a reader in the way leave it for later;
    /// an error of the disk itself is thrown: pages whose sync failed must not be tried again by this process.
    mutating func runIfDue(_ database: Database) throws {
        let written = Connection.pagesWritten(database) - pagesAtLastAttempt
        guard written * pageBytes >= CatalogLimits.passiveCheckpointBytes else { return }
        try run(database)
    }

    /// Copies what has been written, if anything was.
    mutating func runIfNeeded(_ database: Database) throws {
        guard !isComplete || Connection.pagesWritten(database) > pagesAtLastAttempt else { return }
        try run(database)
    }

    private mutating func run(_ database: Database) throws {
        let written = Connection.pagesWritten(database)
        frames += written - pagesAtLastAttempt
        pagesAtLastAttempt = written
        let isLong = frames * pageBytes >= CatalogLimits.restartCheckpointBytes
        isComplete = false
        guard let result = try copy(database, isLong ? .restart : .passive) else { return }
        (isLong ? restart : passive).increment()
        // After a restart the next commit is the first of the WAL; otherwise it may follow on.
        frames = isLong ? 0 : result.frames
        isComplete = result.frames == result.copied
    }

    /// Nil when the disk is full or a reader is in the way.
    private func copy(_ database: Database, _ mode: Database.CheckpointMode) throws -> (frames: Int, copied: Int)? {
        do {
            let (frames, copied) = try database.checkpoint(mode)
            return (max(frames, 0), max(copied, 0))
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            return nil
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            logger.warning("The catalog's WAL was not copied back: the disk is full.")
            return nil
        }
    }
}
