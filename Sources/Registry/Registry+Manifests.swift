// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Cryptography
import NIOCore
package import OCI

/// A manifest that a client pushes, before it is checked.
package struct ManifestPush: Sendable {
    package var reference: Reference
    /// Further tags of a push by digest (`?tag=`).
    package var tags: [Tag] = []
    package var contentType: MediaType?
    package var bytes: [UInt8]
    package var condition: TagCondition = .none
    /// What it has to do with the search for secrets; found out by the registry unless it is its own report.
    var scanRole = ScanRole.none

    package init(reference: Reference, contentType: MediaType?, bytes: [UInt8]) {
        self.reference = reference
        self.contentType = contentType
        self.bytes = bytes
    }
}

extension ManifestPush {
    /// The digest by which it is stored.
    package var digest: Digest {
        get throws { try Digest.of(bytes, algorithm: reference.digest?.algorithm ?? .sha256) }
    }
}

/// What a stored manifest's answer says.
package struct StoredPush: Sendable {
    package let digest: Digest
    package let subject: Digest?
    /// The id of the event that records the change.
    package let event: String
    package let tags: [Tag]

    package init(digest: Digest, subject: Digest?, event: String, tags: [Tag]) {
        self.digest = digest
        self.subject = subject
        self.event = event
        self.tags = tags
    }
}

extension Registry {
    /// The manifest that a tag or digest names, from the cache while nothing in the repository has changed.
    ///
    /// - Throws: `RegistryError.manifestUnknown`, `.nameUnknown` where nothing at all is known of the repository, or
    ///   `.manifestDamaged`.
    package func manifest(_ reference: Reference, in repository: RepositoryName) async throws -> ServedManifest {
        let key = ManifestCache.Key(repository: repository, reference: reference)
        if let hit = manifests.find(key) { return hit }
        return try await translating {
            let mark = catalog.mark(of: repository)
            guard let record = try await catalog.manifest(reference, in: repository) else {
                guard try await catalog.repositoryExists(repository) else {
                    throw RegistryError.nameUnknown(repository)
                }
                throw RegistryError.manifestUnknown(reference)
            }
            let served = ServedManifest(
                digest: record.digest,
                mediaType: record.mediaType,
                bytes: ByteBuffer(bytes: try await wholeBytes(of: record))
            )
            if mark.isCurrent { manifests.fill(key, served, mark: mark) }
            return served
        }
    }

