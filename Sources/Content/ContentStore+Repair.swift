// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc
package import OCI

/// What became of a blob that was read and hashed again.
package enum Verification: Sendable {
    case intact(size: Int64)
    case missing
    case corrupt(CorruptBlob)
    /// The disk would not give the bytes. Nothing is known about them.
    case unreadable(ContentError)
}

/// A blob whose bytes are not those of its name, and which file that was.
package struct CorruptBlob: Hashable, Sendable {
    package let digest: Digest
    package let size: Int64
    /// The digest of what is there.
    package let actual: Digest
    let identity: FileIdentity
}

package enum QuarantineOutcome<T: Sendable>: Sendable {
    /// The bytes are at this path now; `T` is what `record` returned.
    case moved(to: String, T)
    /// The file is no longer the one that was found corrupt: a push has healed it, or it is gone.
    case replaced
}

/// Checking and mending.
extension ContentStore {
    /// Reads a blob again and compares. At most `ContentLimits.rehashesAtOnce` at a time. It throws only when the store
    /// is shut down; what the disk says is an outcome.
    package func verify(_ digest: Digest) async throws(ContentError) -> Verification {
        try await environment.rehashes.withPermit { () async throws(ContentError) in
            do throws(ContentError) {
                return try await examine(digest)
            } catch {
                if error.code == .shutDown { throw error }
                return .unreadable(error)
            }
        }
    }

    private func examine(_ digest: Digest) async throws(ContentError) -> Verification {
        let path = layout.blob(digest)
        let found = try await threads.read.run { [self] () throws(ContentError) -> (OwnedDescriptor, FileStatus)? in
            do throws(ContentError) {
                let file = try OwnedDescriptor(opening: path, flags: O_RDONLY, in: filesystem, closingOn: threads.sync)
                return (file, try file.status())
            } catch {
                if error.errno == ENOENT { return nil }
                throw error
            }
        }
        guard let (file, status) = found else { return .missing }
        let pass = FilePass(threads: threads.read, limits: limits, filesystem: filesystem, dropsBehind: true)
        let actual = try await pass.digest(
            of: file,
            count: status.size,
            algorithm: digest.algorithm,
            metrics: environment.metrics
        )
        if actual == digest { return .intact(size: status.size) }
        return .corrupt(
            CorruptBlob(digest: digest, size: status.size, actual: actual, identity: status.identity)
        )
    }

    /// Moves corrupt bytes to `quarantine/<hex>.<n>`, durably, under the digest's lock, if they are still the file that
    /// was found corrupt; then runs `record` under the same lock.
    package func quarantine<T: Sendable>(
        _ corrupt: CorruptBlob,
        record: () async throws -> T
    ) async throws -> QuarantineOutcome<T> {
        try await publisher.locks.withLock(corrupt.digest) {
            guard let path = try await move(corrupt.digest, corrupt.identity) else {
                return QuarantineOutcome<T>.replaced
            }
            return .moved(to: path, try await record())
        }
    }

    /// Moves a blob's file to quarantine, durably, if it is still that file; nil if it is not. For whoever has the
    /// digest's lock.
    func move(_ digest: Digest, _ identity: FileIdentity) async throws(ContentError) -> String? {
        let from = layout.blob(digest)
        let target = try await threads.sync.run { [self] () throws(ContentError) -> String? in
            guard try status(from)?.identity == identity else { return nil }
            var number = 1
            while try status(layout.quarantined(digest, number)) != nil { number += 1 }
            return layout.quarantined(digest, number)
        }
        guard let target else { return nil }
        let filesystem = filesystem
        try await quarantineSyncer.sync { () throws(ContentError) in
            try about(from) { () throws(SystemCallError) in try filesystem.rename(from, target) }
        }
        try await publisher.syncer(digest.algorithm).sync {}
        return target
    }

    /// nil when there is no such file. Blocks.
    func status(_ path: String) throws(ContentError) -> FileStatus? {
        do {
            return try filesystem.statusOfPath(path)
        } catch {
            if error.errno == ENOENT { return nil }
            throw ContentError(error, value: path)
        }
    }
}
