// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI

/// Adds up what nothing would refer to any more.
struct FreedBytes {
    private struct Entry {
        var size: Int64
        var references: Int
    }

    private let catalog: Catalog
    private var blobs: [Digest: Entry] = [:]

    init(_ catalog: Catalog) { self.catalog = catalog }

    /// Takes manifests of a repository that are to go.
    mutating func add(_ manifests: [Digest], in name: RepositoryName) async throws {
        for start in stride(from: 0, to: manifests.count, by: RegistryLimits.retentionReadPage) {
            let page = Array(manifests[start..<min(start + RegistryLimits.retentionReadPage, manifests.count)])
            for (_, held) in try await catalog.blobs(of: page, in: name) {
                for (digest, size) in held { blobs[digest, default: Entry(size: size, references: 0)].references += 1 }
            }
        }
    }

    /// The bytes of blobs that only those manifests refer to, in all repositories. They come back when the trash is
    /// emptied. What was trashed before still refers to its blobs.
    func total() async throws -> Int64 {
        var total: Int64 = 0
        let all = blobs.map { (digest: $0.key, bound: $0.value.references) }
        for start in stride(from: 0, to: all.count, by: RegistryLimits.retentionReadPage) {
            let page = Array(all[start..<min(start + RegistryLimits.retentionReadPage, all.count)])
            let counts = try await catalog.references(to: page)
            for (blob, count) in zip(page, counts) where count <= blob.bound { total += blobs[blob.digest]?.size ?? 0 }
        }
        return total
    }
}
