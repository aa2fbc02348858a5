// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Catalog
internal import Content
internal import Cryptography
internal import OCI

/// Looks at what the disk has of what entries speak of.
///
/// Manifests and configs are read and hashed; of layers the size is compared, as a scrub hashes them in time. A blob
/// whose row says that it was damaged is hashed whatever it is.
struct ReplayExaminer {
    let catalog: Catalog
    let content: ContentStore
    let files: DurableFiles
    let threads: FileThreads

    /// Blobs that were found whole, with their sizes: images share them.
    private var whole: [Digest: Int64] = [:]

    init(catalog: Catalog, content: ContentStore, files: DurableFiles, threads: FileThreads) {
        self.catalog = catalog
        self.content = content
        self.files = files
        self.threads = threads
    }

    /// An entry with what is here of what it speaks of.
    mutating func entry(_ leaf: [UInt8], event: EventID?) async throws -> ReplayedEntry {
        let change: LoggedChange
        do {
            change = try LoggedChange(parsing: leaf)
        } catch {
            throw JournalError(.damaged, error.reason)
        }
        guard event == nil, let put = change.putManifest,
            let manifest = try await manifest(put.digest, put.mediaType)
        else { return ReplayedEntry(leaf: leaf, change: change, event: event) }
        return ReplayedEntry(
            leaf: leaf,
            change: change,
            event: nil,
            manifest: manifest,
            blobs: change.isSparse ? [] : try await blobs(of: manifest)
        )
    }

    private func manifest(_ digest: Digest, _ mediaType: MediaType) async throws -> Manifest? {
        let (files, path) = (files, content.layout.blob(digest))
        let bytes = try await threads.run { () throws(ContentError) -> [UInt8]? in
            do throws(ContentError) {
                return try files.readIfPresent(path, limit: OCILimits.manifestBytesLimit + 1)
            } catch {
                // What cannot be read is missing; anything else is no reason to leave a manifest out.
                guard error.isUnreadable else { throw error }
                return nil
            }
        }
        guard let bytes, let actual = try? Digest.of(bytes, algorithm: digest.algorithm), actual == digest else {
            return nil
        }
        return try? Manifest(parsing: bytes, contentType: mediaType)
    }

    private mutating func blobs(of manifest: Manifest) async throws -> [ReplayedBlob] {
        var blobs: [ReplayedBlob] = []
        var seen: Set<Digest> = []
        let loose = manifest.manifests.filter { !$0.mediaType.isManifest }
        for descriptor in (manifest.config.map { [$0] } ?? []) + manifest.layers + loose
        where seen.insert(descriptor.digest).inserted {
            let isWhole = try await isWhole(descriptor, hashing: descriptor == manifest.config)
            if !isWhole, descriptor.isNonDistributable, !descriptor.urls.isEmpty { continue }
            blobs.append(ReplayedBlob(digest: descriptor.digest, size: descriptor.size, isWhole: isWhole))
        }
        return blobs
    }

    private mutating func isWhole(_ descriptor: Descriptor, hashing: Bool) async throws -> Bool {
        let digest = descriptor.digest
        if let size = whole[digest] { return size == descriptor.size }
        guard try await content.stat(digest) == descriptor.size else { return false }
        let isSuspect = try await catalog.blobRecord(digest)?.health == .corrupt
        if hashing || isSuspect {
            guard case .intact = try await content.verify(digest) else { return false }
        }
        if whole.count >= JournalLimits.wholeBlobs { whole = [:] }
        whole[digest] = descriptor.size
        return true
    }

    /// Lets every blob count as absent whose row says that it is here and whose file is not: it was collected after the
    /// older catalog was written, or is lost.
    func markMissingBlobs() async throws {
        var last: Digest?
        while true {
            let page = try await catalog.blobRecords(after: last, limit: JournalLimits.entriesPerSeal)
            for record in page where record.state == .live && record.health == .ok {
                guard try await content.stat(record.digest) != record.size else { continue }
                try await catalog.markBlob(record.digest, health: .corrupt)
            }
            guard let next = page.last?.digest else { return }
            last = next
        }
    }
}
