// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
internal import Logging
internal import Metrics
package import OCI
internal import Tracing

/// Applies the entries of one peer's log that are in the inbox: what needs no bytes at once, the rest as bytes come.
///
/// The order does not matter to what comes of it, only to when: an entry waits for its own bytes and for nothing else,
/// so an image of many gigabytes holds up no other. What the peer had when it was first heard is the back-fill: it is
/// taken newest first, and of its images the manifests alone, so that all of it can be pulled at once, read through the
/// peer; whoever fetches blobs in the background brings the rest. Of everything later the blobs come first, so that
/// what is applied is whole.
package actor RegionWorker {
    private struct Image: Hashable {
        let repository: RepositoryName
        let digest: Digest
    }

    private struct Waiting {
        let entry: InboxEntry
        let change: LoggedChange
    }

    private let catalog: Catalog
    private let content: RegionContent
    private let backfill: BlobBackfill
    /// The repositories of which anything is applied; empty for all.
    private let followed: [Glob]
    private let traces: EntryTraces
    /// Called after more of the log counts.
    private let advanced: @Sendable () async -> Void
    private let environment: LogFollower.Environment
    /// The peer's log, and its name here.
    private let origin: String
    private let region: String

    /// Entries whose bytes are fetched, by what they need. The first one's task is running or queued.
    private var images: [Image: [Waiting]] = [:]
    private var queue: [Image] = []
    private var running: Set<Image> = []
    private var inFlight: Set<Int64> = []
    private let wakeup = Wakeup()

    package init(
        _ catalog: Catalog,
        of origin: String,
        region: String,
        content: RegionContent,
        followed: [Glob] = [],
        backfill: BlobBackfill,
        environment: LogFollower.Environment,
        traces: EntryTraces = EntryTraces(),
        advanced: @escaping @Sendable () async -> Void = {}
    ) {
        self.catalog = catalog
        self.origin = origin
        self.region = region
        self.content = content
        self.backfill = backfill
        self.followed = followed
        self.traces = traces
        self.advanced = advanced
        self.environment = environment
    }

    /// There is more in the inbox.
    package nonisolated func wake() { wakeup.signal() }

    /// Works until the task is cancelled.
    package func run() async {
        var failures = 0
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                do {
                    let isIdle = try await !takeDue(in: &group)
                    failures = 0
                    if isIdle { await rest() }
                } catch is CancellationError {
                    break
                } catch {
                    failures += 1
                    let pause = min(ReplicationLimits.longestPause, 1_000 << Int64(min(failures - 1, 16)))
                    environment.logger.error(
                        "entries of a region cannot be applied",
                        metadata: ["region": "\(region)", "error": "\(error)"]
                    )
                    try? await environment.sleep(.milliseconds(pause))
                }
            }
            group.cancelAll()
        }
    }

    private func rest() async {
        let isSettled = (try? await catalog.inboxBacklog(of: origin).open) == 0
        let sleep = environment.sleep
        await wakeup.wait {
            try await sleep(isSettled ? ReplicationLimits.longRest : ReplicationLimits.shortRest)
        }
    }

    /// Applies what is due and not under way, and begins to fetch what that needs.
    ///
    /// - Returns: Whether there was any, and room for more.
    private func takeDue(in group: inout DiscardingTaskGroup) async throws -> Bool {
        // What is queued goes on whether or not anything else has become due.
        start(in: &group)
        guard inFlight.count < ReplicationLimits.entriesInFlight, let peer = try await catalog.peer(origin),
            peer.state == .following
        else { return false }
        let limit = CatalogLimits.mergedEntries
        let due = try await catalog.dueEntries(
            of: origin,
            limit: limit + inFlight.count,
            newestFirst: peer.applied < peer.joined ?? 0
        ).filter { !inFlight.contains($0.index) }.prefix(limit)
        guard !due.isEmpty else { return false }
        var waiting: [Waiting] = []
        var skipped: [Int64] = []
        for entry in due {
            // Nobody can ever say what it means where it cannot be read: it is kept in the mirror, and not waited for.
            // Where a repository's home is counts in any case: else this region could take itself for it.
            if let change = try? LoggedChange(parsing: entry.leaf),
                change.isOfHome || followed.follow(change.repository)
            {
                waiting.append(Waiting(entry: entry, change: change))
            } else {
                skipped.append(entry.index)
            }
        }
        try await catalog.skip(skipped, of: origin)
        for (entry, outcome) in zip(waiting, try await merge(waiting, with: [:])) {
            guard case .waits(let digests) = outcome, let digest = digests.first,
                let repository = entry.change.repository
            else { continue }
            let image = Image(repository: repository, digest: digest)
            inFlight.insert(entry.entry.index)
            if images[image] == nil { queue.append(image) }
            images[image, default: []].append(entry)
        }
        start(in: &group)
        return true
    }

    /// Merges entries, in as many transactions as that takes.
    private func merge(_ waiting: [Waiting], with manifests: [Digest: Manifest]) async throws -> [MergeOutcome] {
        var outcomes: [MergeOutcome] = []
        while outcomes.count < waiting.count {
            let page = waiting.dropFirst(outcomes.count).prefix(CatalogLimits.mergedEntries)
            let entries = page.map { MergedEntry(index: $0.entry.index, change: $0.change, manifests: manifests) }
            let report = try await merge(entries)
            guard !report.outcomes.isEmpty else { break }
            outcomes += report.outcomes
            await advanced()
            count(report)
            if zip(page, report.outcomes).contains(where: { $0.change.isOfQuarantine && $1 == .applied }) {
                try await content.quarantineChanged()
            }
        }
        return outcomes
    }

    /// One transaction.
    private func merge(_ entries: [MergedEntry]) async throws -> MergeReport {
        let spans = MergeSpans(entries.map(\.index), of: origin, region: region, traces)
        do {
            let report = try await catalog.merge(entries, of: origin)
            spans.end()
            return report
        } catch {
            spans.end(error)
            throw error
        }
    }

    private func count(_ report: MergeReport) {
        let dimensions = [("region", region)]
        let applied = report.outcomes.count { $0 == .applied }
        Counter(label: "cairn_region_entries_applied_total", dimensions: dimensions).increment(by: applied)
        guard report.conflictsOpened > 0 else { return }
        Counter(label: "cairn_region_conflicts_total", dimensions: dimensions).increment(by: report.conflictsOpened)
        environment.logger.warning(
            "regions have set tags to different images",
            metadata: ["region": "\(region)", "conflicts": "\(report.conflictsOpened)"]
        )
    }

    // MARK: - Images

    /// Begins with queued images, so many at once, and so many of one repository.
    private func start(in group: inout DiscardingTaskGroup) {
        var left: [Image] = []
        for image in queue {
            let ofRepository = running.count { $0.repository == image.repository }
            guard running.count < ReplicationLimits.imagesAtOnce,
                ofRepository < ReplicationLimits.imagesOfRepositoryAtOnce
            else {
                left.append(image)
                continue
            }
            running.insert(image)
            group.addTask { await self.bring(image) }
        }
        queue = left
    }

    private func bring(_ image: Image) async {
        let context = images[image, default: []].lazy.compactMap { self.traces.context(of: $0.entry.index) }.first
        let span = startSpan("region.fetch", context: context ?? .topLevel, ofKind: .consumer)
        defer { span.end() }
        if span.isRecording {
            span.attributes["cairn.log.origin"] = origin
            span.attributes["cairn.region"] = region
            span.attributes["cairn.log.index"] = images[image]?.first?.entry.index
            span.attributes["cairn.repository"] = "\(image.repository)"
            span.attributes["cairn.digest"] = "\(image.digest)"
        }
        await ServiceContext.withValue(span.context) { await bring(image, span) }
    }

    private func bring(_ image: Image, _ span: any Span) async {
        let fetch = ImageFetch(catalog: catalog, content: content, repository: image.repository)
        do {
            let isSparse = images[image, default: []].contains(where: \.change.isSparse)
            let manifests = try await fetch.manifests([image.digest], isAlone: isSparse)
            let joined = try await catalog.peer(origin)?.joined ?? 0
            let isWhole = images[image, default: []].contains { $0.entry.index >= joined }
            if isWhole, !isSparse { try await fetch.blobs(of: manifests.values) }
            try await fetch.keep(manifests)
            let waiting = end(image)
            _ = try await merge(waiting, with: manifests)
            if !isWhole, !isSparse {
                for manifest in manifests.values { await backfill.offer(manifest, in: image.repository) }
            }
            release(waiting)
        } catch is CancellationError {
            release(end(image))
        } catch {
            span.setStatus(SpanStatus(code: .error))
            await postpone(image, because: "\(error)")
        }
        wakeup.signal()
    }

    private func postpone(_ image: Image, because reason: String) async {
        let waiting = end(image)
        environment.logger.notice(
            "an image of a region has not come",
            metadata: ["region": "\(region)", "image": "\(image.repository)@\(image.digest)", "why": "\(reason)"]
        )
        Counter(label: "cairn_region_images_failed_total", dimensions: [("region", region)]).increment()
        // Where this fails too, each is due again as its last attempt said.
        try? await catalog.explain(waiting.map(\.entry.index), of: origin, reason: reason)
        release(waiting)
    }

    private func end(_ image: Image) -> [Waiting] {
        running.remove(image)
        return images.removeValue(forKey: image) ?? []
    }

    private func release(_ waiting: [Waiting]) {
        for entry in waiting { inFlight.remove(entry.entry.index) }
    }
}
