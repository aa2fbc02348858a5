// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Content
import Cryptography
import OCI

/// What `cairn fsck` found. A problem means that something acknowledged is at risk; a notice does not.
package struct ConsistencyReport: Sendable {
    package var problems: [String] = []
    package var notices: [String] = []
    package var repairs: [String] = []
    package var blobsChecked = 0
    package var bytesChecked: Int64 = 0
    package var manifestsChecked = 0
}

/// Compares the catalog with the blobs, both ways, and both with themselves. To be run while no server has the store.
///
/// Nothing is changed unless `repair` is asked for; a repair only ever moves damaged bytes to `quarantine/` and marks
/// their rows, so that the blob counts as absent until it is pushed again.
package struct ConsistencyCheck: Sendable {
    private static let pageRows = 1000
    private static let listed = 100

    let content: ContentStore
    let catalog: Catalog
    /// Whether every blob's bytes are hashed, and not only its presence and size compared.
    let deep: Bool
    let repair: Bool

    package init(content: ContentStore, catalog: Catalog, deep: Bool, repair: Bool) {
        self.content = content
        self.catalog = catalog
        self.deep = deep
        self.repair = repair
    }

    package func run() async throws -> ConsistencyReport {
        var report = ConsistencyReport()
        report.problems += try await catalog.integrityProblems(quick: !deep, limit: Self.listed).map {
            "catalog: \($0)"
        }
        report.problems += try await catalog.foreignKeyViolations(limit: Self.listed).map { "catalog: \($0)" }
        report.problems += try await catalog.ruleViolations(limit: Self.listed).map { "catalog: \($0)" }
        try await checkRows(&report)
        try await checkManifests(&report)
        try await checkEvents(&report)
        try await checkFiles(&report)
        return report
    }

    private func checkRows(_ report: inout ConsistencyReport) async throws {
        var last: Digest?
        while true {
            let page = try await catalog.blobRecords(after: last, limit: Self.pageRows)
            for record in page { try await check(record, &report) }
            guard page.count == Self.pageRows, let next = page.last?.digest else { return }
            last = next
        }
    }

    private func check(_ record: BlobRecord, _ report: inout ConsistencyReport) async throws {
        guard record.state == .live else { return }
        report.blobsChecked += 1
        guard let size = try await content.stat(record.digest) else {
            let known = record.health != .ok
            let text = "blob \(record.digest): its file is missing"
            if known {
                report.notices.append(text + " (known; a push restores it)")
            } else {
                report.problems.append(text)
            }
            try await mark(record, &report)
            return
        }
        guard size == record.size else {
            report.problems.append("blob \(record.digest): \(size) bytes on disk, \(record.size) in the catalog")
            try await mark(record, &report)
            return
        }
        guard deep else { return }
        report.bytesChecked += size
        switch try await content.verify(record.digest) {
        case .intact: return
        case .missing: report.problems.append("blob \(record.digest): its file is missing")
        case .unreadable(let error): report.problems.append("blob \(record.digest): unreadable: \(error)")
        case .corrupt(let corrupt):
            report.problems.append("blob \(record.digest): its bytes have digest \(corrupt.actual)")
            guard repair else { return }
            let outcome = try await content.quarantine(corrupt) {
                try await catalog.markBlob(record.digest, health: .corrupt)
            }
            if case .moved(let path, _) = outcome {
                report.repairs.append(
                    "blob \(record.digest): bytes moved to \(path), counts as absent until pushed again"
                )
            }
        }
    }

    private func mark(_ record: BlobRecord, _ report: inout ConsistencyReport) async throws {
        guard repair, record.health == .ok else { return }
        try await catalog.markBlob(record.digest, health: .corrupt)
        report.repairs.append("blob \(record.digest): counts as absent until pushed again")
    }

    /// Each manifest's cached bytes must hash to its digest, and its edges must be those that its bytes name.
    private func checkManifests(_ report: inout ConsistencyReport) async throws {
        var last: Int64?
        while true {
            let page = try await catalog.manifestAudits(after: last, limit: Self.pageRows)
            for audit in page {
                // A copy that was given up: the bytes are known to be damaged, and that was told above.
                if audit.payload.isEmpty, try await catalog.blobRecord(audit.digest)?.health == .corrupt { continue }
                check(audit, &report)
            }
            // A page may end early by its bytes: only an empty one is the end.
            guard let next = page.last?.id else { return }
            last = next
        }
    }

    private func check(_ audit: ManifestAudit, _ report: inout ConsistencyReport) {
        report.manifestsChecked += 1
        let name = "manifest \(audit.repository)@\(audit.digest)"
        guard let actual = try? Digest.of(audit.payload, algorithm: audit.digest.algorithm), actual == audit.digest
        else {
            report.problems.append("\(name): the catalog's copy does not have its digest")
            return
        }
        guard let manifest = try? Manifest(parsing: audit.payload, contentType: audit.mediaType) else {
            report.problems.append("\(name): not a manifest of type \(audit.mediaType)")
            return
        }
        var blobs: Set<Digest> = [audit.digest]
        if let config = manifest.config { blobs.insert(config.digest) }
        for layer in manifest.layers where !layer.isNonDistributable { blobs.insert(layer.digest) }
        let missing = blobs.subtracting(audit.blobEdges).subtracting(audit.awaited)
        if !missing.isEmpty {
            report.problems.append("\(name): \(missing.count) of its blobs are not protected by an edge")
        }
        let entries = Set(manifest.manifests.map(\.digest))
        if !entries.subtracting(audit.manifestEdges).subtracting(audit.blobEdges).subtracting(audit.awaited).isEmpty
            || !Set(audit.manifestEdges).isSubset(of: entries)
        {
            report.problems.append("\(name): its children's edges differ from its bytes")
        }
    }

    /// Tags and manifests have to be what the newest event about each says.
    private func checkEvents(_ report: inout ConsistencyReport) async throws {
        var mark: SubjectMark? = .start
        while let place = mark {
            let page = try await catalog.unmetEntries(after: place, limit: Self.pageRows)
            report.problems += page.unmet.map(\.description)
            mark = page.next
        }
    }

    private func checkFiles(_ report: inout ConsistencyReport) async throws {
        var orphans = 0
        for algorithm in Digest.Algorithm.allCases {
            try await content.forEachBlob(algorithm) { page in
                for entry in page {
                    switch entry {
                    case .stranger(let name):
                        report.notices.append("blobs/\(algorithm.name)/\(name): not a blob's name; left alone")
                    case .blob(let digest, _):
                        if try await catalog.blobRecord(digest) == nil { orphans += 1 }
                    }
                }
            }
        }
        if orphans > 0 {
            report.notices.append(
                "\(orphans) files in blobs/ have no row: pushes that were never acknowledged; harmless"
            )
        }
        let sessions = try await content.uploadFiles().count
        if sessions > 0 { report.notices.append("\(sessions) upload sessions are open") }
    }
}
