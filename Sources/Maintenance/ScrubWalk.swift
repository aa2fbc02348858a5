// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import Logging
internal import OCI

/// One walk over blobs by digest: the pass, or a run beside it.
struct ScrubWalk: Sendable {
    private enum Outcome {
        case whole
        case healed
        /// Collected meanwhile.
        case gone
        /// `isNew` where it was not known.
        case damaged(isNew: Bool)
    }

    /// What reading a blob has shown.
    private enum Reading {
        case whole(ScrubReading)
        case damaged(DamagedBlob)
    }

    private let scrubber: Scrubber
    /// Waits until so many bytes may be read.
    private let pace: @Sendable (Int) async throws -> Void
    /// nil for the pass.
    private let run: ScrubRun?

    init(_ scrubber: Scrubber, pace: @escaping @Sendable (Int) async throws -> Void, run: ScrubRun?) {
        self.scrubber = scrubber
        self.pace = pace
        self.run = run
    }

    private var content: ContentStore { scrubber.content }
    private var catalog: Catalog { scrubber.catalog }

    /// Reads all blobs after a digest. Where it is stopped, what was read is noted, and the pass goes on from there.
    func go(from start: Digest?) async throws {
        var notes = Notes(at: scrubber.environment.now())
        var after = start
        var failure: (any Error)?
        do {
            while let next = try await page(after: after, &notes) { after = next }
        } catch {
            failure = error
        }
        do {
            try await write(&notes)
        } catch {
            failure = failure ?? error
        }
        if let failure { throw failure }
    }

    /// Reads the next blobs, and answers with the last of them; nil at the end.
    private func page(after: Digest?, _ notes: inout Notes) async throws -> Digest? {
        let page = try await catalog.scrubCandidates(after: after, in: run?.repository, limit: ScrubLimits.page)
        for candidate in page {
            try await visit(candidate, &notes)
            if notes.isDue(at: scrubber.environment.now()) { try await write(&notes) }
        }
        return page.last?.digest
    }

    private func visit(_ candidate: ScrubCandidate, _ notes: inout Notes) async throws {
        let outcome = try await outcome(of: candidate, &notes)
        var found: Int64 = 0
        switch outcome {
        case .whole:
            notes.progress.verified.append(candidate.digest)
            scrubber.metrics.found(isWhole: true)
        case .gone: break
        case .healed: scrubber.metrics.found(isWhole: false)
        case .damaged(let isNew):
            found = isNew ? 1 : 0
            if isNew { scrubber.metrics.found(isWhole: false) }
        }
        if case .healed = outcome, candidate.health == .ok { found = 1 }
        notes.progress.done.blobs += 1
        notes.progress.done.bytes += candidate.size
        notes.progress.bad += found
        if run == nil { notes.progress.after = candidate.digest }
        run?.change { snapshot in
            snapshot.done.blobs += 1
            snapshot.done.bytes += candidate.size
            snapshot.found += found
            if case .healed = outcome { snapshot.healed += 1 }
            if case .damaged = outcome { snapshot.damaged += 1 }
            snapshot.bytesPerSecond = scrubber.speed.bytesPerSecond
        }
    }

    private func write(_ notes: inout Notes) async throws {
        if !notes.progress.isEmpty { try await catalog.recordScrub(notes.progress) }
        notes = Notes(at: scrubber.environment.now(), unreadable: notes.unreadable)
        await scrubber.refreshMetrics()
    }

    // MARK: One blob

    private func outcome(of candidate: ScrubCandidate, _ notes: inout Notes) async throws -> Outcome {
        switch try await read(candidate.digest) {
        case .whole(let reading):
            notes.unreadable = 0
            return try await settle(candidate, whole: reading)
        case .damaged(var damaged):
            if case .missing = damaged.cause {
                // Looked at again under the lock.
            } else {
                // What came wrong once may have been read wrong.
                switch try await read(candidate.digest) {
                case .whole(let reading): return try await settle(candidate, whole: reading)
                case .damaged(let again): damaged = again
                }
            }
            try judge(damaged, &notes)
            return try await settle(candidate, damaged: damaged)
        }
    }

    /// - Throws: `ScrubError` of code `.storage` where it is the disk that gives nothing, and not this blob.
    private func judge(_ damaged: DamagedBlob, _ notes: inout Notes) throws {
        guard case .unreadable(let error) = damaged.cause else {
            notes.unreadable = 0
            return
        }
        do throws(ContentError) {
            try content.confirmStorage()
        } catch {
            throw ScrubError(.storage, "the file system does not work any more: \(error)")
        }
        notes.unreadable += 1
        guard notes.unreadable <= ScrubLimits.unreadableInARow else {
            throw ScrubError(.storage, "\(notes.unreadable) blobs in a row cannot be read, the last for: \(error)")
        }
    }

