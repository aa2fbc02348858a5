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
    }

    /// Opens the log of a catalog, and holds the catalog, the tiles, the checkpoint file and the signer's memory
    /// against each other. Reads the right edge of the tree only, however long the log is.
    ///
    /// - Parameters:
    ///   - options: Where the log is, and what it is called.
    ///   - catalog: The catalog whose events the log has.
    ///   - fatal: Must stop the process; called when a seal fails in a way that leaves the disk in doubt.
    /// - Returns: The log, what seals it, and whether it may only be read.
    /// - Throws: `.forked` with both notes, `.damaged`, `.keyMissing`, `.invalidKey`, `.wrongOrigin`, `.locked`,
    ///   `.storage`. A log that is older than what was signed does not throw: it opens for reading.
    package static func open(
        _ options: Options,
        catalog: Catalog,
        fatal: @escaping @Sendable (JournalError) -> Void
    ) async throws(JournalError) -> Opened {
        let threads = FileThreads(count: JournalLimits.threads)
        do {
            let rows = try await catalog.lastCheckpoints()
            let isNew = rows.sealed == nil
            let files = DurableFiles(options.filesystem)
            let log = LogFiles(layout: JournalLayout(root: options.root), files: files)
            let (signer, file) = try await threads.run { () throws(ContentError) in
                Result {
                    try log.prepare()
                    let signer = try LogSigner.open(
                        directory: options.signer,
                        origin: options.origin,
                        mayCreate: isNew,
                        passphrase: options.passphrase,
                        files: files
                    )
                    return (signer, try log.checkpoint())
                }
            }.get()
            let guardian = StartGuard(
                catalog: catalog,
                files: log,
                signer: signer,
                threads: threads,
                checkpointFile: file,
                rows: rows,
                quorum: options.cosigners?.quorum ?? 0
            )
            let found = try await guardian.check()
            let journal = Journal(
                catalog: catalog,
                files: log,
                signer: signer,
                threads: threads,
                cosigners: options.cosigners,
                logger: options.logger,
                published: found.published
            )
            if found.readOnly == nil { try await journal.beginRotation() }
            let sealer = Sealer(journal: journal, edge: found.edge, intended: found.intended, fatal: fatal)
            return Opened(journal: journal, sealer: sealer, readOnly: found.readOnly)
        } catch {
            await threads.shutDown()
            throw JournalError(error)
        }
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
