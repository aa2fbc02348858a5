// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Catalog
import Content
import Foundation
import Journal
import Logging
import Registry
import Synchronization

/// `cairn rebuild`: exit 0 when the catalog is there and nothing is missing, 1 when something is, 2 when there is none.
struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the catalog anew out of the log and the blobs, while no server runs.",
        discussion: """
            For a store whose database is lost or damaged. The database that is there is set aside beside it, never \
            deleted; one that is healthy only with --force. May be run again after it was interrupted. Exits 0 when \
            everything that the log has is there, 1 when bytes are missing, 2 when the catalog could not be made.
            """
    )

    @OptionGroup var location: LogLocation

    @Option(help: "NAME of the log, where the configuration does not say it (default: that of the store's id).")
    var origin: String?

    @Flag(help: "Set a healthy catalog aside too.")
    var force = false

    private static let problemsShown = 100

    func run() async throws {
        let isWhole: Bool
        do {
            let settings = try location.settings()
            try await setAside(settings)
            isWhole = try await rebuild(settings)
        } catch {
            Console.error("cairn rebuild: \(error)")
            throw ExitCode(2)
        }
        if !isWhole { throw ExitCode(1) }
    }

    // MARK: The database that is there

    /// Puts a database that is of no use any more out of the way, under the store's lock.
    private func setAside(_ settings: Configuration) async throws {
        var options = ContentStore.Options()
        options.unsafeFilesystem = true
        let content = try await ContentStore.open(root: settings.root, options: options)
        do {
            try await setAside(content)
            await content.shutdown()
        } catch {
            await content.shutdown()
            throw error
        }
    }

    private func setAside(_ content: ContentStore) async throws {
        let database = content.layout.database
        guard FileManager.default.fileExists(atPath: database) else { return }
        switch await state(content) {
        case .unfinished: return
        case .healthy where !force:
            throw ConfigurationError(
                description: "\(database) is a sound catalog, which the server brings up to the log by itself; "
                    + "--force sets it aside"
            )
        case .healthy, .damaged: print("the former catalog is \(try Self.rename(database))")
        }
    }

    private enum State { case healthy, unfinished, damaged }

    private func state(_ content: ContentStore) async -> State {
        // Whatever a damaged database does, the process goes on: it is only looked at.
        guard let catalog = try? Store.openCatalog(content, origin: origin ?? "", fatal: { _ in }) else {
            return .damaged
        }
        let state: State
        do {
            let problems =
                try await catalog.integrityProblems(quick: false, limit: 1)
                + catalog.foreignKeyViolations(limit: 1)
            let sealed = try await catalog.lastCheckpoints().sealed
            state = !problems.isEmpty ? .damaged : sealed == nil ? .unfinished : .healthy
        } catch {
            state = .damaged
        }
        await catalog.close()
        return state
    }

    /// Renames the database, with its write-ahead log, to the first free `<name>.aside-<n>`; durable on return.
    ///
    /// The database goes last: its log would otherwise be taken for that of the one that comes after it. A crash in
    /// between leaves a database without its last transactions, which the log of events brings back.
    private static func rename(_ database: String) throws -> String {
        let suffixes = ["-wal", "-shm", ""]
        var number = 1
        while suffixes.contains(where: { suffix in
            FileManager.default.fileExists(atPath: "\(database).aside-\(number)\(suffix)")
        }) { number += 1 }
        let files = DurableFiles()
        for suffix in suffixes {
            try files.renameIfPresent(database + suffix, to: "\(database).aside-\(number)\(suffix)")
        }
        try files.syncDirectory(DurableFiles.parent(of: database))
        return "\(database).aside-\(number)"
    }

    // MARK: The new one

    private func rebuild(_ settings: Configuration) async throws -> Bool {
        let shown = Mutex<Int64>(0)
        var log = Store.LogOptions(signer: settings.signerDirectory, origin: origin ?? settings.logOrigin)
        log.passphrase = settings.logKeyPassphrase
        log.replayProgress = { progress in
            let step = max(progress.total / 20, 10_000)
            let isDue = shown.withLock { last in
                guard progress.done - last >= step else { return false }
                last = progress.done
                return true
            }
            if isDue { Console.error("\(progress.done) of \(progress.total) entries") }
        }
        let store = try await Store.open(
            root: settings.root,
            unsafeFilesystem: true,
            blobLimit: settings.maximumBlobBytes,
            log: log
        )
        if let refusal = store.log?.readOnly {
            await store.close()
            throw refusal
        }
        guard let report = store.log?.replayed else {
            await store.close()
            throw ConfigurationError(description: "there is no log to make a catalog of, or nothing that it has more")
        }
        report.tell()
        let check = try await ConsistencyCheck(
            content: store.content,
            catalog: store.catalog,
            deep: false,
            repair: false
        ).run()
        await store.close()
        for problem in check.problems.prefix(Self.problemsShown) { print("problem: \(problem)") }
        for notice in check.notices { print("notice: \(notice)") }
        return report.missingCount == 0 && check.problems.isEmpty
    }
}
