// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Content
import OCI

/// What uses the disk, by what keeps it there. Read in pages while everything goes on, so it is of no one moment.
package struct StorageReport: Sendable, Hashable {
    /// Blobs that have a row.
    package var categories = StorageCategories()
    /// Bytes that were found damaged and put aside.
    package var quarantined = StorageSum()
    /// Sessions that are not ended.
    package var uploads = StorageSum()
    /// Files in `blobs/` that no row speaks of.
    package var orphans = StorageSum()

    package init() {}

    /// Bytes of all of these, without what is in another region.
    package var bytes: Int64 { figures.reduce(0) { $0 + $1.bytes } }

    /// What it found, by the names that clients are told.
    package var figures: [(name: String, blobs: Int64, bytes: Int64)] {
        [
            ("live", categories.live), ("trashed", categories.trashed), ("leased", categories.leased),
            ("condemned", categories.condemned), ("quarantined", quarantined), ("uploads", uploads),
            ("orphans", orphans),
        ].map { name, sum in (name, sum.blobs, sum.bytes) }
    }

    /// Looks at all rows of blobs and all names of files.
    package static func measure(
        _ content: ContentStore,
        _ catalog: Catalog
    ) async throws -> StorageReport {
        var report = StorageReport()
        var last: Digest?
        repeat {
            let page = try await catalog.storageCategories(after: last)
            report.categories += page.sums
            last = page.next
        } while last != nil
        for algorithm in Digest.Algorithm.allCases {
            try await content.forEachDigest(algorithm) { page in
                for digest in try await catalog.digestsWithoutRow(among: page) {
                    guard let file = try await content.storedFile(digest) else { continue }
                    report.orphans += StorageSum(blobs: 1, bytes: file.size)
                }
            }
        }
        report.quarantined = StorageSum(try await content.usage(of: .quarantine))
        report.uploads = StorageSum(try await content.usage(of: .uploads))
        return report
    }
}

extension StorageSum {
    fileprivate init(_ usage: DirectoryUsage) {
        self.init(blobs: Int64(usage.files), bytes: usage.bytes)
    }
}
