// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import NIOCore
import OCI
import Registry

/// What clients do.
extension Actor {
    /// Somebody was told that a blob is here.
    private struct Grant {
        let since: Int64
        let mark: Knowledge.Mark
    }

    // MARK: Pushing

    /// Pushes an image as clients do: asks for each blob, mounts or uploads what is not here, then puts the manifest.
    /// An index is put over images that may be there or not.
    func push() async throws {
        let repository = schedule.dice.pick(schedule.repositories)
        let image = schedule.dice.pick(schedule.images)
        var grants: [Digest: Grant] = [:]
        for number in schedule.dice.shuffle(image.blobs) {
            let blob = universe.blobs[number]
            grants[blob.digest] = try await bring(blob, to: repository)
            if once(in: 3) { try await pause(atMost: 5) }
        }
        if once(in: 2) { try await pause(atMost: Int(Life.grace)) }
        if once(in: 8) { try await pause(atMost: Int(Life.grace)) }
        try await put(image, in: repository, grants)
    }

    /// Sees to it that a repository has a blob, in one of the ways there are.
    private func bring(_ blob: Universe.Blob, to repository: RepositoryName) async throws -> Grant {
        let thing = Knowledge.Thing(repository: repository, digest: blob.digest)
        var grant = Grant(since: schedule.elapsed, mark: schedule.knowledge.mark(thing))
        if try await isHere(thing) {
            schedule.count(.skips)
            return grant
        }
        if once(in: 2) {
            let source = once(in: 4) ? nil : schedule.dice.pick(schedule.repositories)
            grant = Grant(since: schedule.elapsed, mark: schedule.knowledge.mark(thing))
            let isMounted = try await ask {
                try await registry.mount(blob.digest, from: source, to: repository, caller: caller)
            }.get()
            if isMounted {
                schedule.count(.mounts)
                return grant
            }
        }
        grant = Grant(since: schedule.elapsed, mark: schedule.knowledge.mark(thing))
        if once(in: 3) {
            try await uploadInSession(blob, to: repository)
        } else {
            try await upload(blob, to: repository)
        }
        schedule.count(.uploads)
        return grant
    }

    private func isHere(_ thing: Knowledge.Thing) async throws -> Bool {
        if schedule.mutant == .leaselessHead {
            let found = try await ask { try await life.catalog.blob(thing.digest, in: thing.repository) }.get()
            if case .present = found { return true }
            return false
        }
        let answer = try await ask { try await registry.statBlob(thing.digest, in: thing.repository) }
        switch answer {
        case .success: return true
        case .failure(.nameUnknown), .failure(.blobUnknown(_, .notLinked)): return false
        case .failure(.blobUnknown(let digest, _)) where schedule.knowledge.wasDamaged(digest): return false
        case .failure(let error): throw error
        }
    }

    private func upload(_ blob: Universe.Blob, to repository: RepositoryName) async throws {
        try await ask {
            try await registry.putBlob(
                ByteBuffer(bytes: blob.bytes),
                as: blob.digest,
                in: repository,
                caller: caller
            )
        }.get()
    }

    private func uploadInSession(_ blob: Universe.Blob, to repository: RepositoryName) async throws {
        let session = try await ask {
            try await registry.startUpload(in: repository, hint: nil, expectedBytes: nil, caller: caller)
        }.get()
        let claim = try registry.claim(session)
        let half = blob.bytes.count / 2
        try await ask { try await claim.append(ByteBuffer(bytes: blob.bytes.prefix(half))) }.get()
        if once(in: 2) { _ = try await ask { try await claim.flush() }.get() }
        try await ask { try await claim.append(ByteBuffer(bytes: blob.bytes.dropFirst(half))) }.get()
        try await ask { try await registry.commit(claim, as: blob.digest, in: repository, caller: caller) }.get()
    }

    /// Puts a manifest. A blob that it was told of within the grace period must be here, unless somebody deleted it.
    private func put(
        _ image: Universe.Image,
        in repository: RepositoryName,
        _ grants: [Digest: Grant]
    ) async throws {
        let thing = Knowledge.Thing(repository: repository, digest: image.digest)
        let mark = schedule.knowledge.mark(thing)
        let reference: Reference = once(in: 2) ? .tag(schedule.dice.pick(universe.tags)) : .digest(image.digest)
        let answer = try await ask {
            try await registry.putManifest(
                ManifestPush(reference: reference, contentType: nil, bytes: image.bytes),
                in: repository,
                caller: caller
            )
        }
        switch answer {
        case .success:
            schedule.count(.puts)
            schedule.knowledge.acknowledge(thing, since: mark)
        case .failure(.manifestBlobUnknown(let missing)):
            schedule.count(.refusals)
            for digest in missing {
                guard let grant = grants[digest], schedule.elapsed - grant.since < Life.grace else { continue }
                let blob = Knowledge.Thing(repository: repository, digest: digest)
                guard schedule.knowledge.isUndisturbed(blob, since: grant.mark) else { continue }
                schedule.violate(
                    "blob \(digest.hex.prefix(8)) vanished \(schedule.elapsed - grant.since) s after it was promised"
                )
            }
        case .failure(let error): throw error
        }
    }

    // MARK: Pulling

