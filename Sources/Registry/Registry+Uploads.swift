// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import Content
import Logging
package import NIOCore
package import OCI

extension Registry {
    /// Opens an upload session.
    ///
    /// `hint` is the algorithm of the digest to come, if the client said so: then it is computed while receiving.
    /// `expectedBytes` is the length to come, if known: then a disk or a quota without room for it is refused now.
    /// `digest` is that of the bytes to come, if known: what the repository holds already needs no quota.
    /// - Throws: `RegistryError.uploadsExhausted` when the caller has as many sessions open as it may have.
    package func startUpload(
        in repository: RepositoryName,
        hint: Digest.Algorithm?,
        expectedBytes: Int64?,
        digest: Digest? = nil,
        caller: Caller
    ) async throws -> UploadSession {
        try await translating {
            if let limit = caller.uploadLimit, uploads.count(of: caller.context.actor) >= limit {
                throw RegistryError.uploadsExhausted(limit: limit)
            }
            try await checkQuotas(of: caller, adding: expectedBytes ?? 0, of: digest, to: repository)
            let session = try await content.startUpload(hint: hint, expectedBytes: expectedBytes)
            let isWithinLimit = uploads.add(
                session.id,
                repository: repository,
                context: caller.context,
                started: catalog.serviceTime.seconds,
                limit: caller.uploadLimit
            )
            guard isWithinLimit else {
                _ = await session.cancel()
                throw RegistryError.uploadsExhausted(limit: caller.uploadLimit ?? 0)
            }
            return session
        }
    }

    /// A session by the id that a client gave, brought back from a former run where need be. Only for who opened it.
    package func upload(
        _ text: String,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> UploadSession {
        try await translating {
            guard let id = UploadID(text),
                let owner = uploads.owner(of: id, in: repository, actor: caller.context.actor)
            else {
                throw RegistryError.uploadUnknown(text)
            }
            if let session = content.upload(id) { return session }
            guard let dormant = owner.dormant,
                let session = try await content.resume(id, durableOffset: dormant.record.durableOffset)
            else {
                await forget(id)
                throw RegistryError.uploadUnknown(text)
            }
            uploads.wake(id)
            return session
        }
    }

    /// The exclusive right to write to a session, for one request.
    package func claim(_ session: UploadSession) throws -> UploadClaim {
        switch session.claim() {
        case .claimed(let claim): return claim
        case .busy: throw RegistryError.uploadBusy(offset: session.offset)
        case .ended: throw RegistryError.uploadUnknown(session.id.description)
        }
    }

    /// Makes a session's bytes the blob with this digest, and links it to the repository: durable once it returns.
    ///
    /// - Throws: `RegistryError.digestMismatch` or `.quotaExceeded`, after which the session is gone.
    package func commit(
        _ claim: UploadClaim,
        as digest: Digest,
        in repository: RepositoryName,
        caller: Caller
    ) async throws {
        let id = claim.session.id
        let size = claim.offset
        do {
            try await translating { try await checkQuotas(of: caller, adding: size, of: digest, to: repository) }
        } catch {
            // Nothing but its bytes would come of the session.
            _ = await claim.session.cancel()
            await forget(id)
            throw error
        }
        do {
            let recorded = uploads.owner(of: id)?.isRecorded ?? false
            let outcome = try await claim.commit(expecting: digest) {
                try await catalog.linkUploadedBlob(
                    digest,
                    size: size,
                    in: repository,
                    upload: recorded ? id.description : nil,
                    quotas: caller.storageQuotas,
                    context: caller.context
                )
            }
            if case .overQuota(let excess) = outcome { throw RegistryError(excess) }
            uploads.forget(id)
        } catch let error as ContentError where error.code == .digestMismatch {
            await forget(id)
            throw RegistryError.digestMismatch(given: digest, actual: error.actual)
        } catch {
            await forget(id)
            throw translated(error)
        }
    }

    /// Stores a body that came whole with its digest, when it is small enough to stand in memory.
    package func putBlob(
        _ bytes: ByteBuffer,
        as digest: Digest,
        in repository: RepositoryName,
        caller: Caller
    ) async throws {
        let size = Int64(bytes.readableBytes)
        guard size <= blobLimit else { throw RegistryError.blobTooLarge(limit: blobLimit) }
        do {
            try await checkQuotas(of: caller, adding: size, of: digest, to: repository)
            let outcome = try await content.put(bytes, digest: digest) {
                try await catalog.linkUploadedBlob(
                    digest,
                    size: size,
                    in: repository,
                    upload: nil,
                    quotas: caller.storageQuotas,
                    context: caller.context
                )
            }
            if case .overQuota(let excess) = outcome { throw RegistryError(excess) }
        } catch let error as ContentError where error.code == .digestMismatch {
            throw RegistryError.digestMismatch(given: digest, actual: error.actual)
        } catch {
            throw translated(error)
        }
    }

    /// Ends a session and drops its bytes.
    package func cancelUpload(_ text: String, in repository: RepositoryName, caller: Caller) async throws {
        let session = try await upload(text, in: repository, caller: caller)
        guard await session.cancel() else { throw RegistryError.uploadUnknown(text) }
        await forget(session.id)
    }

    /// Notes bytes of a session that a power cut can no longer take, so that it can be resumed after one.
    ///
    /// A session that ended meanwhile leaves a row without a file, which expires like any other.
    package func recordProgress(_ id: UploadID, durableOffset: Int64) async {
        guard durableOffset > 0, let owner = uploads.markRecorded(id) else { return }
        do {
            if !owner.isRecorded {
                try await catalog.createUpload(
                    id.description,
                    in: owner.repository,
                    lifetime: RegistryLimits.uploadLifeSeconds,
                    context: owner.context
                )
            }
            try await catalog.updateUpload(id.description, durableOffset: durableOffset)
        } catch {
            logger.warning("upload progress not recorded", metadata: ["upload": "\(id)", "error": "\(error)"])
        }
    }

    /// Drops sessions that nobody used for `RegistryLimits.uploadIdleSeconds`, or that are older than they may get.
    package func expireUploads() async {
        let now = catalog.serviceTime.seconds
        for (id, owner) in uploads.all {
            let open = content.upload(id)
            // A request that takes longer than the limit is no idleness: slow ones are ended by their body's rate.
            let isInUse = open.map { $0.phase == .receiving || $0.phase == .finalizing } ?? (owner.dormant != nil)
            let lastUsed = open?.lastUsed ?? owner.started
            let isIdle = !isInUse && now - lastUsed > RegistryLimits.uploadIdleSeconds
            guard isIdle || now - owner.started > RegistryLimits.uploadLifeSeconds else { continue }
            if let session = content.upload(id) {
                guard await session.cancel() else { continue }
            }
            await forget(id)
            logger.info("upload session expired", metadata: ["upload": "\(id)"])
        }
    }

    /// Makes every open session resumable after a planned restart. Called when no request is in flight any more.
    package func drain() async {
        for (id, durableOffset) in await content.drain() {
            await recordProgress(id, durableOffset: durableOffset)
        }
    }

    private func forget(_ id: UploadID) async {
        guard let owner = uploads.forget(id), owner.isRecorded else { return }
        _ = try? await catalog.deleteUpload(id.description)
    }
}
