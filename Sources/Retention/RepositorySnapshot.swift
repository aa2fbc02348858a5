// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What is live in one repository, as a run of retention sees it. Times are seconds since 1970.
package struct RepositorySnapshot: Sendable, Hashable {
    package let name: RepositoryName
    package let manifests: [ManifestFacts]
    package let tags: [TagFacts]

    package init(name: RepositoryName, manifests: [ManifestFacts], tags: [TagFacts]) {
        self.name = name
        self.manifests = manifests
        self.tags = tags
    }
}

/// What rules can ask about a manifest.
package struct ManifestFacts: Sendable, Hashable {
    package let digest: Digest
    package let mediaType: MediaType
    package let artifactType: MediaType?
    package let configType: MediaType?
    /// What the manifest says that it describes, here or not.
    package let subject: Digest?
    /// The manifests that an index lists, here or not.
    package let children: [Digest]
    package let pushedAt: Int64
    /// nil for what was never pulled.
    package let lastPull: Int64?
    package let annotations: [String: String]

    package init(
        digest: Digest,
        mediaType: MediaType = .imageManifest,
        artifactType: MediaType? = nil,
        configType: MediaType? = nil,
        subject: Digest? = nil,
        children: [Digest] = [],
        pushedAt: Int64,
        lastPull: Int64? = nil,
        annotations: [String: String] = [:]
    ) {
        self.digest = digest
        self.mediaType = mediaType
        self.artifactType = artifactType
        self.configType = configType
        self.subject = subject
        self.children = children
        self.pushedAt = pushedAt
        self.lastPull = lastPull
        self.annotations = annotations
    }
}

/// A tag, and when it was set to what it names.
package struct TagFacts: Sendable, Hashable {
    package let tag: Tag
    package let digest: Digest
    package let setAt: Int64

    package init(tag: Tag, digest: Digest, setAt: Int64) {
        self.tag = tag
        self.digest = digest
        self.setAt = setAt
    }
}

/// What keeps something whatever the rules say.
package struct Protection: Sendable, Hashable {
    package enum Target: Sendable, Hashable {
        case tag(Tag)
        /// A manifest, with every tag that names it.
        case digest(Digest)
        /// All that is in the repository.
        case everything
    }

    package let target: Target
    /// Why, for people: `runs in prod on web-3`.
    package let reason: String

    package init(target: Target, reason: String) {
        self.target = target
        self.reason = reason
    }
}
