// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every bound of the content store. The defaults are for production; tests make them small.
package struct ContentLimits: Sendable {
    /// The largest blob that an upload may grow to.
    package var blobBytes: Int64 = 50 << 30
    /// Upload sessions open at once. Each holds a file descriptor.
    package var uploads = 2_000
    /// Memory that all uploads together may hold between the network and the disk.
    package var bufferPoolBytes = 64 << 20
    /// What is gathered before a worker hashes and writes it, while the pool is not under pressure.
    package var batchBytes = 1 << 20
    /// To what a batch shrinks when the pool runs low.
    package var minimumBatchBytes = 128 << 10
    /// Batches of one session handed over and not yet written.
    package var batchesInFlight = 2
    /// The buffer that small fragments are copied into, so that a byte does not retain a whole receive buffer.
    package var fragmentBytes = 64 << 10
    /// Buffers in one batch. A batch is written by one `pwritev`, which takes at most 1,024.
    package var buffersPerBatch = 256
    /// Blocks are reserved for announced lengths from this size on; a smaller body is written before it would matter.
    package var reservationBytes: Int64 = 1 << 20
    /// Writeback of an upload's pages is started each time so many bytes were written.
    package var writebackBytes: Int64 = 8 << 20
    /// An upload is made durable, and its durable offset noted, each time so many bytes were written.
    package var durableBytes: Int64 = 64 << 20
    /// Files that are hashed again at once (resumption, verification, SHA-512 that was not announced).
    package var rehashesAtOnce = 2
    /// Bytes read at once while a file is hashed again.
    package var rehashChunkBytes = 1 << 20
    /// Bytes that one turn on a file thread hashes again, so that a large file does not keep others from the thread.
    package var rehashTurnBytes: Int64 = 16 << 20
    /// The largest single read of a blob into memory.
    package var readBytes = 4 << 20
    /// Distance of the pages that are sampled to see whether a range is in the page cache.
    package var residencyStride: Int64 = 512 << 10
    /// Entries of a directory that are handed over in one page.
    package var listingPage = 1_024
    /// Threads that read blobs, directories and attributes.
    package var readThreads = 8
    /// Threads that hash and write what uploads receive.
    package var workThreads = 4
    /// Threads that wait for the disk in `fdatasync`. The file system merges flushes that wait together.
    package var syncThreads = 16
    /// How many of these free the blocks of deleted files at once.
    package var closingThreads = 4
    /// BALLAST is the smaller of this and of `1 / ballastShare` of the file system.
    package var ballastBytes: Int64 = 64 << 20
    package var ballastShare: Int64 = 16
    /// New uploads are refused below the smaller of `softLimitBytes` and `1 / softLimitShare` of the file system.
    package var softLimitBytes: Int64 = 5 << 30
    package var softLimitShare: Int64 = 20
    /// Everything that grows is refused below `1 / hardLimitShare` of the file system.
    package var hardLimitShare: Int64 = 100
    /// The largest FORMAT, LOCK or index.json that is read back.
    package var smallFileBytes = 64 << 10

    /// Bytes of a scrub that are read in one turn on a file thread, and at once in one read.
    package static let scrubTurnBytes = 1 << 20
    static let scrubChunkBytes = 256 << 10
    /// What offset, length and memory of a direct read are a multiple of: the page, which is at least a disk's block.
    static let directAlignment = 4096

    package init() {}
}
