// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore
package import OCI

/// An open blob. It closes its descriptor when it is released.
///
/// The bytes never change under it: a blob that is pushed again or removed meanwhile gets another inode, and this one
/// stays until the last reader is gone.
package final class BlobFile: Sendable {
    package let digest: Digest
    package let size: Int64
    private let file: OwnedDescriptor
    private let handle: NIOFileHandle
    private let filesystem: Filesystem
    private let limits: ContentLimits
    private let threads: FileThreads

    init(
        digest: Digest,
        size: Int64,
        file: OwnedDescriptor,
        filesystem: Filesystem,
        limits: ContentLimits,
        threads: FileThreads
    ) {
        self.digest = digest
        self.size = size
        self.file = file
        self.filesystem = filesystem
        self.limits = limits
        self.threads = threads
        handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file.raw)
    }

    deinit {
        // The handle only lends the descriptor to NIO; `file` owns and closes it.
        do { _ = try handle.takeDescriptorOwnership() } catch { /* It was not open. */  }
    }

    /// The bytes that one read takes at most.
    package var readLimit: Int { limits.readBytes }

    /// Exactly `count` bytes from `offset`, read on a file thread. The range must lie within `size`, and `count` within
    /// `readLimit`. Error: `.truncated` when the file has become shorter than it was when opened.
    package func read(at offset: Int64, count: Int) async throws(ContentError) -> ByteBuffer {
        precondition(offset >= 0 && count >= 0 && Int64(count) <= size - offset, "a read beyond the end of the blob")
        precondition(count <= limits.readBytes, "a read larger than its limit")
        return try await threads.run { [self] () throws(ContentError) in
            let buffer = try file.read(at: offset, count: count)
            guard buffer.readableBytes == count else { throw truncated }
            return buffer
        }
    }

    /// The range for sendfile. Keep this `BlobFile` alive until the promise of the write has completed, and do not
    /// close the region's handle: it belongs to this object. A region must never reach TLS.
    package func region(_ range: Range<Int64>) -> FileRegion {
        precondition(range.lowerBound >= 0 && range.upperBound <= size, "a region beyond the end of the blob")
        return FileRegion(fileHandle: handle, readerIndex: Int(range.lowerBound), endIndex: Int(range.upperBound))
    }

    /// Whether the sampled pages of the range are in the page cache, so that sendfile will not wait for the disk. Never
    /// blocks, so an event loop may ask; it costs a system call for each 128 KiB, so ask for a few MiB at a time.
    package func isResident(_ range: Range<Int64>) -> Bool {
        samples(range).allSatisfy { filesystem.isCached(file.raw, $0) }
    }

    /// Brings the range into the page cache.
    package func warm(_ range: Range<Int64>) async throws(ContentError) {
        try await threads.run { [self] () throws(ContentError) in
            filesystem.willNeed(file.raw, range.lowerBound, range.upperBound - range.lowerBound)
            var byte: UInt8 = 0
            for offset in samples(range) {
                // Safety: the pointer is used only inside the closure.
                let read = try unsafe withUnsafeMutableBytes(of: &byte) { (space) throws(ContentError) in
                    try unsafe file.read(into: space, at: offset)
                }
                guard read == 1 else { throw truncated }
            }
        }
    }

    /// Asks the kernel to read the range ahead, and returns at once.
    package func willNeed(_ range: Range<Int64>) {
        filesystem.willNeed(file.raw, range.lowerBound, range.upperBound - range.lowerBound)
    }

    /// The first byte, one each stride, and the last.
    private func samples(_ range: Range<Int64>) -> [Int64] {
        guard !range.isEmpty else { return [] }
        return Array(stride(from: range.lowerBound, to: range.upperBound, by: Int(limits.residencyStride)))
            + [range.upperBound - 1]
    }

    private var truncated: ContentError {
        ContentError(.truncated, "the blob's file is shorter than it was when opened", value: digest.description)
    }
}
