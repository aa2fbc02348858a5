// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import NIOCore
internal import OCI
internal import Synchronization

/// What a blob is received in: hashed as it is written to a file, and continued where an earlier attempt stopped; or
/// only hashed.
///
/// One task uses it at a time. What an earlier attempt left is hashed when the sink is opened; that it was not damaged
/// is known at the end, when the whole has the digest that it must have.
final class BlobSink: Sendable {
    private struct State: ~Copyable {
        var hasher: DigestHasher?
        /// Bytes that are hashed and written.
        var length: Int64 = 0
        /// Received and not yet written.
        var pending = ByteBuffer()
        var isResumed = false
    }

    let descriptor: Descriptor
    private let file: LocalFile?
    private let onward: BlobPipe?
    private let state = Mutex(State())

    private init(file: LocalFile?, descriptor: Descriptor, onward: BlobPipe? = nil) {
        self.file = file
        self.descriptor = descriptor
        self.onward = onward
    }

    /// Opens the file at a path, which is made if it is not there, and hashes what it holds.
    static func open(_ path: String, _ descriptor: Descriptor) async throws(ClientError) -> BlobSink {
        try await FileWork.run { () throws(ClientError) in
            let sink = BlobSink(file: try LocalFile(writing: path), descriptor: descriptor)
            try sink.hashContents()
            return sink
        }
    }

    /// Hashes what it is given and keeps nothing; a reader may be given the bytes, in their order.
    static func hashing(_ descriptor: Descriptor, onward: BlobPipe? = nil) throws(ClientError) -> BlobSink {
        let sink = BlobSink(file: nil, descriptor: descriptor, onward: onward)
        try sink.startAgain(keeping: 0)
        return sink
    }

    /// Bytes that are there, written or about to be.
    var length: Int64 { state.withLock { $0.length + Int64($0.pending.readableBytes) } }

    /// Whether some of the bytes are of an earlier attempt.
    var isResumed: Bool { state.withLock { $0.isResumed } }

    private func hashContents() throws(ClientError) {
        guard let file else { return }
        let size = try file.size()
        guard size <= descriptor.size else { return try startAgain(keeping: 0) }
        try startAgain(keeping: size)
        var offset: Int64 = 0
        while offset < size {
            let bytes = try file.read(ClientLimits.writeBytes, at: offset)
            guard !bytes.isEmpty else { break }
            try state.withLock { state throws(ClientError) in
                do {
                    // Safety: a byte has no padding, so every byte of the span is initialised.
                    try unsafe state.hasher?.update(bytes.span.bytes)
                } catch {
                    throw ClientError(.storage, "hashing failed: \(error)")
                }
                state.length += Int64(bytes.count)
            }
            offset += Int64(bytes.count)
        }
        state.withLock { $0.isResumed = offset > 0 }
    }

    /// Cuts the file to a size, and begins to hash.
    private func startAgain(keeping size: Int64) throws(ClientError) {
        try file?.truncate(to: size)
        let algorithm = descriptor.digest.algorithm
        try state.withLock { state throws(ClientError) in
            do {
                state.hasher = try DigestHasher(algorithm)
            } catch {
                throw ClientError(.usage, "\(algorithm.name) cannot be computed here: \(error)")
            }
            (state.length, state.isResumed) = (0, false)
            state.pending.clear()
        }
    }

    /// Takes the next bytes; those of `ClientLimits.writeBytes` are written together.
    func append(_ piece: ByteBuffer) async throws(ClientError) {
        await onward?.send(piece)
        let isFull = state.withLock { state in
            state.pending.writeImmutableBuffer(piece)
            return state.pending.readableBytes >= ClientLimits.writeBytes
        }
        if isFull { try await flush() }
    }

    /// Writes what was received.
    func flush() async throws(ClientError) {
        try await FileWork.run { [self] () throws(ClientError) in
            try state.withLock { state throws(ClientError) in
                guard state.pending.readableBytes > 0 else { return }
                try file?.write(state.pending.readableBytesSpan, at: state.length)
                guard var hasher = state.hasher.take() else { return }
                do {
                    try hasher.update(state.pending.readableBytesSpan)
                } catch {
                    throw ClientError(.storage, "hashing failed: \(error)")
                }
                state.hasher = consume hasher
                state.length += Int64(state.pending.readableBytes)
                state.pending.clear()
            }
        }
    }

    /// Writes the rest, makes the file durable, and tells the digest of all of it. The sink is used up.
    func finish() async throws(ClientError) -> Digest {
        try await flush()
        return try await FileWork.run { [self] () throws(ClientError) in
            try file?.synchronize()
            return try state.withLock { state throws(ClientError) in
                guard let hasher = state.hasher.take() else { throw ClientError(.storage, "a blob was ended twice") }
                do {
                    return try hasher.finalize()
                } catch {
                    throw ClientError(.storage, "hashing failed: \(error)")
                }
            }
        }
    }
}
