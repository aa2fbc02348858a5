// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI

/// The full mark that collection does without: recomputes from the tables what is referenced, queued and used, in short
/// reads while everything goes on, and compares. It reports and never deletes.
struct CollectionAudit {
    let collector: Collector

    private var catalog: Catalog { collector.catalog }

    func run() async throws -> AuditSummary {
        var summary = AuditSummary()
        try await compareManifests(&summary)
        try await compareBlobs(&summary)
        try await compareLinks(&summary)
        return summary
    }

    private func pause() async throws {
        try Task.checkCancellation()
        try await collector.environment.sleep(.milliseconds(CollectionLimits.auditPause))
    }

    private func compareManifests(_ summary: inout AuditSummary) async throws {
        var last: Int64?
        while true {
            let page = try await catalog.auditManifests(after: last)
            summary.manifests += page.rows
            summary.add(page.findings)
            guard let next = page.last else { return }
            last = next
            try await pause()
        }
    }

    private func compareBlobs(_ summary: inout AuditSummary) async throws {
        let before = try await catalog.storedBytes()
        var (bytes, blobs) = (Int64(0), 0)
        var last: Digest?
        while true {
            let page = try await catalog.auditBlobs(after: last)
            bytes += page.bytes
            blobs += page.rows
            summary.add(page.findings)
            guard let next = page.last else { break }
            last = next
            try await pause()
        }
        summary.blobs += blobs
        // The same as for a repository, below.
        let after = try await catalog.storedBytes()
        guard before == after else { return }
        if after != StoredBytes(bytes: bytes, blobs: Int64(blobs)) {
            summary.add(["\(before.blobs) blobs of \(before.bytes) bytes are booked, there are \(blobs) of \(bytes)"])
        }
    }

    /// Links by repository, so that their sum can be compared with what is booked for it.
    private func compareLinks(_ summary: inout AuditSummary) async throws {
        var last: RepositoryName?
        while true {
            let names = try await catalog.auditedRepositories(after: last)
            for name in names { try await compare(name, &summary) }
            guard let next = names.last else { return }
            last = next
        }
    }

    private func compare(_ name: RepositoryName, _ summary: inout AuditSummary) async throws {
        summary.repositories += 1
        let before = try await catalog.account(of: name)
        var bytes: Int64 = 0
        var last: Digest?
        while true {
            let page = try await catalog.auditLinks(of: name, after: last)
            summary.links += page.rows
            summary.add(page.findings)
            bytes += page.bytes
            guard let next = page.last else { break }
            last = next
            try await pause()
        }
        // Several reads see several states: their sum means something only if nothing was booked between them.
        let after = try await catalog.account(of: name)
        guard before == after else {
            summary.skippedRepositories += 1
            return
        }
        if bytes != after.bytes {
            summary.add(["\(name): \(after.bytes) bytes are booked, its links have \(bytes)"])
        }
    }
}
