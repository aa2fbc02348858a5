// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import DequeModule
internal import Glibc
internal import NIOCore
internal import Synchronization

/// How bytes get from a request to the disk.
extension UploadSession {
    /// Refuses early what cannot fit, and reserves blocks for it.
    func reserve(_ bytes: Int64) async throws(ContentError) {
        let (start, file) = try state.withLock { state throws(ContentError) in
            (state.accepted, try Self.liveFile(state, id))
        }
        guard bytes <= environment.limits.blobBytes - start else {
            throw ContentError(
                .tooLarge,
                "a blob may have \(environment.limits.blobBytes) bytes",
                value: "\(start) + \(bytes)"
            )
        }
        let environment = environment
        let reserved = try await environment.threads.sync.run { () throws(ContentError) in
            try environment.gauge.admit(.growth, bytes: bytes)
            return try Self.reserve(file, start, bytes, environment)
        }
        if reserved { noteReserved(upTo: start + bytes) }
    }

    func noteReserved(upTo end: Int64) {
        state.withLock { $0.reservedEnd = max($0.reservedEnd, end) }
    }

    /// False when there is little to reserve, or when the file system knows no reservations. Blocks.
    static func reserve(
        _ file: OwnedDescriptor,
        _ start: Int64,
        _ bytes: Int64,
        _ environment: UploadEnvironment
    ) throws(ContentError) -> Bool {
        guard bytes >= environment.limits.reservationBytes else { return false }
        do {
            try environment.filesystem.reserve(file.raw, start, bytes)
            return true
        } catch {
            switch error.errno {
            case EOPNOTSUPP, ENOSYS, EINVAL:
                return false
            case ENOSPC, EDQUOT:
                let free = environment.gauge.space.available
                throw ContentError(
                    .noSpace,
                    error.description,
                    value: file.path,
                    errno: error.errno,
                    free: max(0, free),
                    needed: bytes
                )
            default:
                throw ContentError(error, value: file.path)
            }
        }
    }

    /// Takes a buffer; returns as soon as there is room for the next.
    func append(_ incoming: ByteBuffer) async throws(ContentError) {
        var rest = incoming
        try state.withLock { state throws(ContentError) in
            _ = try Self.liveFile(state, id)
            guard Int64(rest.readableBytes) <= environment.limits.blobBytes - state.accepted else {
                throw ContentError(
                    .tooLarge,
                    "a blob may have \(environment.limits.blobBytes) bytes",
                    value: id.description
                )
            }
        }
        if rest.readableBytes == 0 { return }
        if UploadBatch.isFragment(rest) {
            try await copyFragments(of: &rest)
        } else {
            try await keep(rest)
        }
        handOverOrPark()
        try await wait(for: .room)
    }

    private func keep(_ buffer: ByteBuffer) async throws(ContentError) {
        let charge = min(buffer.storageCapacity, environment.pool.capacity)
        await obtain(charge)
        try gather(granted: charge) { batch in
            batch.keep(buffer, charge: charge)
            return buffer.readableBytes
        }
    }

    private func copyFragments(of rest: inout ByteBuffer) async throws(ContentError) {
        try gather(granted: 0) { batch in batch.copy(from: &rest) }
        while rest.readableBytes > 0 {
            let charge = environment.limits.fragmentBytes
            await obtain(charge)
            try gather(granted: charge) { batch in
                batch.beginFragment(of: charge)
                return batch.copy(from: &rest)
            }
        }
    }

    /// Changes the gathered batch in one step with the offset, so that a batch that was charged always has bytes; gives
    /// the charge back if the session ended while it was waited for.
    private func gather(granted charge: Int, _ body: (inout UploadBatch) -> Int) throws(ContentError) {
        let failure = state.withLock { state -> ContentError? in
            if let failure = state.failure { return failure }
            state.accepted += Int64(body(&state.gathered))
            return nil
        }
        guard let failure else { return }
        environment.pool.give(charge)
        throw failure
    }

