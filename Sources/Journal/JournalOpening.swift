// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Content
package import Logging
internal import Synchronization
internal import Transparency

extension Journal {
    /// What a log needs to be opened.
    package struct Options: Sendable {
        /// The root of the store.
        package var root: String
        /// The directory of the signer, off the volume of the store.
        package var signer: String
        /// The name of the log: a URL without its scheme. It never changes.
        package var origin: String
        /// Of the key file, where it is encrypted.
        package var passphrase: [UInt8]?
        package var cosigners: Cosigners?
        /// The blobs that entries speak of, for a catalog that is older than its log; nil leaves it as it is.
        package var content: ContentStore?
        /// Called after each transaction of a replay; what it throws ends the opening, and the next goes on from there.
        package var replayProgress: @Sendable (ReplayProgress) async throws -> Void = { _ in }
        package var entriesPerReplay = JournalLimits.entriesPerReplay
        package var filesystem = Filesystem.live
        package var logger: Logger

        package init(root: String, signer: String, origin: String, logger: Logger) {
            self.root = root
            self.signer = signer
            self.origin = origin
            self.logger = logger
        }
    }

    /// A log that was opened, and what seals it.
    package struct Opened: Sendable {
        package let journal: Journal
        package let sealer: Sealer
        /// Why nothing may be written until an operator has decided; nil where the log can go on.
        package let readOnly: JournalError?
        /// What was brought back into a catalog that was older; nil where it was not.
        package let replayed: ReplayReport?
    }

    /// Opens the log of a catalog, and holds the catalog, the tiles, the checkpoint file and the signer's memory
    /// against each other. Reads the right edge of the tree only, however long the log is, unless the catalog is older
    /// than the log: then it is brought up to it first, where the options have the blobs.
    ///
    /// - Parameters:
    ///   - options: Where the log is, and what it is called.
    ///   - catalog: The catalog whose events the log has.
    ///   - fatal: Must stop the process; called when a seal fails in a way that leaves the disk in doubt.
    /// - Returns: The log, what seals it, and whether it may only be read.
    /// - Throws: `.forked` with both notes, `.damaged`, `.keyMissing`, `.invalidKey`, `.wrongOrigin`, `.locked`,
    ///   `.storage`. A log that is older than what was signed, and cannot be brought up to it, does not throw: it opens
    ///   for reading.
    package static func open(
        _ options: Options,
        catalog: Catalog,
        fatal: @escaping @Sendable (JournalError) -> Void
    ) async throws(JournalError) -> Opened {
        let threads = FileThreads(count: JournalLimits.threads)
        do {
            let found = try await catalog.lastCheckpoints()
            let isNew = found.sealed == nil
            let files = DurableFiles(options.filesystem)
            let log = LogFiles(layout: JournalLayout(root: options.root), files: files)
            let (signer, file) = try await threads.call {
                try log.prepare()
                let file = try log.checkpoint()
                let signer = try LogSigner.open(
                    directory: options.signer,
                    origin: options.origin,
                    mayCreate: isNew && file == nil,
                    passphrase: options.passphrase,
                    files: files
                )
                return (signer, file)
            }
            let outcome = try await replay(options, catalog, log, signer, threads, (file, found.sealed))
            let rows = try await catalog.lastCheckpoints()
            var guardian = StartGuard(
                catalog: catalog,
                files: log,
                signer: signer,
                threads: threads,
                checkpointFile: file,
                rows: rows,
                quorum: options.cosigners?.quorum ?? 0
            )
            if case .impossible(let reason) = outcome { guardian.replayRefusal = reason }
            let state = try await guardian.check()
            let journal = Journal(
                catalog: catalog,
                files: log,
                signer: signer,
                threads: threads,
                cosigners: options.cosigners,
                logger: options.logger,
                published: state.published
            )
            if state.readOnly == nil { try await journal.beginRotation() }
            let sealer = Sealer(journal: journal, edge: state.edge, intended: state.intended, fatal: fatal)
            var replayed: ReplayReport?
            if case .done(let report) = outcome { replayed = report }
            return Opened(journal: journal, sealer: sealer, readOnly: state.readOnly, replayed: replayed)
        } catch {
            await threads.shutDown()
            throw JournalError(error)
        }
    }

    private static func replay(
        _ options: Options,
        _ catalog: Catalog,
        _ log: LogFiles,
        _ signer: LogSigner,
        _ threads: FileThreads,
        _ found: (file: [UInt8]?, sealed: CheckpointRow?)
    ) async throws -> LogReplay.Outcome {
        guard let content = options.content else { return .notNeeded }
        return try await LogReplay(
            catalog: catalog,
            content: content,
            files: log,
            signer: signer,
            threads: threads,
            entriesPerStep: options.entriesPerReplay,
            progress: options.replayProgress
        ).run(checkpointFile: found.file, sealed: found.sealed)
    }

    /// Where a key is to follow the current one: the log says so first, under the current key alone.
    private func beginRotation() async throws {
        guard let (from, to) = signer.rotation else { return }
        if let entry = try await catalog.keyRotation(to: to) {
            if let index = entry.index, index < published?.checkpoint.size ?? 0 { return signer.activateNext() }
            return rotation.withLock { $0 = entry.id }
        }
        let event = try await catalog.recordChange(
            .keyRotated(from: from, to: to),
            context: Catalog.Context(actor: "server", requestID: "")
        )
        rotation.withLock { $0 = event }
        logger.notice("a new key follows the log's key", metadata: ["key": "\(to)"])
    }

    /// Ends the threads. To be called once, after the sealer has ended.
    package func shutDown() async {
        await threads.shutDown()
        signer.close()
    }
}
