// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import Glibc
package import NIOCore
package import OCI
internal import Synchronization
internal import Tracing

/// How bytes come in: small ones at once, large ones by sessions.
extension ContentStore {
    /// Stores bytes that are all in memory: manifests and small monolithic uploads. The same sequence as a session's
    /// commit, with one turn on a file thread before the rename. Durable once it returns.
    ///
    /// `record` runs under the digest's lock after the directory was made durable. Errors: `.digestMismatch`,
    /// `.noSpace`, `.io` and the like, with nothing left behind; what `record` throws, with a harmless orphan left.
    @discardableResult
    package func put<T: Sendable>(
        _ bytes: ByteBuffer,
        digest: Digest,
        record: () async throws -> T
    ) async throws -> T {
        let id = options.makeUploadID()
        let path = layout.upload(id)
        environment.registry.reserve(id)
        defer { environment.registry.unreserve(id) }
        do throws(ContentError) {
            let span = ServiceContext.current.map { startSpan("blob.fsync", context: $0) }
            defer { span?.end() }
            try await threads.sync.run { () throws(ContentError) in
                try self.writeWhole(bytes, to: path, expecting: digest)
            }
        } catch {
            if error.isFullDisk { await gauge.noteFull() }
            throw error
        }
        var renamed = false
        do {
            return try await publisher.publish(from: path, as: digest, renamed: { renamed = true }, record: record)
        } catch {
            if !renamed { await discard(path) }
            throw error
        }
    }

    /// As above, for an array.
    @discardableResult
    package func put<T: Sendable>(_ bytes: [UInt8], digest: Digest, record: () async throws -> T) async throws -> T {
        try await put(ByteBuffer(bytes: bytes), digest: digest, record: record)
    }

    /// Verifies, writes and syncs a temporary file; deletes it if anything fails, and never tries its sync again.
    /// Blocks.
    private func writeWhole(
        _ bytes: ByteBuffer,
        to path: String,
        expecting digest: Digest
    ) throws(ContentError) {
        var writer = try UploadWriter(
            hint: digest.algorithm,
            filesystem: filesystem,
            limits: limits,
            metrics: environment.metrics
        )
        try gauge.admit(.growth, bytes: Int64(bytes.readableBytes))
        let file = try OwnedDescriptor(
            opening: path,
            flags: O_RDWR | O_CREAT | O_EXCL,
            mode: 0o600,
            in: filesystem,
            closingOn: threads.sync
        )
        do throws(ContentError) {
            var batch = UploadBatch()
            batch.keep(bytes, charge: 0)
            try writer.write(batch, to: file)
            let actual = try writer.finish(digest.algorithm)
            guard actual == digest else {
                throw ContentError(
                    .digestMismatch,
                    "the bytes are not those of the digest",
                    value: digest.description,
                    actual: actual
                )
            }
            try about(path) { () throws(SystemCallError) in
                try filesystem.chmod(file.raw, UploadSession.blobMode)
                try filesystem.fdatasync(file.raw)
            }
            environment.metrics.fsyncs(.data)
        } catch {
            deleteQuietly(path)
            throw error
        }
    }

    private func discard(_ path: String) async {
        do {
            try await threads.sync.run { () throws(ContentError) in self.deleteQuietly(path) }
        } catch {
            // The store is shut down; the file is a stray that the next start removes.
        }
    }

    private func deleteQuietly(_ path: String) {
        do { try filesystem.unlink(path) } catch { /* A stray; the next start removes it. */  }
    }

    // MARK: Sessions

    /// The sessions that are open in memory.
    package var uploads: [UploadSession] { environment.registry.sessions }

    /// A session that is open in memory. After a restart see `resume`.
    package func upload(_ id: UploadID) -> UploadSession? { environment.registry.session(id) }

