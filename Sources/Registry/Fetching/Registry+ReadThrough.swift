// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import Content
import Cryptography
import Logging
import NIOCore
package import OCI
import Synchronization

/// A blob as it can be served now.
package enum BlobReading: Sendable {
    case here(BlobFile)
    /// It is being fetched.
    case arriving(ArrivingBlob)
}

/// Reading what is not here yet from the registries that may have it.
///
/// Whether a caller may is decided before: his right to pull, quarantine, and the trust policy. Where the policy has
/// rules for a repository, only what is linked to it is fetched: what speaks for the rest is not here to be judged.
extension Registry {
    /// Says where the content of a repository may be had, in the order of asking. Asked for each miss, so it must not
    /// wait. Nowhere, unless it was set.
    package func setSources(_ sources: @escaping @Sendable (RepositoryName) -> [any ContentSource]) {
        contentSources.withLock { $0 = sources }
    }

    private func reachableSources(of repository: RepositoryName) -> [any ContentSource] {
        let mirror = mirrors.mirror(of: repository).flatMap { $0.mayFetch(repository) ? [$0.source] : nil }
        return contentSources.withLock { $0 }(repository).filter(\.isReachable) + (mirror ?? [])
    }

    /// Remembers for a moment that no source has it.
    func noteAbsence(of key: RecentAnswers.Key, in answers: RecentAnswers) {
        let limits = fetcher.options.limits
        answers.note(key, at: fetcher.options.elapsed(), for: limits.absence, most: limits.absences)
    }

    /// Opens a blob that the repository links to, or begins to fetch one that is not here and waits for its first byte.
    ///
    /// `observe` is given what is being fetched before it is waited for, so that it can be abandoned.
    /// - Throws: As `openBlob`; `RegistryError.elsewhere` where its bytes are known to be in registries that do not
    ///   give them now; `.storageFull`; `.overloaded`.
    package func readBlob(
        _ digest: Digest,
        in repository: RepositoryName,
        observe: (ArrivingBlob) -> Void
    ) async throws -> BlobReading {
        do {
            return .here(try await openBlob(digest, in: repository))
        } catch let error as RegistryError where error.isMiss {
            guard let (blob, isLinked) = try await board(digest, in: repository) else { throw error }
            observe(blob)
            do {
                try await translating { try await blob.begin() }
            } catch let failure as FetchError {
                if failure.isAbsence, !isLinked { throw error }
                throw RegistryError.elsewhere("no other registry gives the bytes now: \(failure)")
            }
            return .arriving(blob)
        }
    }

    /// The size of a blob that the repository links to, and of a mirror also of one that can be fetched.
    ///
    /// - Throws: As `statBlob`.
    package func readSize(of digest: Digest, in repository: RepositoryName) async throws -> Int64 {
        do {
            return try await statBlob(digest, in: repository)
        } catch let error as RegistryError where error.isMiss && isMirrored(repository) {
            let holding = try await translating { try await catalog.holding(of: digest, in: repository) }
            switch holding {
            case .elsewhere(let size), .damaged(let size): return size
            case .here, .deleted: throw error
            case .unlinked:
                let sources = reachableSources(of: repository)
                guard let size = try await sizeOfUnlinked(digest, in: repository, sources) else { throw error }
                return size
            }
        }
    }

    /// Joins or begins the fetch of a blob that is not here; nil where it is not to be had.
    private func board(
        _ digest: Digest,
        in repository: RepositoryName
    ) async throws -> (ArrivingBlob, isLinked: Bool)? {
        let sources = reachableSources(of: repository)
        let holding = try await translating { try await catalog.holding(of: digest, in: repository) }
        let (size, isLinked): (Int64, Bool)
        switch holding {
        case .here, .deleted: return nil
        case .elsewhere(let known):
            guard !sources.isEmpty else {
                throw RegistryError.elsewhere("the bytes are in another registry, which does not answer")
            }
            (size, isLinked) = (known, true)
        case .damaged(let known):
            guard !sources.isEmpty else { return nil }
            (size, isLinked) = (known, true)
        case .unlinked:
            guard !sources.isEmpty, let found = try await sizeOfUnlinked(digest, in: repository, sources) else {
                return nil
            }
            (size, isLinked) = (found, false)
        }
        guard size <= blobLimit else { throw RegistryError.blobTooLarge(limit: blobLimit) }
        let boarding = try boardFetch(
            of: digest,
            size: size,
            in: repository,
            isLinked: isLinked,
            from: sources,
            .client
        )
        let blob = ArrivingBlob(digest, size: size, boarding, holdback: fetcher.options.limits.holdback) {
            try await self.openBlob(digest, in: repository)
        }
        return (blob, isLinked)
    }

    /// A manifest of a mirror says how large a blob is that was not asked for yet; otherwise the sources are asked.
    private func sizeOfUnlinked(
        _ digest: Digest,
        in repository: RepositoryName,
        _ sources: [any ContentSource]
    ) async throws -> Int64? {
        let awaited = try await translating { try await catalog.awaitedSize(of: digest, in: repository) }
        if let awaited { return awaited }
        guard gate.rules(for: repository) == nil else { return nil }
        return try await sizeElsewhere(of: digest, in: repository, sources)
    }