    /// Gets memory from the pool, and holds nothing back while it waits.
    private func obtain(_ bytes: Int) async {
        if environment.pool.tryTake(bytes) { return }
        handOverGathered()
        await environment.pool.take(bytes)
    }

    private func handOverOrPark() {
        let target = environment.pool.batchTarget
        let buffers = environment.limits.buffersPerBatch
        let (full, park) = state.withLock { state -> (Bool, Bool) in
            if state.gathered.count >= target || state.gathered.buffers.count >= buffers { return (true, false) }
            defer { state.parked = true }
            return (false, !state.parked && !state.gathered.isEmpty)
        }
        if full || (park && !environment.pool.park(self)) { handOverGathered() }
    }

    /// Hands what was gathered to the workers. May be called at any time, by anyone.
    func handOverGathered() {
        let start = state.withLock { state in
            state.parked = false
            guard !state.gathered.isEmpty, state.failure == nil else { return false }
            state.queue.append(state.gathered)
            state.gathered = UploadBatch()
            defer { state.writing = true }
            return !state.writing
        }
        if start { submitWork() }
    }

    // MARK: On the workers

    private func submitWork() {
        environment.threads.work.runDetached { [self] in writeNextBatch() }
    }

    /// Writes one batch, then queues up again behind other sessions if there is more.
    private func writeNextBatch() {
        let work = state.withLock { state -> (UploadBatch, OwnedDescriptor, Int64)? in
            guard let file = state.file, let batch = state.queue.popFirst() else { return nil }
            return (batch, file, state.reservedEnd)
        }
        guard let (batch, file, reservedEnd) = work else { return finishBatch() }
        do {
            try writer.withLock { (writer) throws(ContentError) in
                if writer.written + Int64(batch.count) > reservedEnd {
                    try environment.gauge.admit(.growth, bytes: Int64(batch.count))
                }
                try writer.write(batch, to: file)
            }
        } catch {
            fail(error)
        }
        environment.pool.give(batch.charge)
        environment.metrics.buffersUsed(environment.pool.usage.used)
        finishBatch()
    }

    private func finishBatch() {
        let written = writer.withLock { $0.written }
        let (ready, again, sync) = state.withLock { state -> ([Waiter], Bool, OwnedDescriptor?) in
            state.writing = state.failure == nil && !state.queue.isEmpty
            var sync: OwnedDescriptor?
            if state.failure == nil, !state.syncing, written - state.syncMark >= environment.limits.durableBytes {
                state.syncing = true
                state.syncMark = written
                sync = state.file
            }
            return (Self.takeReady(&state), state.writing, sync)
        }
        for waiter in ready { waiter.continuation.resume() }
        if again { submitWork() }
        if let sync { submitSync(sync, written) }
    }

    /// Makes what is written so far durable, while more is hashed and written.
    private func submitSync(_ file: OwnedDescriptor, _ written: Int64) {
        environment.threads.sync.runDetached { [self] in
            do throws(ContentError) { try syncNow(file, written, .progress) } catch { fail(error) }
            let ready = state.withLock { state in
                state.syncing = false
                return Self.takeReady(&state)
            }
            for waiter in ready { waiter.continuation.resume() }
        }
    }

    /// One `fdatasync`, and note of how far it reached. After a failure the caller must kill the session. Blocks.
    func syncNow(_ file: OwnedDescriptor, _ written: Int64, _ kind: ContentMetrics.Sync) throws(ContentError) {
        try about(path) { () throws(SystemCallError) in try environment.filesystem.fdatasync(file.raw) }
        environment.metrics.fsyncs(kind)
        state.withLock { $0.durable = max($0.durable, written) }
        if kind == .progress { environment.durableProgress(id, written) }
    }

    static func liveFile(_ state: State, _ id: UploadID) throws(ContentError) -> OwnedDescriptor {
        if let failure = state.failure { throw failure }
        guard let file = state.file else { throw .sessionEnded(id) }
        return file
    }
}
