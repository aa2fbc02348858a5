// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import NIOCore
package import OCI

/// What a repository takes up. Sizes are bytes.
package struct RepositoryUsage: Sendable {
    package let name: RepositoryName
    package internal(set) var tags: Int64 = 0
    package internal(set) var manifests: Int64 = 0
    package internal(set) var blobs: Int64 = 0
    /// Of all that it shows; what quotas count.
    package internal(set) var bytes: Int64 = 0
    /// Of what no other repository has: it comes back when the repository goes.
    package internal(set) var unique: Int64 = 0
    /// Of what only deleted manifests hold, until the undo window ends.
    package internal(set) var trash: Int64 = 0
    /// Of what no manifest holds: just pushed, or waiting for collection.
    package internal(set) var unreferenced: Int64 = 0
    package internal(set) var uploads: Int64 = 0
    package internal(set) var uploadBytes: Int64 = 0
}

/// What an image takes up, and with whom it shares that.
package struct ImageUsage: Sendable {
    package struct Blob: Sendable {
        package let digest: Digest
        package let size: Int64
        /// `config`, `layer`, `manifest` or another role, by what names it.
        package let role: String
        package let mediaType: String
        /// `os/architecture` of the image of an index that it belongs to.
        package let platform: String?
        /// Other images that have it, counted to a bound.
        package let sharedBy: Int
        /// Some of them, of repositories that the caller may read.
        package let examples: [String]
        /// Whether the tag's former image did not have it; nil without one.
        package let isNew: Bool?
    }

    package let digest: Digest
    package let blobs: [Blob]
    package let bytes: Int64
    /// Of what no other image has.
    package let unique: Int64
    /// What the tag named before, and how many bytes that took up.
    package let former: (digest: Digest, bytes: Int64)?
}

extension Registry {
    /// Repositories after one, by name, of those that the caller may know; with it the name to go on after. A page ends
    /// after `limit` of them, or once so many blobs were looked at that it should.
    package func usage(
        after: RepositoryName?,
        limit: Int,
        isVisible: (RepositoryName) -> Bool
    ) async throws -> (repositories: [RepositoryUsage], next: RepositoryName?) {
        try await translating {
            var found: [RepositoryUsage] = []
            var seen: Int64 = 0
            var last = after
            while true {
                let names = try await catalog.allRepositories(after: last, limit: RegistryLimits.usageNames)
                for name in names {
                    last = name
                    guard isVisible(name) else { continue }
                    let usage = try await usage(of: name)
                    seen += usage.blobs
                    found.append(usage)
                    if found.count >= limit || seen >= RegistryLimits.usageBlobs { return (found, name) }
                }
                if names.count < RegistryLimits.usageNames { return (found, nil) }
            }
        }
    }

    /// What one repository takes up; all its links are read.
    package func usage(of name: RepositoryName) async throws -> RepositoryUsage {
        try await translating {
            guard let counts = try await catalog.counts(of: name) else { throw RegistryError.nameUnknown(name) }
            var usage = RepositoryUsage(name: name)
            (usage.tags, usage.manifests) = counts
            (usage.uploads, usage.uploadBytes) = try await catalog.uploadUsage(in: name)
            var last: Digest?
            while true {
                let page = try await catalog.linkUsage(in: name, after: last, limit: RegistryLimits.usagePage)
                for link in page { usage.add(link) }
                guard page.count == RegistryLimits.usagePage, let next = page.last?.digest else { return usage }
                last = next
            }
        }
    }