    private func sizeElsewhere(
        of digest: Digest,
        in repository: RepositoryName,
        _ sources: [any ContentSource]
    ) async throws -> Int64? {
        let key = RecentAnswers.Key(repository: repository, reference: .digest(digest))
        guard !absentBlobs.contains(key, at: fetcher.options.elapsed()) else { return nil }
        return try await sizeQuestions.run(key) { [self] in
            for source in sources {
                let size = await answer(of: source, kind: .blob) { try await source.size(of: digest, in: repository) }
                if let size, size >= 0 { return size }
            }
            noteAbsence(of: key, in: absentBlobs)
            return nil
        }
    }

    /// The manifest that a tag or digest names, here or in a registry that may have it.
    ///
    /// A tag is asked for elsewhere only where nothing at all is known of it here, not even that it was deleted; so is
    /// a digest. What is found is served, not stored: it comes here with the log of the region that has it.
    /// - Throws: As `manifest`.
    package func readManifest(_ reference: Reference, in repository: RepositoryName) async throws -> ServedManifest {
        do {
            return try await manifest(reference, in: repository)
        } catch let error as RegistryError where error.isMiss {
            guard let found = try await manifestElsewhere(reference, in: repository) else { throw error }
            return found
        }
    }

    private func manifestElsewhere(
        _ reference: Reference,
        in repository: RepositoryName
    ) async throws -> ServedManifest? {
        let sources = reachableSources(of: repository)
        guard !sources.isEmpty, gate.rules(for: repository) == nil else { return nil }
        if case .digest(let digest) = reference { try await refuseQuarantined(digest) }
        let key = RecentAnswers.Key(repository: repository, reference: reference)
        guard !absentManifests.contains(key, at: fetcher.options.elapsed()) else { return nil }
        let isKnown = try await translating { try await catalog.knows(reference, in: repository) }
        guard !isKnown else { return nil }
        return try await manifestQuestions.run(key) { [self] in
            for source in sources {
                let found = await answer(of: source, kind: .manifest) {
                    try await source.manifest(reference, in: repository).map { try Self.verified($0, as: reference) }
                }
                if let found { return found }
            }
            noteAbsence(of: key, in: absentManifests)
            return nil
        }
    }

    /// Holds a manifest against the digest that was asked for, or that its source says it has.
    static func verified(_ found: SourceManifest, as reference: Reference) throws -> ServedManifest {
        let digest: Digest
        if case .digest(let asked) = reference { digest = asked } else { digest = found.digest }
        guard found.bytes.count <= OCILimits.manifestBytesLimit,
            try Digest.of(found.bytes, algorithm: digest.algorithm) == digest
        else { throw SourceError(.misbehaved, "its bytes are not those of \(digest)") }
        do {
            let manifest = try Manifest(parsing: found.bytes, contentType: found.mediaType)
            return ServedManifest(
                digest: digest,
                mediaType: manifest.mediaType,
                bytes: ByteBuffer(bytes: found.bytes)
            )
        } catch { throw SourceError(.misbehaved, "what it has is no manifest: \(error)") }
    }

    /// What a source says; nil for nothing, or nothing of use.
    private func answer<Value: Sendable>(
        of source: any ContentSource,
        kind: FetchMetrics.Kind,
        _ ask: @escaping @Sendable () async throws -> Value?
    ) async -> Value? {
        do { return try await timelyAnswer(of: source, kind: kind, ask) } catch { return nil }
    }

    /// What a source says within the time that it has; nil for nothing.
    func timelyAnswer<Value: Sendable>(
        of source: any ContentSource,
        kind: FetchMetrics.Kind,
        _ ask: @escaping @Sendable () async throws -> Value?
    ) async throws(SourceError) -> Value? {
        let (options, name) = (fetcher.options, source.name)
        do {
            let answer = try await withThrowingTaskGroup(of: Value?.self) { group in
                defer { group.cancelAll() }
                group.addTask { try await ask() }
                group.addTask {
                    try await options.sleep(options.limits.window)
                    throw SourceError(.unavailable, "it does not answer")
                }
                return try await group.next() ?? nil
            }
            fetcher.metrics.asked(name, kind, result: answer == nil ? SourceFault.absent.rawValue : "found")
            return answer
        } catch {
            let failure = (error as? SourceError) ?? SourceError(.unavailable, "\(error)")
            fetcher.metrics.asked(name, kind, result: failure.fault.rawValue)
            if failure.code != .absent {
                logger.warning("source failed", metadata: ["source": "\(name)", "reason": "\(failure.reason)"])
            }
            throw failure
        }
    }
}

extension RegistryError {
    /// Whether it only says that something is not here.
    var isMiss: Bool {
        switch self {
        case .nameUnknown, .blobUnknown, .manifestUnknown: true
        default: false
        }
    }
}
