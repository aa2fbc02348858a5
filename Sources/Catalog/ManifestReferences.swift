// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import GRDB
package import OCI

/// What a manifest refers to that the repository does not have, all of it, in the manifest's order.
package struct UnresolvedReferences: Sendable, Hashable {
    package struct SizeMismatch: Sendable, Hashable {
        package let digest: Digest
        package let declared: Int64
        package let actual: Int64
    }

    package fileprivate(set) var missingBlobs: [Digest] = []
    package fileprivate(set) var missingManifests: [Digest] = []
    package fileprivate(set) var sizeMismatches: [SizeMismatch] = []

    package var isEmpty: Bool { missingBlobs.isEmpty && missingManifests.isEmpty && sizeMismatches.isEmpty }
}

/// The targets of a manifest's edges, without repetitions.
struct ResolvedReferences {
    var blobs: [Digest] = []
    var children: [Digest] = []
    /// 0 for an image, one more than the deepest child for an index.
    var depth = 0
    var unresolved = UnresolvedReferences()
    /// What a mirrored repository has not, and gets once somebody asks for it.
    var awaitedBlobs: [Digest] = []
    var awaitedChildren: [Digest] = []
}

extension SQL {
    static let liveChild = """
        SELECT b.size, m.depth FROM manifest m JOIN blob b ON b.digest = m.digest
        WHERE m.repo_id = ? AND m.digest = ? AND m.live = 1 AND b.health = 'ok'
        """
}

extension Transaction {
    /// Looks every reference of a manifest up in its repository, in the order of digests: where rows are locked, all
    /// verbs lock them in that order.
    ///
    /// Config and layers need a visible link to a whole blob of the declared size; children need to be live and whole
    /// here. A layer that may not be distributed and names other places may be absent, and then has no edge. An entry
    /// of an index that is no manifest by its media type, as in a build cache of BuildKit, is looked for among the
    /// blobs.
    func resolve(_ manifest: Manifest, in repository: Repository?) throws -> ResolvedReferences {
        var references = ResolvedReferences()
        let children = try lookUp(manifest.manifests, in: repository, SQL.liveChild).mapValues { row in
            try (size: row.int(0), depth: Int(row.int(1)))
        }
        let (entries, loose) = manifest.manifests.partitioned {
            $0.mediaType.isManifest || children[$0.digest] != nil
        }
        let blobs = (manifest.config.map { [$0] } ?? []) + manifest.layers + loose
        let sizes = try lookUp(blobs, in: repository, SQL.linkedSize).mapValues { try $0.int(0) }
        for descriptor in blobs {
            if let size = sizes[descriptor.digest] {
                references.blobs.append(descriptor.digest)
                references.unresolved.compare(descriptor, size)
            } else if !descriptor.mayBeAbsent {
                references.unresolved.missingBlobs.append(descriptor.digest)
            }
        }
        if manifest.kind == .index { references.depth = 1 }
        for descriptor in entries {
            if let child = children[descriptor.digest] {
                references.children.append(descriptor.digest)
                references.depth = max(references.depth, child.depth + 1)
                references.unresolved.compare(descriptor, child.size)
            } else {
                references.unresolved.missingManifests.append(descriptor.digest)
            }
        }
        references.removeRepetitions()
        return references
    }

    private func lookUp(
        _ descriptors: [Descriptor],
        in repository: Repository?,
        _ statement: String
    ) throws -> [Digest: Row] {
        guard let repository else { return [:] }
        var found: [Digest: Row] = [:]
        for digest in Set(descriptors.map(\.digest)).sorted() {
            found[digest] = try database.row(statement, repository.id, digest.key)
        }
        return found
    }
}

extension ResolvedReferences {
    mutating func removeRepetitions() {
        blobs = blobs.uniqued()
        children = children.uniqued()
        awaitedBlobs = awaitedBlobs.uniqued()
        awaitedChildren = awaitedChildren.uniqued()
        unresolved.missingBlobs = unresolved.missingBlobs.uniqued()
        unresolved.missingManifests = unresolved.missingManifests.uniqued()
        unresolved.sizeMismatches = unresolved.sizeMismatches.uniqued()
    }
}

extension [Descriptor] {
    func partitioned(by belongs: (Descriptor) -> Bool) -> (yes: [Descriptor], no: [Descriptor]) {
        (filter(belongs), filter { !belongs($0) })
    }
}

extension UnresolvedReferences {
    mutating func compare(_ descriptor: Descriptor, _ size: Int64) {
        guard descriptor.size != size else { return }
        sizeMismatches.append(
            SizeMismatch(digest: descriptor.digest, declared: descriptor.size, actual: size)
        )
    }
}

extension Descriptor {
    /// Whether an image may be pushed without this layer's bytes.
    package var mayBeAbsent: Bool { isNonDistributable && !urls.isEmpty }
}

extension Manifest {
    /// The blobs that have to be here for it to be whole, whatever it is.
    package var blobsNeeded: [Descriptor] {
        let loose = manifests.filter { !$0.mediaType.isManifest }
        return ((config.map { [$0] } ?? []) + layers + loose).filter { !$0.mayBeAbsent }
    }
}
