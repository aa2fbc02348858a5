// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI

/// Adds up what nothing would refer to any more, and by which rules.
struct FreedBytes {
    private struct Entry {
        let size: Int64
        var references = 0
        /// The rule that takes all of those references; nil where it is several.
        var rule: Int32?
    }

    private let catalog: Catalog
    private var blobs: [Digest: Entry] = [:]
    private var shares: [RetentionShare] = []
    private var places: [String: Int] = [:]

    init(_ catalog: Catalog) { self.catalog = catalog }

    /// Takes what is to go from a repository: tags and manifests.
    mutating func add(_ items: some Collection<RetentionItem>, in name: RepositoryName) async throws {
        var manifests: [Digest] = []
        var rules: [Digest: Int32] = [:]
        for item in items {
            let place = place(of: item.rule ?? "")
            guard item.tag == nil else {
                shares[place].tags += 1
                continue
            }
            shares[place].manifests += 1
            manifests.append(item.digest)
            rules[item.digest] = Int32(place)
        }
        for start in stride(from: 0, to: manifests.count, by: RegistryLimits.retentionReadPage) {
            let page = Array(manifests[start..<min(start + RegistryLimits.retentionReadPage, manifests.count)])
            for (manifest, held) in try await catalog.blobs(of: page, in: name) {
                let rule = rules[manifest]
                for (digest, size) in held { refer(to: digest, size, rule) }
            }
        }
    }

    private mutating func place(of rule: String) -> Int {
        if let place = places[rule] { return place }
        places[rule] = shares.count
        shares.append(RetentionShare(rule: rule))
        return shares.count - 1
    }

    private mutating func refer(to digest: Digest, _ size: Int64, _ rule: Int32?) {
        var entry = blobs[digest] ?? Entry(size: size, rule: rule)
        entry.references += 1
        if entry.rule != rule { entry.rule = nil }
        blobs[digest] = entry
    }

    /// What each rule frees, and what only several do together: blobs that nothing but those manifests refers to, in
    /// all repositories. They come back when the trash is emptied. What was trashed before still refers to its blobs.
    func byRule() async throws -> [RetentionShare] {
        var shares = shares
        var together = RetentionShare(rule: nil)
        let all = blobs.map { (digest: $0.key, bound: $0.value.references) }
        for start in stride(from: 0, to: all.count, by: RegistryLimits.retentionReadPage) {
            let page = Array(all[start..<min(start + RegistryLimits.retentionReadPage, all.count)])
            let counts = try await catalog.references(to: page)
            for (blob, count) in zip(page, counts) where count <= blob.bound {
                guard let entry = blobs[blob.digest] else { continue }
                if let rule = entry.rule {
                    shares[Int(rule)].bytes += entry.size
                } else {
                    together.bytes += entry.size
                }
            }
        }
        return together.bytes > 0 ? shares + [together] : shares
    }
}
