// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Logging
import OCI

/// The work of one turn: batches of its three steps, each at its pace, until none has anything more.
struct Sweep {
    /// Who the log says it was.
    static let context = Catalog.Context(actor: "server", requestID: "collection")

    private let collector: Collector
    private var links: Pace
    private var unlinks: Pace
    private var hasManifests = true
    private var hasLinks = true
    private var hasBlobs = true
    /// Where the reading of condemned blobs goes on, once some of them could not be deleted.
    private var beyond: CondemnedBlob?
    private(set) var work = CollectionWork()

    init(_ collector: Collector) {
        self.collector = collector
        links = Pace(unitsPerSecond: collector.options.linksPerSecond)
        unlinks = Pace(unitsPerSecond: collector.options.unlinksPerSecond)
    }

    private var now: UInt64 { collector.environment.monotonicNanoseconds() }

    /// - Throws: `CancellationError`, and what the catalog or the store cannot do now.
    mutating func run() async throws {
        while true {
            try Task.checkCancellation()
            let former = work
            defer { collector.did(work - former) }
            if hasManifests || hasLinks, links.isReady(at: now) {
                if hasManifests { try await purge() } else { try await collectLinks() }
            }
            if hasBlobs, unlinks.isReady(at: now) { try await removeBlobs() }
            guard hasManifests || hasLinks || hasBlobs else { return }
            try await waitForPace()
        }
    }

    private func waitForPace() async throws {
        var next = UInt64.max
        if hasManifests || hasLinks { next = min(next, links.next) }
        if hasBlobs { next = min(next, unlinks.next) }
        let now = now
        if next > now { try await collector.environment.sleep(.nanoseconds(Int64(clamping: next - now))) }
    }

    private mutating func purge() async throws {
        let start = now
        let purge = try await collector.catalog.purgeManifests(
            limit: links.batch(atMost: CollectionLimits.manifestsPerBatch),
            context: Self.context
        )
        links.charge(purge.purged + purge.postponed + purge.queuedLinks, startedAt: start)
        work.add(purge)
        hasManifests = purge.hasMore
    }

    private mutating func collectLinks() async throws {
        let start = now
        let limit = links.batch(atMost: CollectionLimits.linksPerBatch)
        let collection = try await collector.catalog.collectLinks(limit: limit)
        links.charge(collection.examined, startedAt: start)
        work.add(collection)
        hasLinks = collection.hasMore
        if collection.condemned > 0 { hasBlobs = true }
    }

    /// Where a file cannot be deleted, the reading goes on behind its batch, so that it does not keep the others.
    private mutating func removeBlobs() async throws {
        let start = now
        let (catalog, content) = (collector.catalog, collector.content)
        let limit = unlinks.batch(atMost: CollectionLimits.blobsPerBatch)
        let page = try await catalog.condemnedBlobs(after: beyond, limit: limit)
        hasBlobs = page.count == limit
        guard !page.isEmpty else { return }
        let removal = try await content.remove(
            page.map(\.digest),
            confirm: { try await catalog.stillCondemned($0) },
            record: { try await catalog.deleteCondemned($0) }
        )
        unlinks.charge(page.count, startedAt: start)
        if let record = removal.record { work.add(record) }
        guard !removal.refused.isEmpty else { return }
        beyond = page.last
        work.failures += removal.refused.count
        for refusal in removal.refused.prefix(CollectionLimits.findingsNamed) {
            collector.environment.logger.warning(
                "a file could not be deleted; it is tried again",
                metadata: ["digest": "\(refusal.digest)", "reason": "\(refusal.error)"]
            )
        }
    }
}
