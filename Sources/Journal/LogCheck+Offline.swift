// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
internal import Content
internal import Cryptography
internal import Transparency

extension LogCheck {
    /// Checks the log of a store that no server has open. Writes nothing.
    ///
    /// - Parameters:
    ///   - options: Where the log is, and what it is called.
    ///   - keys: The keys that the log may have signed with, as verifiers take them; empty for those of the signer's
    ///     directory.
    ///   - catalog: The catalog whose events the log has.
    /// - Returns: What was found.
    /// - Throws: `.keyMissing` where neither has one, `.invalidKey`, `.storage`.
    package static func offline(
        _ options: Journal.Options,
        keys: [String],
        catalog: Catalog
    ) async throws(JournalError) -> Report {
        let threads = FileThreads(count: 1)
        do {
            let files = DurableFiles(options.filesystem)
            let (verifiers, origin, remembered) = try await threads.call { try known(options, keys, files) }
            let check = LogCheck(
                catalog: catalog,
                files: LogFiles(layout: JournalLayout(root: options.root), files: files),
                threads: threads,
                origin: origin,
                verifiers: verifiers,
                remembered: remembered
            )
            let report = try await check.run()
            await threads.shutDown()
            return report
        } catch {
            await threads.shutDown()
            throw JournalError(error)
        }
    }

    private static func known(
        _ options: Journal.Options,
        _ keys: [String],
        _ files: DurableFiles
    ) throws -> (verifiers: [NoteVerifier], origin: String, remembered: LogSigner.Signed?) {
        var verifiers = try keys.map { try NoteVerifier(parsing: $0) }
        let origin = verifiers.first?.name.description ?? options.origin
        let name = try KeyName(parsing: origin)
        if verifiers.isEmpty {
            let keys = SignerKeys(directory: options.signer, files: files)
            verifiers = try keys.read(passphrase: options.passphrase)
                .map { try NoteVerifier(name: name, key: $0.verificationKey) }
            verifiers += try keys.retired()
        }
        guard !verifiers.isEmpty else {
            throw JournalError(.keyMissing, "no key is in \(options.signer): name the log's keys by --log-key")
        }
        return (verifiers, origin, try LogSigner.state(options.signer, origin, verifiers, files))
    }
}
