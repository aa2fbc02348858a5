// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import NIOCore
internal import OCI

/// Hashes and writes an upload's bytes, in order. Only one file thread uses it at a time, and everything in it blocks.
///
/// SHA-256 always runs. SHA-512 runs beside it when the client announced that it will commit by it; else the file is
/// read again at the commit.
struct UploadWriter: ~Copyable {
    private var sha256: DigestHasher?
    private var sha512: DigestHasher?
    /// Bytes hashed and handed to the kernel: the size of the file.
    private(set) var written: Int64 = 0
    private var writebackStarted: Int64 = 0
    private let filesystem: Filesystem
    private let limits: ContentLimits
    private let metrics: ContentMetrics

    init(
        hint: Digest.Algorithm?,
        filesystem: Filesystem,
        limits: ContentLimits,
        metrics: ContentMetrics
    ) throws(ContentError) {
        do {
            sha256 = try DigestHasher(.sha256)
            sha512 = hint == .sha512 ? try DigestHasher(.sha512) : nil
        } catch {
            throw ContentError(error)
        }
        self.filesystem = filesystem
        self.limits = limits
        self.metrics = metrics
    }

    /// Hashes and writes a batch at the end of the file, and lets the kernel begin to write it out in good time: one
    /// huge flush at the end would stall every other flush on the disk.
    mutating func write(_ batch: UploadBatch, to file: OwnedDescriptor) throws(ContentError) {
        var parts = unsafe [UnsafeRawBufferPointer]()
        unsafe parts.reserveCapacity(batch.buffers.count)
        for buffer in batch.buffers {
            // Safety: the storage is owned by `batch`, which is alive until the end of this function and which nobody
            // changes, so the pointers stay valid and their bytes the same.
            unsafe parts.append(unsafe buffer.withUnsafeReadableBytes { unsafe $0 })
        }
        // By index: the formatter garbles `for unsafe part in`.
        for index in unsafe parts.indices { try unsafe hash(parts[index]) }
        try unsafe PositionedWrite.all(parts, to: file, at: written, in: filesystem)
        withExtendedLifetime(batch) {}
        metrics.written(batch.count)
        written += Int64(batch.count)
        if written - writebackStarted >= limits.writebackBytes {
            let (start, count) = (writebackStarted, written - writebackStarted)
            try about(file.path) { () throws(SystemCallError) in
                try filesystem.startWriteback(file.raw, start, count)
            }
            writebackStarted = written
        }
    }

    /// Takes bytes that are in the file already: a resumed upload is hashed again from its start.
    mutating func readmit(_ bytes: RawSpan) throws(ContentError) {
        do {
            try sha256?.update(bytes)
            try sha512?.update(bytes)
        } catch {
            throw ContentError(error)
        }
        metrics.hashed(bytes.byteCount)
        written += Int64(bytes.byteCount)
        writebackStarted = written
    }

    /// Ends the hash of the algorithm; nil when it did not run or was ended before.
    mutating func finish(_ algorithm: Digest.Algorithm) throws(ContentError) -> Digest? {
        let hasher: DigestHasher? =
            switch algorithm {
            case .sha256: sha256.take()
            case .sha512: sha512.take()
            }
        guard let hasher else { return nil }
        do {
            return try hasher.finalize()
        } catch {
            throw ContentError(error)
        }
    }

    private mutating func hash(_ bytes: UnsafeRawBufferPointer) throws(ContentError) {
        do {
            try unsafe sha256?.update(bytes)
            try unsafe sha512?.update(bytes)
        } catch {
            throw ContentError(error)
        }
        metrics.hashed(bytes.count)
    }
}

/// Writes that may be short, carried on until everything is written.
enum PositionedWrite {
    /// Errors: the system call's; `.io` when the kernel takes nothing and reports no error. Blocks.
    static func all(
        _ parts: [UnsafeRawBufferPointer],
        to file: OwnedDescriptor,
        at offset: Int64,
        in filesystem: Filesystem
    ) throws(ContentError) {
        var rest = unsafe parts.filter { $0.count > 0 }
        var position = offset
        while unsafe !rest.isEmpty {
            let count = try about(file.path) { () throws(SystemCallError) in
                try unsafe filesystem.pwritev(file.raw, rest, position)
            }
            guard count > 0 else {
                throw ContentError(.io, "the kernel wrote nothing and reported no error", value: file.path)
            }
            position += Int64(count)
            unsafe drop(count, from: &rest)
        }
    }

    /// As above, from the start of the file.
    static func all(
        _ bytes: [UInt8],
        to file: OwnedDescriptor,
        in filesystem: Filesystem
    ) throws(ContentError) {
        // Safety: the pointer is used only inside the closure.
        let result = unsafe bytes.withUnsafeBytes { buffer in
            Result { () throws(ContentError) in try unsafe all([buffer], to: file, at: 0, in: filesystem) }
        }
        try result.get()
    }

    private static func drop(_ count: Int, from parts: inout [UnsafeRawBufferPointer]) {
        var left = count
        var whole = 0
        while unsafe whole < parts.count, unsafe left >= parts[whole].count {
            left -= unsafe parts[whole].count
            whole += 1
        }
        unsafe parts.removeFirst(whole)
        if left > 0, let first = unsafe parts.first {
            unsafe parts[0] = UnsafeRawBufferPointer(rebasing: first[left...])
        }
    }
}
