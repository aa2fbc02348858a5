// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI
internal import Synchronization
internal import Tracing

/// How an upload becomes a blob, and how a planned stop keeps one.
extension UploadSession {
    /// The mode of a blob: nobody changes it any more.
    static let blobMode: UInt32 = 0o444

    /// See `UploadClaim.commit`. The order is the promise: hash verified, file data durable, renamed, directory
    /// durable, recorded.
    func commit<T: Sendable>(expecting digest: Digest, record: () async throws -> T) async throws -> T {
        let file = try state.withLock { state throws(ContentError) in
            let file = try Self.liveFile(state, id)
            guard state.phase == .receiving else { throw ContentError.sessionEnded(id) }
            state.phase = .finalizing
            return file
        }
        handOverGathered()
        try await wait(for: .quiet)
        do {
            try await verify(file, expecting: digest)
            let span = ServiceContext.current.map { startSpan("blob.fsync", context: $0) }
            defer { span?.end() }
            try await environment.threads.sync.run { () throws(ContentError) in try self.seal(file) }
            span?.end()
            return try await environment.publisher.publish(from: path, as: digest, renamed: finish, record: record)
        } catch let error as ContentError {
            await abandon(error)
            throw error
        }
    }

    private func verify(_ file: OwnedDescriptor, expecting digest: Digest) async throws(ContentError) {
        let (hashed, count) = try await environment.threads.work.run { () throws(ContentError) in
            try self.writer.withLock { (writer) throws(ContentError) in
                (try writer.finish(digest.algorithm), writer.written)
            }
        }
        var actual = hashed
        if actual == nil {
            let pass = FilePass(
                threads: environment.threads.work,
                limits: environment.limits,
                filesystem: environment.filesystem,
                dropsBehind: false
            )
            actual = try await environment.rehashes.withPermit { () async throws(ContentError) in
                try await pass.digest(
                    of: file,
                    count: count,
                    algorithm: digest.algorithm,
                    metrics: environment.metrics
                )
            }
        }
        guard actual == digest else {
            throw ContentError(
                .digestMismatch,
                "the bytes are not those of the digest",
                value: digest.description,
                actual: actual
            )
        }
    }

    /// Ends the file: right size, read-only, durable. Blocks.
    private func seal(_ file: OwnedDescriptor) throws(ContentError) {
        let written = writer.withLock { $0.written }
        let reservedEnd = state.withLock { $0.reservedEnd }
        let filesystem = environment.filesystem
        try about(path) { () throws(SystemCallError) in
            // Blocks that were reserved for more than came are given back.
            if reservedEnd > written { try filesystem.truncate(file.raw, written) }
            try filesystem.chmod(file.raw, Self.blobMode)
        }
        let size = try file.status().size
        guard size == written else {
            throw ContentError(.truncated, "the file has \(size) bytes, \(written) were written", value: path)
        }
        try syncNow(file, written, .data)
    }

    /// The file has its name: nothing of the session is left. Its descriptor closes when the commit returns.
    private func finish() {
        state.withLock { state in
            state.phase = .committed
            state.file = nil
        }
        environment.pool.unpark(id)
        environment.registry.remove(id)
    }

    private func abandon(_ error: ContentError) async {
        do {
            try await environment.threads.sync.run { () throws(ContentError) in self.fail(error) }
        } catch {
            // The store is shut down; the file is a stray that the next start removes.
        }
    }

    /// For a planned stop: writes and syncs what was accepted. Nil when there is nothing left to keep.
    func preserve() async -> Int64? {
        handOverGathered()
        do {
            try await wait(for: .quiet)
            let file = try state.withLock { state throws(ContentError) in try Self.liveFile(state, id) }
            return try await environment.threads.sync.run { () throws(ContentError) in
                let written = self.writer.withLock { $0.written }
                do throws(ContentError) { try self.syncNow(file, written, .progress) } catch {
                    self.fail(error)
                    throw error
                }
                return written
            }
        } catch {
            return nil
        }
    }
}