    private func read(_ digest: Digest) async throws -> Reading {
        let limit = Duration.seconds(ScrubLimits.turnSeconds)
        let content = content
        try await pace(ScrubLimits.blobCost)
        let reading: ScrubReading
        switch try await scrubber.deadline.run(within: limit, { try await content.openForScrub(digest) }) {
        case .damaged(let damaged): return .damaged(damaged)
        case .opened(let opened): reading = opened
        }
        do {
            while true {
                let count = reading.nextBytes
                if count == 0 { break }
                try await pace(count)
                try await scrubber.deadline.run(within: limit) { try await reading.turn() }
                scrubber.metrics.read(count)
                scrubber.speed.add(count)
            }
        } catch let error as ContentError where error.isDamage {
            return .damaged(DamagedBlob(reading, .unreadable(error)))
        }
        let actual = try reading.finish()
        return actual == digest ? .whole(reading) : .damaged(DamagedBlob(reading, .mismatch(actual: actual)))
    }

    private func settle(_ candidate: ScrubCandidate, whole reading: ScrubReading) async throws -> Outcome {
        let digest = candidate.digest
        guard reading.size == candidate.size else {
            // The row is wrong, not the file. Who pushes it again writes both.
            let isNew = try await catalog.markBlob(digest, health: .corrupt)
            if isNew { report(digest, "the catalog has another size than its \(reading.size) bytes", nil) }
            return .damaged(isNew: isNew)
        }
        if candidate.isManifest { try await restoreCopies(of: digest) }
        guard candidate.health == .corrupt else { return .whole }
        let isHealed = try await content.confirm(reading) { try await catalog.markBlob(digest, health: .ok) }
        if isHealed { scrubber.logger.notice("blob is whole again", metadata: ["digest": "\(digest)"]) }
        return isHealed ? .healed : .whole
    }

    private func settle(_ candidate: ScrubCandidate, damaged: DamagedBlob) async throws -> Outcome {
        let digest = candidate.digest
        if case .missing = damaged.cause, candidate.health == .corrupt, !candidate.isManifest {
            return .damaged(isNew: false)
        }
        var isNew = false
        let isSettled = try await content.settle(damaged) { path in
            isNew = try await catalog.markBlob(digest, health: .corrupt)
            if isNew || path != nil { report(digest, damaged.cause.description, path) }
        }
        // A push was faster: what it wrote is whole.
        guard isSettled else { return .whole }
        if candidate.isManifest, try await restoreFile(of: digest) { return .healed }
        if isNew { return .damaged(isNew: true) }
        return try await catalog.blobRecord(digest)?.state == .live ? .damaged(isNew: false) : .gone
    }

    private func report(_ digest: Digest, _ found: String, _ path: String?) {
        scrubber.logger.error(
            "blob is damaged, and counts as absent until it is pushed again",
            metadata: ["digest": "\(digest)", "found": "\(found)", "quarantined": "\(path ?? "nothing")"]
        )
    }

    // MARK: Manifests

    /// Holds the catalog's copies of a manifest against its file, which was found whole just now.
    private func restoreCopies(of digest: Digest) async throws {
        let file = try await content.bytes(of: digest, atMost: OCILimits.manifestBytesLimit)
        guard let bytes = file else { return }
        try await forEachPage(of: digest) { page in
            let damaged = page.filter { $0.payload != bytes }.map(\.id)
            guard !damaged.isEmpty else { return true }
            scrubber.logger.error(
                "the catalog's copy of a manifest was damaged, and is restored",
                metadata: ["digest": "\(digest)", "copies": "\(damaged.count)"]
            )
            try await catalog.replaceCopies(damaged, of: digest, by: bytes)
            return true
        }
    }

    /// Writes a manifest's file from the first copy that has its digest. False where none has it: then the copies are
    /// given up, so that a push of the bytes as a mere blob brings back no wrong ones.
    private func restoreFile(of digest: Digest) async throws -> Bool {
        var isRestored = false
        try await forEachPage(of: digest) { page in
            for copy in page where !isRestored && !copy.payload.isEmpty {
                do {
                    try await content.put(copy.payload, digest: digest) {
                        try await catalog.markBlob(digest, health: .ok)
                    }
                    isRestored = true
                } catch let error as ContentError where error.code == .digestMismatch {
                    continue
                }
            }
            return !isRestored
        }
        if isRestored {
            scrubber.logger.notice("a manifest's file was restored", metadata: ["digest": "\(digest)"])
            return true
        }
        try await forEachPage(of: digest) { page in
            let wrong = page.filter { !$0.payload.isEmpty }.map(\.id)
            if !wrong.isEmpty { try await catalog.replaceCopies(wrong, of: digest, by: []) }
            return true
        }
        return false
    }

    private func forEachPage(of digest: Digest, _ body: ([ManifestCopy]) async throws -> Bool) async throws {
        var last: Int64?
        while true {
            let page = try await catalog.manifestCopies(of: digest, after: last, limit: ScrubLimits.copiesPage)
            guard let next = page.last?.id, try await body(page) else { return }
            last = next
        }
    }
}

/// What was read and not noted yet.
private struct Notes {
    var progress = ScrubProgress()
    /// Blobs in a row that could not be read.
    var unreadable: Int
    private let since: Int64

    init(at now: Int64, unreadable: Int = 0) {
        since = now
        self.unreadable = unreadable
    }

    func isDue(at now: Int64) -> Bool {
        progress.done.blobs >= ScrubLimits.noted || now >= since + ScrubLimits.notedSeconds || now < since
    }
}
