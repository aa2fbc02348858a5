// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import OCI
import Retention

/// A repository as it was read for retention: what the rules see, and what a plan has to remember of it.
struct RetentionInventory: Sendable {
    let snapshot: RepositorySnapshot
    let manifests: [Digest: RetainedManifest]
    let tags: [Tag: RetainedTag]

    /// Reads a repository, in pages. What changes meanwhile may be seen as it was or as it is: a plan is checked again,
    /// row by row, when it is applied.
    init(of name: RepositoryName, in catalog: Catalog) async throws {
        var tags: [RetainedTag] = []
        while true {
            let page = try await catalog.retainedTags(
                in: name,
                after: tags.last?.tag,
                limit: RegistryLimits.retentionPage
            )
            tags += page
            if page.count < RegistryLimits.retentionPage { break }
        }
        var manifests: [RetainedManifest] = []
        while true {
            let page = try await catalog.retainedManifests(
                in: name,
                after: manifests.last?.digest,
                limit: RegistryLimits.retentionPage
            )
            manifests += page
            if page.count < RegistryLimits.retentionPage { break }
        }
        self.manifests = Dictionary(uniqueKeysWithValues: manifests.map { ($0.digest, $0) })
        // A tag that was set between the two reads may name a manifest that the second one does not have.
        let known = tags.filter { [manifests = self.manifests] in manifests[$0.digest] != nil }
        self.tags = Dictionary(uniqueKeysWithValues: known.map { ($0.tag, $0) })
        snapshot = RepositorySnapshot(
            name: name,
            manifests: manifests.map(ManifestFacts.init),
            tags: known.map { TagFacts(tag: $0.tag, digest: $0.digest, setAt: $0.setAt) }
        )
    }
}

extension ManifestFacts {
    fileprivate init(_ manifest: RetainedManifest) {
        let annotations = manifest.annotations.flatMap { try? JSONValue(parsing: Array($0.utf8)) }?.members ?? []
        self.init(
            digest: manifest.digest,
            mediaType: manifest.mediaType,
            artifactType: manifest.artifactType,
            configType: manifest.configType,
            subject: manifest.subject,
            children: manifest.children,
            pushedAt: manifest.pushedAt,
            lastPull: manifest.lastPull,
            annotations: Dictionary(
                annotations.compactMap { member in member.value.text.map { (member.key, $0) } },
                uniquingKeysWith: { $1 }
            )
        )
    }
}