    /// Begins an upload. `hint` says by which algorithm it will be committed, if the client told; `expectedBytes` how
    /// large it will be. Errors: `.noSpace` at the soft limit or when the size does not fit, `.tooLarge`,
    /// `.tooManyUploads`, `.tooManyFiles`, `.io`.
    package func startUpload(
        hint: Digest.Algorithm? = nil,
        expectedBytes: Int64? = nil
    ) async throws(ContentError) -> UploadSession {
        let bytes = max(0, expectedBytes ?? 0)
        guard bytes <= limits.blobBytes else {
            throw ContentError(.tooLarge, "a blob may have \(limits.blobBytes) bytes", value: "\(bytes)")
        }
        let id = options.makeUploadID()
        try environment.registry.beginSession(id)
        var started: UploadSession?
        defer { environment.registry.endBeginning(id, with: started) }
        let session = try await threads.sync.run { () throws(ContentError) in
            try self.createSession(id, hint: hint, bytes: bytes)
        }
        started = session
        return session
    }

    /// Blocks.
    private func createSession(
        _ id: UploadID,
        hint: Digest.Algorithm?,
        bytes: Int64
    ) throws(ContentError) -> UploadSession {
        try gauge.admit(.newUpload, bytes: bytes)
        let path = layout.upload(id)
        let file = try OwnedDescriptor(
            opening: path,
            flags: O_RDWR | O_CREAT | O_EXCL,
            mode: 0o600,
            in: filesystem,
            closingOn: threads.sync
        )
        do {
            let session = try UploadSession(
                id: id,
                file: file,
                hint: hint,
                durableOffset: 0,
                environment: environment
            )
            if try UploadSession.reserve(file, 0, bytes, environment) { session.noteReserved(upTo: bytes) }
            return session
        } catch {
            deleteQuietly(path)
            throw error
        }
    }

    /// Goes on with an upload that was open before a restart: cuts its file to what is known to be durable and hashes
    /// that again, at most `ContentLimits.rehashesAtOnce` at a time. Returns the session that is in memory if there is
    /// one already. Nil when the file is gone or too short; then the client has to start again.
    package func resume(
        _ id: UploadID,
        durableOffset: Int64,
        hint: Digest.Algorithm? = nil
    ) async throws(ContentError) -> UploadSession? {
        try await resumptions.withLock(id) { () async throws(ContentError) in
            if let session = upload(id) { return session }
            try environment.registry.beginSession(id)
            var resumed: UploadSession?
            defer { environment.registry.endBeginning(id, with: resumed) }
            guard let file = try await reopen(id, durableOffset: durableOffset) else { return nil }
            let session = try UploadSession(
                id: id,
                file: file,
                hint: hint,
                durableOffset: durableOffset,
                environment: environment
            )
            let pass = FilePass(threads: threads.work, limits: limits, filesystem: filesystem, dropsBehind: false)
            try await environment.rehashes.withPermit { () async throws(ContentError) in
                try await pass.run(over: file, count: durableOffset) { (bytes) throws(ContentError) in
                    try session.writer.withLock { (writer) throws(ContentError) in
                        try writer.readmit(bytes)
                    }
                }
            }
            resumed = session
            return session
        }
    }

    private func reopen(_ id: UploadID, durableOffset: Int64) async throws(ContentError) -> OwnedDescriptor? {
        let path = layout.upload(id)
        return try await threads.sync.run { [self] () throws(ContentError) in
            let file: OwnedDescriptor
            do throws(ContentError) {
                file = try OwnedDescriptor(opening: path, flags: O_RDWR, in: filesystem, closingOn: threads.sync)
            } catch {
                if error.errno == ENOENT { return nil }
                throw error
            }
            guard durableOffset >= 0, try file.status().size >= durableOffset else {
                deleteQuietly(path)
                return nil
            }
            try about(path) { () throws(SystemCallError) in try filesystem.truncate(file.raw, durableOffset) }
            return file
        }
    }

    /// Writes and syncs every open session, and tells how much of each a restart will find. To be called when no
    /// request is running any more.
    package func drain() async -> [(id: UploadID, durableOffset: Int64)] {
        await withTaskGroup(of: (UploadID, Int64)?.self) { group in
            for session in uploads {
                group.addTask { await session.preserve().map { (session.id, $0) } }
            }
            var kept: [(id: UploadID, durableOffset: Int64)] = []
            for await case (let id, let offset)? in group { kept.append((id: id, durableOffset: offset)) }
            return kept
        }
    }
}
