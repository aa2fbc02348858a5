// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import Transparency

/// Brings a catalog that is older than its log up to it: an old copy of the database was put back, the disk has lost
/// its last commits, or there is none any more.
///
/// Crash story: nothing is written before all entries that are to be replayed have been read and have the signed root.
/// Then each transaction writes some of them with what they say, and the next start goes on behind the last one. The
/// checkpoint's row comes at the very end; without it, the start is here again.
struct LogReplay {
    enum Outcome {
        /// The catalog is not older than the log.
        case notNeeded
        case done(ReplayReport)
        /// It is, and stays so.
        case impossible(String)
    }

    let catalog: Catalog
    let content: ContentStore
    let files: LogFiles
    let signer: LogSigner
    let threads: FileThreads
    let entriesPerStep: Int
    let progress: @Sendable (ReplayProgress) async throws -> Void

    private struct Plan {
        var trees: [VerifiedTree]
        var report = ReplayReport()
    }

    func run(checkpointFile: [UInt8]?, sealed: CheckpointRow?) async throws -> Outcome {
        // A file that nobody signed is the guard's to refuse.
        let shown = checkpointFile.flatMap { try? LogSigner.Signed(note: $0, origin: signer.origin, signer.verifiers) }
        let known = [signer.lastSigned, shown].compactMap { $0 }
        guard let target = known.max(by: { $0.checkpoint.size < $1.checkpoint.size }) else { return .notNeeded }
        let place = try await catalog.lastPlace()
        let isOfThisLog = place.map { $0.origin == signer.origin && $0.index >= 0 } ?? true
        if isOfThisLog {
            let (size, next) = (sealed?.size ?? 0, (place?.index ?? -1) + 1)
            guard target.checkpoint.size > size, next >= size, next <= target.checkpoint.size else { return .notNeeded }
        }
        let plan: Plan
        do {
            plan = try await planned(target, place, sealed)
            try await compare(known, with: target)
        } catch {
            let error = JournalError(error)
            guard error.code == .damaged || error.code == .forked else { throw error }
            return .impossible(error.reason)
        }
        return .done(try await replay(plan, target))
    }

    // MARK: What is to be replayed

    /// The trees to be replayed, from the one that the catalog is of on, all verified.
    private func planned(
        _ target: LogSigner.Signed,
        _ place: (index: Int64, origin: String)?,
        _ sealed: CheckpointRow?
    ) async throws -> Plan {
        var trees = [
            LoggedTree(
                origin: signer.origin,
                files: files,
                size: target.checkpoint.size,
                root: target.checkpoint.root,
                wholeSize: target.checkpoint.size
            )
        ]
        while trees[0].origin != place?.origin, let former = try await former(of: trees[0]) {
            guard trees.count < JournalLimits.formerLogs else {
                throw JournalError(.damaged, "the log goes on from more than \(JournalLimits.formerLogs) others")
            }
            trees.insert(former, at: 0)
        }
        var first: Int64 = 0
        if let place {
            guard trees[0].origin == place.origin else {
                throw JournalError(.forked, "the catalog is of the log '\(place.origin)', which this one is not from")
            }
            // Entries of a log that was left have places below zero.
            if place.index >= 0 { first = place.index + 1 } else { trees.removeFirst() }
        }
        var plan = Plan(trees: [])
        for (number, tree) in trees.enumerated() {
            let first = number == 0 ? first : 0
            if max(tree.size, first) < tree.wholeSize {
                plan.report.add(
                    "of the former log '\(tree.origin)' \(max(tree.size, first)) of \(tree.wholeSize) entries are here"
                )
            }
            guard first < tree.size || tree.origin == signer.origin else { continue }
            plan.trees.append(try await threads.call { try VerifiedTree(tree, from: first) })
            if number == 0, let sealed, sealed.size <= tree.size {
                let root = try await threads.call { try tree.root(at: sealed.size) }
                guard root.bytes == sealed.root else {
                    throw JournalError(.forked, "the catalog's tree of \(sealed.size) entries is not its beginning")
                }
            }
        }
        return plan
    }

