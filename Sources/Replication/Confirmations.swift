// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import OCI
internal import Synchronization
package import Transparency

/// How much of this registry's log other regions have said that they have, and who waits for it.
///
/// Another region says so by a cosignature on this registry's own checkpoint: it can be kept as a proof. Without the
/// key of the cosignature what it says is only noted: nobody is told by it that a push is safe.
package final class Confirmations: Sendable {
    private let catalog: Catalog
    /// The keys of this registry's log.
    private let own: [NoteVerifier]
    private let mark = RisingMark()
    private let sizes = Mutex<[String: Int64]>([:])
    private let hasConfirmer: Bool
    private let awaited: [Glob]

    /// - Parameters:
    ///   - catalog: Where what regions say is kept.
    ///   - own: The keys of this registry's log.
    ///   - hasConfirmer: Whether a region is configured whose cosignature can be checked.
    ///   - awaited: The repositories whose changes wait without being asked to.
    package init(_ catalog: Catalog, own: [NoteVerifier], hasConfirmer: Bool, awaited: [Glob] = []) {
        self.awaited = awaited
        self.catalog = catalog
        self.own = own
        self.hasConfirmer = hasConfirmer
    }

    /// Whether waiting for another region makes sense.
    package var canBeAwaited: Bool { hasConfirmer }

    /// Whether every change in a repository waits for another region.
    package func isAwaited(in name: RepositoryName) -> Bool {
        awaited.contains { $0.matches(name.description) }
    }

    /// Takes what a region shows as its confirmation. Durable on return.
    ///
    /// - Returns: The size; nil for what is no confirmation of this log.
    package func take(
        _ bytes: [UInt8],
        from region: String,
        peer: String,
        cosigner: NoteVerifier?
    ) async throws -> Int64? {
        let note = try SignedNote(parsing: bytes)
        _ = try note.accepted(by: own)
        let checkpoint = try Checkpoint(note)
        guard checkpoint.origin.description == catalog.settings.origin else { return nil }
        if let cosigner { _ = try note.accepted(by: [cosigner]) }
        try await catalog.setPositions([catalog.settings.origin: checkpoint.size], of: peer)
        guard cosigner != nil else { return checkpoint.size }
        sizes.withLock { $0[region] = max($0[region] ?? 0, checkpoint.size) }
        mark.raise(to: checkpoint.size)
        return checkpoint.size
    }

    /// Waits until a region has an entry of this log and all before it, for as long as `sleep` lasts.
    ///
    /// - Returns: The regions that have it; empty where none has.
    package func wait(for index: Int64, _ sleep: @escaping @Sendable () async throws -> Void) async -> [String] {
        guard await mark.wait(over: index, sleep) else { return [] }
        return sizes.withLock { sizes in sizes.filter { $0.value > index }.keys.sorted() }
    }

    package func close() { mark.close() }
}
