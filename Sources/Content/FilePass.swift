// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import OCI
internal import Synchronization

/// Reads a file from its start, in turns on file threads, and shows each chunk to a closure: how files are hashed
/// again.
struct FilePass: Sendable {
    let threads: FileThreads
    let limits: ContentLimits
    let filesystem: Filesystem
    /// Whether pages that were read are dropped from the page cache: a check of everything must not push out what
    /// clients are reading.
    let dropsBehind: Bool

    /// Errors: `.truncated` when the file ends before `count` bytes, else the read's and the closure's.
    func run(
        over file: OwnedDescriptor,
        count: Int64,
        each: @escaping @Sendable (RawSpan) throws(ContentError) -> Void
    ) async throws(ContentError) {
        var offset: Int64 = 0
        while offset < count {
            let (start, end) = (offset, min(count, offset + limits.rehashTurnBytes))
            try await threads.run { () throws(ContentError) in
                try turn(over: file, start..<end, each: each)
            }
            offset = end
        }
    }

    private func turn(
        over file: OwnedDescriptor,
        _ range: Range<Int64>,
        each: (RawSpan) throws(ContentError) -> Void
    ) throws(ContentError) {
        var chunk = [UInt8](repeating: 0, count: limits.rehashChunkBytes)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = Int(min(Int64(chunk.count), range.upperBound - offset))
            guard try file.read(into: &chunk, count: wanted, at: offset) == wanted else {
                throw ContentError(.truncated, "the file is shorter than it was", value: file.path)
            }
            // A byte has no padding, so every byte of the span is initialised.
            try each(unsafe chunk.span.bytes.extracting(first: wanted))
            offset += Int64(wanted)
        }
        if dropsBehind { filesystem.dontNeed(file.raw, range.lowerBound, range.upperBound - range.lowerBound) }
    }

    /// The digest of the first `count` bytes.
    func digest(
        of file: OwnedDescriptor,
        count: Int64,
        algorithm: Digest.Algorithm,
        metrics: ContentMetrics
    ) async throws(ContentError) -> Digest {
        let hasher = try SharedHasher(algorithm)
        try await run(over: file, count: count) { (bytes) throws(ContentError) in
            try hasher.update(bytes)
            metrics.hashed(bytes.byteCount)
        }
        return try hasher.finish()
    }
}

/// A hasher that passes from turn to turn.
final class SharedHasher: Sendable {
    private let hasher: Mutex<DigestHasher?>

    init(_ algorithm: Digest.Algorithm) throws(ContentError) {
        do { hasher = Mutex(try DigestHasher(algorithm)) } catch { throw ContentError(error) }
    }

    func update(_ bytes: RawSpan) throws(ContentError) {
        do {
            try hasher.withLock { (hasher) throws(CryptographyError) in try hasher?.update(bytes) }
        } catch {
            throw ContentError(error)
        }
    }

    func finish() throws(ContentError) -> Digest {
        guard let ended = hasher.withLock({ $0.take() }) else {
            throw ContentError(.cryptography, "the hash was ended before")
        }
        do {
            return try ended.finalize()
        } catch {
            throw ContentError(error)
        }
    }
}
