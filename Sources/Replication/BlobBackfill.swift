// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
internal import DequeModule
internal import Logging
internal import Metrics
internal import OCI
internal import Tracing

/// Fetches the blobs whose bytes other regions alone have: those of what was merged last first, which after a join are
/// the newest, then all others; then those that are damaged here.
///
/// Nothing of it has to survive: the catalog says which blobs are not here.
package actor BlobBackfill {
    private struct Wanted: Hashable {
        let digest: Digest
        let size: Int64
        let repository: RepositoryName
    }

    private let catalog: Catalog
    private let content: RegionContent
    private let environment: LogFollower.Environment
    /// Called after a pass over all that is missing.
    private let passed: @Sendable () async -> Void
    private var queue: Deque<Wanted> = []
    private var queued: Set<Digest> = []
    /// Those that could not be had, until all others were tried.
    private var failed: Set<Digest> = []
    private let wakeup = Wakeup()

    package init(
        _ catalog: Catalog,
        content: RegionContent,
        environment: LogFollower.Environment,
        passed: @escaping @Sendable () async -> Void = {}
    ) {
        self.passed = passed
        self.catalog = catalog
        self.content = content
        self.environment = environment
    }

    /// There may be more to fetch.
    package nonisolated func wake() { wakeup.signal() }

    /// Asks for the blobs of a manifest that was merged without them.
    func offer(_ manifest: Manifest, in repository: RepositoryName) {
        for blob in manifest.blobsNeeded where queue.count < ReplicationLimits.backfillQueue {
            guard queued.insert(blob.digest).inserted else { continue }
            queue.append(Wanted(digest: blob.digest, size: blob.size, repository: repository))
        }
        wakeup.signal()
    }

    /// Works until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            let fetched = await pass()
            await passed()
            guard fetched == 0, queue.isEmpty, !Task.isCancelled else { continue }
            failed = []
            let sleep = environment.sleep
            await wakeup.wait { try await sleep(ReplicationLimits.longRest) }
        }
    }

    /// Fetches what is asked for, and then what is missing, once each.
    ///
    /// - Returns: How many blobs came.
    private func pass() async -> Int {
        var fetched = 0
        var pages = BlobLack.allCases[...]
        var after: Digest?
        await withTaskGroup(of: Bool.self) { group in
            var running = 0
            while !Task.isCancelled {
                if queue.isEmpty {
                    guard let lack = pages.first else { break }
                    guard let page = try? await catalog.missingBlobs(lack, after: after, limit: 64), !page.isEmpty
                    else {
                        pages.removeFirst()
                        after = nil
                        continue
                    }
                    after = page.last?.digest
                    for blob in page where !failed.contains(blob.digest) && queued.insert(blob.digest).inserted {
                        queue.append(Wanted(digest: blob.digest, size: blob.size, repository: blob.repository))
                    }
                    continue
                }
                if running >= ReplicationLimits.backfillAtOnce, let came = await group.next() {
                    running -= 1
                    fetched += came ? 1 : 0
                }
                guard let next = queue.popFirst() else { continue }
                running += 1
                group.addTask { await self.fetch(next) }
            }
            for await came in group { fetched += came ? 1 : 0 }
        }
        return fetched
    }

    private func fetch(_ wanted: Wanted) async -> Bool {
        defer { queued.remove(wanted.digest) }
        let span = startSpan("region.backfill", context: .topLevel, ofKind: .consumer)
        defer { span.end() }
        if span.isRecording {
            span.attributes["cairn.repository"] = "\(wanted.repository)"
            span.attributes["cairn.digest"] = "\(wanted.digest)"
            span.attributes["cairn.bytes"] = wanted.size
        }
        do {
            try await ServiceContext.withValue(span.context) {
                try await content.blob(wanted.digest, wanted.size, wanted.repository)
            }
            Counter(label: "cairn_region_backfill_blobs_total").increment()
            return true
        } catch is CancellationError {
            return false
        } catch {
            failed.insert(wanted.digest)
            span.setStatus(SpanStatus(code: .error))
            environment.logger.debug(
                "a blob of another region has not come",
                metadata: ["blob": "\(wanted.repository)@\(wanted.digest)", "why": "\(error)"]
            )
            return false
        }
    }
}