    /// Stores a manifest under its digest and the tags named, as one change.
    ///
    /// An immutable tag gets a value only where the repository's home is: elsewhere nothing is stored.
    ///
    /// The manifest's own bytes become a durable blob first; then blob, link, manifest, edges, tags and events commit
    /// together. A crash in between leaves a whole file that nothing refers to.
    package func putManifest(
        _ push: ManifestPush,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> StoredPush {
        let manifest: Manifest
        do {
            manifest = try Manifest(parsing: push.bytes, contentType: push.contentType)
        } catch {
            throw RegistryError.manifestInvalid(error)
        }
        var tags = push.tags
        let digest: Digest
        switch push.reference {
        case .digest(let given):
            digest = try Digest.of(push.bytes, algorithm: given.algorithm)
            guard digest == given else { throw RegistryError.manifestDigestMismatch(given: given, actual: digest) }
        case .tag(let tag):
            digest = try Digest.of(push.bytes)
            tags.insert(tag, at: 0)
        }
        let names = tags
        guard manifest.isAttached(under: names) || caller.mayPush(names) else { throw RegistryError.pushDenied }
        try await checkPromotion(of: digest, manifest, under: names, in: repository, caller: caller)
        return try await translating {
            try await checkQuotas(of: caller, adding: Int64(push.bytes.count), of: digest, to: repository)
            let outcome = try await content.put(push.bytes, digest: digest) {
                try await catalog.putManifest(
                    manifest,
                    digest: digest,
                    in: repository,
                    tags: names,
                    condition: push.condition.precondition,
                    overwrites: caller.verdicts(on: names),
                    immutable: Set(names.filter(caller.isImmutable)),
                    quotas: caller.storageQuotas,
                    scanRole: push.scanRole == .none && gate.wantsScan(of: manifest, in: repository)
                        ? .wanted : push.scanRole,
                    context: caller.context
                )
            }
            switch outcome {
            case .stored(let stored):
                if gate.holds(manifest) { try await refreshQuarantine() }
                await judgeSubject(of: manifest, under: names, in: repository)
                return StoredPush(
                    digest: digest,
                    subject: manifest.subject?.digest,
                    event: stored.event.description,
                    tags: names
                )
            default:
                throw Self.refusal(outcome)
            }
        }
    }

    /// What a tag points to here; nil where it is not here.
    package func currentDigest(of tag: Tag, in repository: RepositoryName) async throws -> Digest? {
        try await translating { try await catalog.manifest(.tag(tag), in: repository)?.digest }
    }

    /// Whether a manifest is here and not deleted.
    package func hasManifest(_ digest: Digest, in repository: RepositoryName) async throws -> Bool {
        try await translating { try await catalog.manifest(.digest(digest), in: repository) != nil }
    }

    static func refusal(_ outcome: ManifestPut) -> RegistryError {
        switch outcome {
        case .unresolved(let references):
            if let mismatch = references.sizeMismatches.first, references.missingBlobs.isEmpty,
                references.missingManifests.isEmpty
            {
                return .manifestSizeInvalid(mismatch.digest, declared: mismatch.declared, stored: mismatch.actual)
            }
            return .manifestBlobUnknown(references.missingBlobs + references.missingManifests)
        case .preconditionFailed(_, let current): return .preconditionFailed(current: current)
        case .overwriteDenied(let tag, let current, let reason):
            return .overwriteDenied(tag: tag, current: current, reason: reason)
        case .bound(let pin): return .bound(PinNote(pin))
        case .overQuota(let excess): return RegistryError(excess)
        case .tooManyTags(let limit), .tooManyReferrers(let limit): return .tooManyTags(limit: limit)
        case .indexTooDeep(let limit): return .manifestNestedTooDeep(limit: limit)
        case .awayFromHome(let home): return .awayFromHome(log: home.origin, reason: home.reason ?? "")
        case .stored: return .fault("a stored manifest was refused")
        }
    }

    /// Deletes a tag, or a manifest with its tags. What a digest names can be brought back within the undo window.
    package func deleteManifest(
        _ reference: Reference,
        in repository: RepositoryName,
        condition: TagCondition,
        caller: Caller
    ) async throws -> String {
        try await translating {
            switch reference {
            case .tag(let tag):
                let outcome = try await catalog.deleteTag(
                    tag,
                    in: repository,
                    condition: condition.precondition,
                    context: caller.context
                )
                switch outcome {
                case .deleted(let event, _): return event.description
                case .notFound: throw await missing(reference, in: repository)
                case .preconditionFailed(let current): throw RegistryError.preconditionFailed(current: current)
                case .bound(let pin): throw RegistryError.bound(PinNote(pin))
                }
            case .digest(let digest):
                let outcome = try await catalog.deleteManifest(
                    digest,
                    in: repository,
                    condition: condition.precondition,
                    context: caller.context
                )
                switch outcome {
                case .deleted(let event, _): return event.description
                case .notFound: throw await missing(reference, in: repository)
                case .held(let parents): throw RegistryError.manifestReferenced(digest, by: parents)
                case .bound(let pin): throw RegistryError.bound(PinNote(pin))
                case .tooManyTags(let limit): throw RegistryError.manifestHasTooManyTags(digest, limit: limit)
                case .preconditionFailed(let current): throw RegistryError.preconditionFailed(current: current)
                }
            }
        }
    }

    private func missing(_ reference: Reference, in repository: RepositoryName) async -> RegistryError {
        let exists = (try? await catalog.repositoryExists(repository)) ?? true
        return exists ? .manifestUnknown(reference) : .nameUnknown(repository)
    }
}
