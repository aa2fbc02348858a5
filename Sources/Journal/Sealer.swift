// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import Tracing
internal import Transparency

/// Seals the log: at most a second after a change, and sooner when many changes wait or somebody does.
///
/// The order of a seal, each step durable before the next: the events get their places and the tree its root in one
/// transaction; tiles and bundles are written; the signer writes down what it is about to sign, and signs; the note is
/// kept in the catalog; the checkpoint file is replaced; the checkpoint is published. A crash between two steps leaves
/// a tree that is intended and not signed, or signed and not published: the next start ends that same seal, so no size
/// ever gets a second root.
package actor Sealer: Service {
    /// A tree that stands in the catalog and is not published yet.
    struct Intended: Sendable {
        let edge: TreeEdge
        let files: [TreeEdge.File]
        let lastEvent: EventID
        /// In the order of their entries.
        let events: [EventID]
        let began: DefaultTracerClock.Timestamp

        var entries: Int { events.count }
    }

    private let journal: Journal
    /// Must stop the process: what the log is can no longer be told from memory.
    private let fatal: @Sendable (JournalError) -> Void
    private var edge: TreeEdge
    private var intended: Intended?
    /// A tree that is signed, and that too few witnesses have cosigned yet.
    private var unshown: Intended?

    init(
        journal: Journal,
        edge: TreeEdge,
        intended: Intended?,
        fatal: @escaping @Sendable (JournalError) -> Void
    ) {
        self.journal = journal
        self.edge = edge
        self.intended = intended
        self.fatal = fatal
    }

    /// Seals until the process is shut down, and then what is left.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.loop() }
        _ = await turn()
    }

    private func loop() async {
        var isDone = await turn()
        while !Task.isCancelled {
            if isDone {
                await journal.catalog.unsealed.wait(for: 1)
                await pause(atMost: JournalLimits.interval, orUntil: JournalLimits.entriesThatHurry)
            } else {
                try? await Task.sleep(for: JournalLimits.retryInterval)
            }
            guard !Task.isCancelled else { return }
            isDone = await turn()
            // Those who come meanwhile share the next seal.
            try? await Task.sleep(for: JournalLimits.hurriedInterval)
        }
    }

    private func pause(atMost interval: Duration, orUntil count: Int) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(for: interval) }
            group.addTask { await self.journal.catalog.unsealed.wait(for: count) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Seals what is there; what comes meanwhile waits for the next turn. False when the disk has no room: it is to be
    /// tried again.
    private func turn() async -> Bool {
        do {
            while try await seal() >= JournalLimits.entriesPerSeal {}
            if let tree = unshown, try await journal.complete(tree) { unshown = nil }
            return unshown == nil
        } catch {
            journal.metrics.failed()
            journal.logger.error("the log could not be sealed", metadata: ["reason": "\(error.reason)"])
            if error.code != .storageFull { fatal(error) }
            return false
        }
    }

    /// One seal: how many entries it sealed, none when there was nothing to seal.
    @discardableResult
    package func seal() async throws(JournalError) -> Int {
        if intended == nil {
            do {
                intended = try await intend()
            } catch {
                throw JournalError(error)
            }
        }
        guard let intended else { return 0 }
        let start = ContinuousClock.now
        unshown = try await journal.complete(intended) ? nil : intended
        edge = intended.edge
        self.intended = nil
        journal.metrics.sealed(intended.entries, in: ContinuousClock.now - start)
        return intended.entries
    }

    /// Gives the unsealed events their places. nil when there are none.
    private func intend() async throws -> Intended? {
        let catalog = journal.catalog
        let began = DefaultTracerClock.now
        catalog.unsealed.reset()
        let events = try await catalog.unsealedEvents(
            limit: JournalLimits.entriesPerSeal,
            bytesLimit: JournalLimits.bytesPerSeal
        )
        guard let last = events.last?.id else { return nil }
        var next = edge
        let files = try next.append(events.map(\.leaf))
        try await catalog.seal(events.map(\.id), from: edge.size, root: next.root.bytes)
        return Intended(edge: next, files: files, lastEvent: last, events: events.map(\.id), began: began)
    }
}

extension Journal {
    /// Does what follows once a tree stands in the catalog: everything here may be done again after a crash.
    ///
    /// - Returns: Whether its checkpoint is published; false while too few witnesses cosign it.
    func complete(_ intended: Sealer.Intended) async throws(JournalError) -> Bool {
        let (note, checkpoint) = try await onThread { [files, signer] in
            let checkpoint = try signer.checkpoint(size: intended.edge.size, root: intended.edge.root)
            try files.write(intended.files)
            return (try signer.sign(checkpoint), checkpoint)
        }
        do {
            try await catalog.keepNote(note, ofSize: checkpoint.size, root: checkpoint.root.bytes)
        } catch {
            throw JournalError(error)
        }
        guard let shown = try await cosigned(note) else { return false }
        try await onThread { [self] in
            try write(shown, ofSize: checkpoint.size)
            for file in intended.files where !file.path.isPartial { try files.removePartials(of: file.path) }
        }
        traces.note(intended, in: self)
        publish(Published(checkpoint: checkpoint, note: shown, lastEvent: intended.lastEvent))
        if let rotation = rotation.withLock({ $0 }), rotation <= intended.lastEvent { signer.activateNext() }
        await askWitnesses(intended, note)
        return true
    }
}
