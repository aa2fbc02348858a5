// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// Where the bytes come from, and go to, that the entries of other regions speak of.
package struct RegionContent: Sendable {
    /// A manifest of a repository by its digest, which the bytes have; nil where the region has none.
    package var manifest: @Sendable (_ digest: Digest, _ repository: RepositoryName) async throws -> Manifest?
    /// Makes a manifest's file durable, and keeps it from being collected until it is merged.
    package var keep: @Sendable (_ manifest: Manifest, _ digest: Digest, RepositoryName) async throws -> Void
    /// Makes a blob whole in a repository. Returns when it is durable.
    package var blob: @Sendable (_ digest: Digest, _ size: Int64, RepositoryName) async throws -> Void
    /// What is kept back has changed. Called after it is durable, before anything else is merged.
    package var quarantineChanged: @Sendable () async throws -> Void

    package init(
        manifest: @escaping @Sendable (Digest, RepositoryName) async throws -> Manifest?,
        keep: @escaping @Sendable (Manifest, Digest, RepositoryName) async throws -> Void,
        blob: @escaping @Sendable (Digest, Int64, RepositoryName) async throws -> Void,
        quarantineChanged: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.manifest = manifest
        self.keep = keep
        self.blob = blob
        self.quarantineChanged = quarantineChanged
    }
}
