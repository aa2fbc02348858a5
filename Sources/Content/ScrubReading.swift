// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CLinux
internal import Glibc
internal import NIOCore
package import OCI
internal import Synchronization

/// A blob that is being read for a scrub: hashed a turn at a time, so that whoever drives it can pace the turns and
/// hold each to a deadline.
///
/// It reads past the page cache where the file system allows that, so that the disk is tested and not the memory; else
/// it asks the kernel to drop the pages before it reads them, and after.
package final class ScrubReading: Sendable {
    private struct State {
        var offset: Int64 = 0
        var isDirect: Bool
        var file: OwnedDescriptor
    }

    package let digest: Digest
    /// Bytes of the file when it was opened.
    package let size: Int64
    let identity: FileIdentity
    private let hasher: SharedHasher
    private let filesystem: Filesystem
    private let threads: StoreThreads
    private let metrics: ContentMetrics
    private let state: Mutex<State>

    /// Blocks.
    fileprivate init(
        _ digest: Digest,
        _ opened: (file: OwnedDescriptor, status: FileStatus, isDirect: Bool),
        _ environment: UploadEnvironment
    ) throws(ContentError) {
        self.digest = digest
        size = opened.status.size
        identity = opened.status.identity
        hasher = try SharedHasher(digest.algorithm)
        filesystem = environment.filesystem
        threads = environment.threads
        metrics = environment.metrics
        state = Mutex(State(isDirect: opened.isDirect, file: opened.file))
    }

    /// Whether the page cache is passed by.
    package var isDirect: Bool { state.withLock { $0.isDirect } }

    /// Bytes that the next turn reads; 0 at the end.
    package var nextBytes: Int {
        state.withLock { Int(min(Int64(ContentLimits.scrubTurnBytes), size - $0.offset)) }
    }

    /// Reads and hashes the next `nextBytes`, on a file thread. One turn at a time.
    ///
    /// Errors: `.truncated` when the file ends early, else those of the disk and `.shutDown`.
    package func turn() async throws(ContentError) {
        try await threads.read.run { [self] () throws(ContentError) in
            // Nobody else has the lock: there is one turn at a time.
            try state.withLock { (state) throws(ContentError) in try turn(&state) }
        }
    }

    /// The digest of what was read, once the last turn is done.
    package func finish() throws(ContentError) -> Digest { try hasher.finish() }

    /// Blocks.
    private func turn(_ state: inout State) throws(ContentError) {
        let end = min(size, state.offset + Int64(ContentLimits.scrubTurnBytes))
        // Safety: freed below on every path, and used only in between.
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ContentLimits.scrubChunkBytes,
            alignment: ContentLimits.directAlignment
        )
        defer { unsafe buffer.deallocate() }
        if !state.isDirect { filesystem.dontNeed(state.file.raw, state.offset, end - state.offset) }
        let start = state.offset
        while state.offset < end {
            let count = try unsafe chunk(into: buffer, &state)
            let wanted = Int(min(Int64(count), size - state.offset))
            guard wanted > 0 else {
                throw ContentError(.truncated, "the file is shorter than it was", value: state.file.path)
            }
            // Safety: the first `wanted` bytes were written by the read, and the buffer outlives the span.
            let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<wanted]))
            try hasher.update(bytes)
            metrics.hashed(wanted)
            state.offset += Int64(wanted)
        }
        if !state.isDirect { filesystem.dontNeed(state.file.raw, start, end - start) }
    }

    /// One read. A file system that refuses it for want of alignment is asked again by way of its cache.
    private func chunk(
        into buffer: UnsafeMutableRawBufferPointer,
        _ state: inout State
    ) throws(ContentError) -> Int {
        let isAligned = state.offset % Int64(ContentLimits.directAlignment) == 0
        if state.isDirect, isAligned {
            do throws(SystemCallError) {
                return try unsafe filesystem.pread(state.file.raw, buffer, state.offset)
            } catch {
                guard error.errno == EINVAL else { throw ContentError(error, value: state.file.path) }
            }
        }
        if state.isDirect {
            state.file = try OwnedDescriptor(
                opening: state.file.path,
                flags: O_RDONLY,
                in: filesystem,
                closingOn: threads.sync
            )
            state.isDirect = false
            guard try state.file.status().identity == identity else {
                throw ContentError(.truncated, "the file was replaced while it was read", value: state.file.path)
            }
        }
        let (raw, offset) = (state.file.raw, state.offset)
        return try about(state.file.path) { () throws(SystemCallError) in
            try unsafe filesystem.pread(raw, buffer, offset)
        }
    }
}