    /// What an image takes up: its manifest, configuration and layers, and for an index those of all its images.
    package func usage(
        of reference: Reference,
        in name: RepositoryName,
        isVisible: @Sendable (RepositoryName) -> Bool
    ) async throws -> ImageUsage {
        try await translating {
            let (digest, roles) = try await parts(of: reference, in: name)
            var former: (digest: Digest, blobs: [Digest: Int64])?
            if case .tag(let tag) = reference,
                let before = try await catalog.tagHistory(tag, in: name, limit: RegistryLimits.usageNames)
                    .first(where: { $0.digest != digest })?.digest,
                let (_, roles) = try? await parts(of: .digest(before), in: name)
            {
                former = (before, try await sizes(of: Array(roles.manifests), in: name))
            }
            var blobs: [ImageUsage.Blob] = []
            var known: Set<Digest> = []
            for manifest in roles.manifests {
                let used = try await catalog.blobUsage(
                    of: manifest,
                    in: name,
                    bound: RegistryLimits.usageSharing,
                    examples: RegistryLimits.usageExamples
                )
                for blob in used where known.insert(blob.digest).inserted {
                    blobs.append(
                        ImageUsage.Blob(blob, roles, isVisible, isNew: former.map { $0.blobs[blob.digest] == nil })
                    )
                }
            }
            return ImageUsage(
                digest: digest,
                blobs: blobs,
                bytes: blobs.reduce(0) { $0 + $1.size },
                unique: blobs.filter { $0.sharedBy == 0 }.reduce(0) { $0 + $1.size },
                former: former.map { ($0.digest, $0.blobs.values.reduce(0, +)) }
            )
        }
    }

    private func sizes(of manifests: [Digest], in name: RepositoryName) async throws -> [Digest: Int64] {
        var sizes: [Digest: Int64] = [:]
        for (_, blobs) in try await catalog.blobs(of: manifests, in: name) {
            for blob in blobs { sizes[blob.digest] = blob.size }
        }
        return sizes
    }

    /// The manifests of an image, itself first, and what each blob is there for.
    private func parts(of reference: Reference, in name: RepositoryName) async throws -> (Digest, ImageParts) {
        let root = try await manifest(reference, in: name)
        var parts = ImageParts()
        var waiting: [(digest: Digest, bytes: [UInt8], type: MediaType, platform: String?)] = [
            (root.digest, Array(root.bytes.readableBytesView), root.mediaType, nil)
        ]
        while let next = waiting.popLast() {
            guard parts.manifests.count < RegistryLimits.usageManifests else { break }
            guard !parts.manifests.contains(next.digest) else { continue }
            let manifest = try Manifest(parsing: next.bytes, contentType: next.type)
            parts.add(next.digest, manifest, next.platform)
            for child in manifest.manifests {
                guard let found = try? await self.manifest(.digest(child.digest), in: name) else { continue }
                let platform = child.platform.map { "\($0.os)/\($0.architecture)" } ?? next.platform
                waiting.append((found.digest, Array(found.bytes.readableBytesView), found.mediaType, platform))
            }
        }
        return (root.digest, parts)
    }
}

/// What the blobs of an image are there for.
private struct ImageParts {
    var manifests: [Digest] = []
    var roles: [Digest: (role: String, mediaType: String, platform: String?)] = [:]

    mutating func add(_ digest: Digest, _ manifest: Manifest, _ platform: String?) {
        manifests.append(digest)
        roles[digest] = ("manifest", manifest.mediaType.description, platform)
        if let config = manifest.config { roles[config.digest] = ("config", config.mediaType.description, platform) }
        for layer in manifest.layers { roles[layer.digest] = ("layer", layer.mediaType.description, platform) }
        for entry in manifest.manifests where roles[entry.digest] == nil {
            roles[entry.digest] = ("blob", entry.mediaType.description, platform)
        }
    }
}

extension ImageUsage.Blob {
    fileprivate init(
        _ blob: BlobUsage,
        _ parts: ImageParts,
        _ isVisible: (RepositoryName) -> Bool,
        isNew: Bool?
    ) {
        let known = parts.roles[blob.digest]
        let examples = blob.examples.filter { isVisible($0.repository) }.map { use in
            use.tag.map { "\(use.repository):\($0)" } ?? "\(use.repository)@\(use.digest)"
        }
        self.init(
            digest: blob.digest,
            size: blob.size,
            role: known?.role ?? "blob",
            mediaType: known?.mediaType ?? "",
            platform: known?.platform,
            sharedBy: blob.others,
            examples: examples,
            isNew: isNew
        )
    }
}

extension RepositoryUsage {
    fileprivate mutating func add(_ link: LinkUsage) {
        blobs += 1
        if !link.isHidden { bytes += link.size }
        if !link.isShared { unique += link.size }
        if !link.isReferenced { unreferenced += link.size } else if !link.isLive { trash += link.size }
    }
}
