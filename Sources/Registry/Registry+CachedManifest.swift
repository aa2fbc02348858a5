// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

extension Registry {
    /// The manifest that a tag or digest names, if the cache has it as it is after the last commit. Never waits.
    package func cachedManifest(_ reference: Reference, in repository: RepositoryName) -> ServedManifest? {
        manifests.find(ManifestCache.Key(repository: repository, reference: reference))
    }
}