    private func former(of tree: LoggedTree) async throws -> LoggedTree? {
        let (files, verifiers) = (files, signer.verifiers)
        return try await threads.call {
            try tree.formerLog().map { try LoggedTree.former($0, of: files, verifiers: verifiers) }
        }
    }

    /// What else was signed has to be the beginning of it.
    private func compare(_ known: [LogSigner.Signed], with target: LogSigner.Signed) async throws {
        let files = files
        for one in known {
            let size = one.checkpoint.size
            let root = try await threads.call {
                try TileReader(size: size) { try files.hashes($0, whole: target.checkpoint.size) }.root()
            }
            guard root == one.checkpoint.root else {
                throw JournalError(.forked, "two trees were signed, and that of \(size) entries is not the beginning")
            }
        }
    }

    // MARK: The replay

    private func replay(_ plan: Plan, _ target: LogSigner.Signed) async throws -> ReplayReport {
        var report = plan.report
        let events = try await unsealedEvents()
        let total = plan.trees.reduce(0) { $0 + $1.tree.size - $1.first }
        var examiner = ReplayExaminer(catalog: catalog, content: content, files: files.files, threads: threads)
        for verified in plan.trees {
            var index = verified.first
            while index < verified.tree.size {
                var leaves = try await threads.call { [index] in try verified.leaves(from: index) }[...]
                while !leaves.isEmpty {
                    var entries: [ReplayedEntry] = []
                    for leaf in leaves.prefix(entriesPerStep) {
                        entries.append(try await examiner.entry(leaf, event: events[MerkleTree.leafHash(leaf)]))
                    }
                    try await catalog.replay(entries, from: index)
                    index += Int64(entries.count)
                    report.entries += Int64(entries.count)
                    leaves = leaves.dropFirst(entries.count)
                    try await progress(ReplayProgress(done: report.entries, total: total))
                }
            }
        }
        while true {
            let count = try await catalog.recordAnew(limit: entriesPerStep)
            guard count > 0 else { break }
            report.recordedAnew += count
            try await progress(ReplayProgress(done: report.entries, total: total))
        }
        try await examiner.markMissingBlobs()
        try await progress(ReplayProgress(done: report.entries, total: total))
        let keys = signer.keyFiles
        if let former = try await threads.call({ try keys.retireWitness() }) {
            report.add("what other logs were cosigned: the witness gets a new key, and the former one is \(former)")
        }
        let checkpoint = target.checkpoint
        try await catalog.endReplay(size: checkpoint.size, root: checkpoint.root.bytes, note: target.note)
        try await addUnmet(to: &report)
        return report
    }

    /// The events of the catalog that have no place yet, by their leaf's hash: the log may have them.
    private func unsealedEvents() async throws -> [TreeHash: EventID] {
        var events: [TreeHash: EventID] = [:]
        var last: EventID?
        while true {
            let page = try await catalog.unsealedEvents(after: last, limit: JournalLimits.entriesPerSeal)
            for event in page { events[MerkleTree.leafHash(event.leaf)] = event.id }
            guard events.count <= JournalLimits.unsealedEvents else {
                throw JournalError(
                    .damaged,
                    "the older catalog has more than \(JournalLimits.unsealedEvents) events that were never sealed"
                )
            }
            guard let next = page.last?.id else { return events }
            last = next
        }
    }

    private func addUnmet(to report: inout ReplayReport) async throws {
        var mark: SubjectMark? = .start
        while let place = mark {
            let page = try await catalog.unmetEntries(after: place, limit: JournalLimits.entriesPerSeal)
            for entry in page.unmet { report.add(entry.description) }
            mark = page.next
        }
        for blob in try await catalog.lostBlobs(limit: JournalLimits.lostBlobs) { report.add(blob.description) }
    }
}