/// A blob that is not what its name says, and which file that was.
package struct DamagedBlob: Sendable {
    package enum Cause: Sendable, CustomStringConvertible {
        /// There is no file.
        case missing
        /// Its bytes have another digest, or there are fewer or more of them.
        case mismatch(actual: Digest)
        /// The disk does not give its bytes.
        case unreadable(ContentError)

        package var description: String {
            switch self {
            case .missing: "the file is missing"
            case .mismatch(let actual): "its bytes have the digest \(actual)"
            case .unreadable(let error): "it cannot be read: \(error)"
            }
        }
    }

    package let digest: Digest
    package let cause: Cause
    /// nil where there was no file.
    let identity: FileIdentity?

    /// The file that a reading found wrong.
    package init(_ reading: ScrubReading, _ cause: Cause) {
        self.init(digest: reading.digest, cause: cause, identity: reading.identity)
    }

    init(digest: Digest, cause: Cause, identity: FileIdentity?) {
        self.digest = digest
        self.cause = cause
        self.identity = identity
    }
}

package enum ScrubOpening: Sendable {
    case opened(ScrubReading)
    /// There is no file, or the disk does not even open it.
    case damaged(DamagedBlob)
}

/// Reading blobs to test the disk, and what follows.
extension ContentStore {
    /// Opens a blob for a scrub.
    ///
    /// Errors: those that say nothing about the blob, such as want of descriptors, and `.shutDown`.
    package func openForScrub(_ digest: Digest) async throws(ContentError) -> ScrubOpening {
        let path = layout.blob(digest)
        return try await threads.read.run { [self] () throws(ContentError) in
            do throws(ContentError) {
                return .opened(try ScrubReading(digest, try openedForScrub(path), environment))
            } catch {
                if error.errno == ENOENT {
                    return .damaged(DamagedBlob(digest: digest, cause: .missing, identity: nil))
                }
                guard error.isDamage else { throw error }
                let identity = try status(path)?.identity
                return .damaged(DamagedBlob(digest: digest, cause: .unreadable(error), identity: identity))
            }
        }
    }

    /// Blocks.
    private func openedForScrub(
        _ path: String
    ) throws(ContentError) -> (file: OwnedDescriptor, status: FileStatus, isDirect: Bool) {
        func opened(_ flags: Int32) throws(ContentError) -> OwnedDescriptor {
            try OwnedDescriptor(opening: path, flags: O_RDONLY | flags, in: filesystem, closingOn: threads.sync)
        }
        var isDirect = true
        let file: OwnedDescriptor
        do throws(ContentError) {
            file = try opened(cairn_direct_flag())
        } catch {
            guard error.errno == EINVAL else { throw error }
            isDirect = false
            file = try opened(0)
        }
        let status = try file.status()
        guard status.kind == .file else {
            throw ContentError(.io, "a blob that is no file", value: path, errno: EISDIR)
        }
        return (file, status, isDirect)
    }

    /// Ends what a scrub found: under the digest's lock, and if the file is still the one that was found damaged, moves
    /// it to `quarantine/`, durably, and runs `record`. False: a push has healed the blob meanwhile, and nothing was
    /// done.
    ///
    /// A file that the disk will not move stays where it is: the row that `record` writes keeps it from being served,
    /// and the next push replaces it. Crash story: after the move and before the record the file is missing, which
    /// whoever asks for it finds out.
    package func settle(
        _ damaged: DamagedBlob,
        record: (_ quarantined: String?) async throws -> Void
    ) async throws -> Bool {
        try await publisher.locks.withLock(damaged.digest) {
            guard try await identity(of: damaged.digest) == damaged.identity else { return false }
            var path: String?
            if let identity = damaged.identity {
                do throws(ContentError) {
                    path = try await move(damaged.digest, identity)
                } catch {
                    guard error.isDamage else { throw error }
                }
            }
            try await record(path)
            return true
        }
    }

    /// Runs `record` under the digest's lock, if the file is still the one that was read and found whole.
    package func confirm(_ reading: ScrubReading, record: () async throws -> Void) async throws -> Bool {
        try await publisher.locks.withLock(reading.digest) {
            guard try await identity(of: reading.digest) == reading.identity else { return false }
            try await record()
            return true
        }
    }

    /// The bytes of a small blob; nil where there is no file, or a larger one. Nothing says that they have the digest.
    package func bytes(of digest: Digest, atMost limit: Int) async throws(ContentError) -> [UInt8]? {
        guard let file = try await self.open(digest), file.size <= limit else { return nil }
        return Array(try await file.read(at: 0, count: Int(file.size)).readableBytesView)
    }

    private func identity(of digest: Digest) async throws(ContentError) -> FileIdentity? {
        let path = layout.blob(digest)
        return try await threads.read.run { [self] () throws(ContentError) in try status(path)?.identity }
    }
}

extension ContentError {
    /// Whether it says that the disk has lost what it was given, and not that something is short at the moment.
    package var isDamage: Bool {
        if code == .truncated { return true }
        return errno.map { [EIO, EUCLEAN, EBADMSG, ENODATA, EREMOTEIO, EILSEQ, EISDIR, ELOOP].contains($0) } ?? false
    }
}
