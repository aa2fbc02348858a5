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
    ///
    /// - Parameters:
    ///   - names: The names of all that may be asked, so that what they do wrong is counted from 0 on.
    ///   - sources: Those of a repository.
    package func setSources(
        named names: [String] = [],
        _ sources: @escaping @Sendable (RepositoryName) -> [any ContentSource]
    ) {
        for name in names { fetcher.metrics.begin(name, [.manifest, .blob]) }
        contentSources.withLock { $0 = sources }
    }

    /// Those that answered when they were last asked, and the registry that the repository is a mirror of. Waits until
    /// that is known of each, but not for any that is down.
    func reachableSources(of repository: RepositoryName) async -> [any ContentSource] {
        var (reachable, silent): ([any ContentSource], [any ContentSource]) = ([], [])
        for source in contentSources.withLock({ $0 })(repository) {
            await source.untilKnown()
            guard source.isReachable else { continue }
            let isSilent = silences.contains(source.name, at: fetcher.options.elapsed())
            if isSilent { silent.append(source) } else { reachable.append(source) }
        }
        reachable += silent
        if let mirror = mirrors.mirror(of: repository), mirror.mayFetch(repository) { reachable.append(mirror.source) }
        return reachable
    }

    private func hasSources(of repository: RepositoryName) -> Bool {
        !contentSources.withLock({ $0 })(repository).isEmpty || mirrors.mirror(of: repository) != nil
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
            guard let (blob, isLinked) = try await board(digest, in: repository) else {
                // It may have come between the two looks.
                return .here(try await openBlob(digest, in: repository))
            }
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
            case .here:
                // It came between the two looks.
                return try await statBlob(digest, in: repository)
            case .deleted: throw error
            case .unlinked:
                let sources = await reachableSources(of: repository)
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
        let sources = await reachableSources(of: repository)
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
        return try await sizeQuestions.run(key) { [self] in
            guard !absentBlobs.contains(key, at: fetcher.options.elapsed()) else { return nil }
            // It may have come since the caller looked, and nothing awaits it any more.
            switch try await translating({ try await catalog.holding(of: digest, in: repository) }) {
            case .here(let size), .elsewhere(let size), .damaged(let size): return size
            case .deleted: return nil
            case .unlinked: break
            }
            let size = try await firstAnswer(of: sources, kind: .blob) { source in
                try await source.size(of: digest, in: repository).flatMap { $0 >= 0 ? $0 : nil }
            }
            if let size { return size }
            noteAbsence(of: key, in: absentBlobs)
            return nil
        }
    }

    /// The manifest that a tag or digest names, here or in a registry that may have it.
    ///
    /// What a tag is, only a log says: of one that is not known here, the entries of other regions that are here and do
    /// not count yet, since they wait for their bytes. A digest is asked for elsewhere where nothing at all is known of
    /// it here, not even that it was deleted. What is found is served, not stored: it comes here with its log.
    /// - Throws: As `manifest`; `RegistryError.elsewhere` where a registry that may have it does not answer.
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
        guard hasSources(of: repository), gate.rules(for: repository) == nil else { return nil }
        let named: Digest?
        switch reference {
        case .digest(let digest): named = digest
        case .tag(let tag):
            // What the regions' logs had at a start is here then.
            _ = await reachableSources(of: repository)
            named = try await translating { try await catalog.announced(tag, in: repository) }
        }
        guard let digest = named else { return nil }
        try await refuseQuarantined(digest)
        let key = RecentAnswers.Key(repository: repository, reference: .digest(digest))
        guard !absentManifests.contains(key, at: fetcher.options.elapsed()) else { return nil }
        guard try await !translating({ try await catalog.knows(digest, in: repository) }) else { return nil }
        let sources = await reachableSources(of: repository)
        guard !sources.isEmpty else { return nil }
        return try await manifestQuestions.run(key) { [self] in
            guard !absentManifests.contains(key, at: fetcher.options.elapsed()) else { return nil }
            let found = try await firstAnswer(of: sources, kind: .manifest) { source in
                let found = try await source.manifest(.digest(digest), in: repository)
                return try found.map { try Self.verified($0, as: .digest(digest)) }
            }
            if let found { return found }
            noteAbsence(of: key, in: absentManifests)
            return nil
        }
    }

    /// Holds a manifest against the digest that was asked for, or, where a tag was, that its source says it has.
    static func verified(_ found: SourceManifest, as reference: Reference) throws -> ServedManifest {
        let digest = reference.digest ?? found.digest
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
