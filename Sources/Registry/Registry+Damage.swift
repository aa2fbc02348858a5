// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Cryptography
import Logging
import OCI

extension Registry {
    /// The bytes of a manifest, held against its digest: the catalog's copy, else those of its file. What of the two is
    /// damaged is replaced by the other.
    ///
    /// Only what has its digest is ever served: a copy that the disk has changed is found out here, before the cache
    /// takes it.
    /// - Throws: `RegistryError.manifestDamaged` where neither has it: then a push of the same manifest heals it.
    func wholeBytes(of record: ManifestRecord) async throws -> [UInt8] {
        let digest = record.digest
        if try Digest.of(record.payload, algorithm: digest.algorithm) == digest {
            if record.isDamaged { await restoreFile(of: digest, to: record.payload) }
            return record.payload
        }
        guard !record.isDamaged else { throw RegistryError.manifestDamaged(digest) }
        logger.error("the catalog's copy of a manifest is damaged", metadata: ["digest": "\(digest)"])
        // A push of it may be finishing at this moment: the note is about the file that is there.
        let bytes = try await content.withDigestLock(digest) {
            let bytes = try await manifestFile(digest)
            if bytes == nil, catalog.isWritable { try await catalog.markBlob(digest, health: .corrupt) }
            return bytes
        }
        guard let bytes else { throw RegistryError.manifestDamaged(digest) }
        try await restoreCopies(of: digest, to: bytes)
        return bytes
    }

    /// Writes the file of a manifest again. Best effort: the copy is served whatever becomes of the file.
    private func restoreFile(of digest: Digest, to bytes: [UInt8]) async {
        guard catalog.isWritable else { return }
        do {
            try await content.put(bytes, digest: digest) { try await catalog.markBlob(digest, health: .ok) }
            logger.notice("a manifest's file was restored from the catalog", metadata: ["digest": "\(digest)"])
        } catch {
            logger.warning(
                "a manifest's file could not be restored",
                metadata: ["digest": "\(digest)", "error": "\(error)"]
            )
        }
    }

    /// The bytes of a manifest's file; nil where they are not there, or not those of the digest.
    private func manifestFile(_ digest: Digest) async throws -> [UInt8]? {
        guard let bytes = try await content.bytes(of: digest, atMost: OCILimits.manifestBytesLimit) else { return nil }
        return try Digest.of(bytes, algorithm: digest.algorithm) == digest ? bytes : nil
    }

    /// Best effort, and not for a catalog that takes no changes: the next reading finds the same.
    private func restoreCopies(of digest: Digest, to bytes: [UInt8]) async throws {
        guard catalog.isWritable else { return }
        var last: Int64?
        while true {
            let page = try await catalog.manifestCopies(of: digest, after: last, limit: RegistryLimits.copiesPage)
            guard let next = page.last?.id else { return }
            let damaged = page.filter { $0.payload != bytes }.map(\.id)
            if !damaged.isEmpty { try await catalog.replaceCopies(damaged, of: digest, by: bytes) }
            last = next
        }
    }
}
