// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import NIOCore
package import OCI
import Synchronization

/// A manifest as it is served: exact bytes and what their headers say.
package final class ServedManifest: Sendable {
    package let digest: Digest
    package let mediaType: MediaType
    package let bytes: ByteBuffer
    /// `digest` and its quoted form, made once.
    package let digestText: String
    package let entityTag: String
    /// When a pull of it was last noted, in seconds since 1970. Times of pulls alone rest on it.
    let notedPull = Atomic<Int64>(0)

    package init(digest: Digest, mediaType: MediaType, bytes: ByteBuffer) {
        self.digest = digest
        self.mediaType = mediaType
        self.bytes = bytes
        digestText = digest.description
        entityTag = "\"\(digestText)\""
    }
}

/// Manifests by repository and reference, so that a hot read runs no SQL.
///
/// An entry is valid only while its repository's epoch is the one read **before** the entry was; the catalog raises the
/// epoch after each commit that touches the repository and before anyone hears of that commit. So an answer from here
/// is never older than the last acknowledged change.
final class ManifestCache: Sendable {
    struct Key: Hashable {
        let repository: RepositoryName
        let reference: Reference
    }

    private struct Entry {
        let manifest: ServedManifest
        let mark: EpochMark
    }

    private struct Shard {
        var entries: [Key: Entry] = [:]
        var bytes = 0
    }

    /// Shards share the budget evenly; a shard over its part drops entries in the dictionary's (random) order.
    private let shards: [Mutex<Shard>.Box]
    private let shardBytes: Int

    init(bytes: Int = RegistryLimits.manifestCacheBytes) {
        shards = (0..<RegistryLimits.manifestCacheShards).map { _ in Mutex<Shard>.Box(Shard()) }
        shardBytes = bytes / RegistryLimits.manifestCacheShards
    }

    /// The entry, while nothing in its repository has changed since it was read.
    func find(_ key: Key) -> ServedManifest? {
        shard(of: key).withLock { shard in
            guard let entry = shard.entries[key], entry.mark.isCurrent else { return nil }
            return entry.manifest
        }
    }

    /// Keeps a manifest that was read after `mark` was taken.
    func fill(_ key: Key, _ manifest: ServedManifest, mark: EpochMark) {
        let size = manifest.bytes.readableBytes + RegistryLimits.manifestCacheOverhead
        guard size <= shardBytes / 4 else { return }
        shard(of: key).withLock { shard in
            if let old = shard.entries.updateValue(Entry(manifest: manifest, mark: mark), forKey: key) {
                shard.bytes -= old.manifest.bytes.readableBytes + RegistryLimits.manifestCacheOverhead
            }
            shard.bytes += size
            while shard.bytes > shardBytes, let victim = shard.entries.first(where: { $0.key != key }) {
                shard.entries[victim.key] = nil
                shard.bytes -= victim.value.manifest.bytes.readableBytes + RegistryLimits.manifestCacheOverhead
            }
        }
    }

    private func shard(of key: Key) -> Mutex<Shard>.Box {
        shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))]
    }
}

extension Mutex where Value: Sendable {
    /// A mutex that can stand in an array.
    fileprivate final class Box: Sendable {
        private let mutex: Mutex<Value>

        init(_ value: Value) {
            mutex = Mutex(value)
        }

        func withLock<Result: Sendable>(_ body: (inout sending Value) -> sending Result) -> sending Result {
            mutex.withLock(body)
        }
    }
}