    /// Pulls an image that was acknowledged: all of it has to come, whole, unless somebody deletes it meanwhile.
    func pull() async throws {
        let served = schedule.knowledge.served.inOrder
        if !served.isEmpty { try await pull(schedule.dice.pick(served), pausing: true) }
    }

    func pull(_ thing: Knowledge.Thing, pausing: Bool) async throws {
        guard let image = universe.images.first(where: { $0.digest == thing.digest }) else { return }
        let mark = schedule.knowledge.mark(thing)
        let manifest = try await ask { try await registry.manifest(.digest(thing.digest), in: thing.repository) }
        switch manifest {
        case .success(let served):
            if Array(buffer: served.bytes) != image.bytes { schedule.violate("a manifest has other bytes") }
        case .failure(let error): complain("the manifest", thing, mark, [thing.digest], error)
        }
        for number in image.blobs {
            let blob = universe.blobs[number]
            if pausing, once(in: 3) { try await pause(atMost: 10) }
            let content = try await ask {
                let file = try await registry.openBlob(blob.digest, in: thing.repository)
                if pausing, once(in: 3) { try await pause(atMost: 10) }
                return try await Array(buffer: file.read(at: 0, count: Int(file.size)))
            }
            switch content {
            case .success(let bytes):
                let isExcused = schedule.knowledge.wasDamaged(blob.digest)
                if bytes != blob.bytes, !isExcused { schedule.violate("a blob was served with other bytes") }
            case .failure(let error): complain("a blob", thing, mark, [thing.digest, blob.digest], error)
            }
        }
        schedule.count(.pulls)
    }

    private func complain(
        _ what: String,
        _ thing: Knowledge.Thing,
        _ mark: Knowledge.Mark,
        _ digests: [Digest],
        _ error: RegistryError
    ) {
        guard schedule.knowledge.served.contains(thing), schedule.knowledge.isUndisturbed(thing, since: mark),
            !digests.contains(where: schedule.knowledge.wasDamaged)
        else { return }
        schedule.violate("\(what) of a live image cannot be pulled: \(error)")
    }

    // MARK: Deleting

    func deleteManifest() async throws {
        let served = schedule.knowledge.served.inOrder
        if !served.isEmpty { _ = try await delete(schedule.dice.pick(served)) }
    }

    /// Whether the manifest went.
    func delete(_ thing: Knowledge.Thing) async throws -> Bool {
        let answer = try await removing(thing, isDone: { (_: String) in true }) {
            try await registry.deleteManifest(
                .digest(thing.digest),
                in: thing.repository,
                condition: .none,
                caller: caller
            )
        }
        switch answer {
        case .success:
            schedule.count(.deletions)
            return true
        case .failure(.manifestUnknown), .failure(.nameUnknown), .failure(.manifestReferenced): return false
        case .failure(let error): throw error
        }
    }

    func deleteTag() async throws {
        let answer = try await ask {
            try await registry.deleteManifest(
                .tag(schedule.dice.pick(universe.tags)),
                in: schedule.dice.pick(schedule.repositories),
                condition: .none,
                caller: caller
            )
        }
        switch answer {
        case .success, .failure(.manifestUnknown), .failure(.nameUnknown): return
        case .failure(let error): throw error
        }
    }

    func deleteBlob() async throws {
        let thing = Knowledge.Thing(
            repository: schedule.dice.pick(schedule.repositories),
            digest: schedule.dice.pick(universe.blobs).digest
        )
        let answer = try await removing(thing, isDone: { (_: Void) in true }) {
            try await registry.deleteBlob(thing.digest, in: thing.repository, caller: caller)
        }
        switch answer {
        case .success: schedule.count(.deletions)
        case .failure(.blobUnknown), .failure(.nameUnknown), .failure(.blobReferenced): return
        case .failure(let error): throw error
        }
    }

    /// Deletes an image and brings it back within the window, as a retention run that is undone.
    func trashAndRestore() async throws {
        let served = schedule.knowledge.served.inOrder
        guard !served.isEmpty else { return }
        let thing = schedule.dice.pick(served)
        // The window begins when the server deletes it, not when that is known here.
        let since = schedule.elapsed
        guard try await delete(thing) else { return }
        try await pause(atMost: Int(Life.undo))
        let mark = schedule.knowledge.mark(thing)
        let item = RetentionItem(
            item: 1,
            root: 1,
            repository: thing.repository,
            tag: nil,
            digest: thing.digest,
            isKept: false,
            rule: nil,
            reason: "",
            stamp: HybridTimestamp(rawValue: 0),
            setAt: nil,
            state: .done
        )
        let outcome = try await ask {
            try await life.catalog.restore([item], of: 1, context: caller.context)
        }.get()
        guard outcome.conflicts.isEmpty else {
            let isGone = outcome.conflicts.contains { $0.contains("gone for good") }
            if isGone, schedule.elapsed - since < Life.undo, schedule.knowledge.isUndisturbed(thing, since: mark) {
                schedule.violate("a deleted image was gone \(schedule.elapsed - since) s after it was deleted")
            }
            return
        }
        schedule.count(.restores)
        schedule.knowledge.acknowledge(thing, since: mark)
    }
}
