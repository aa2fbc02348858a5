// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Logging
import NIOCore
package import OCI

/// A manifest of a mirror.
package struct MirroredManifest: Sendable {
    package let manifest: ServedManifest
    /// A sentence that it may be out of date; nil where it is not.
    package let staleness: String?
}

/// Repositories that mirror those of other registries.
///
/// A manifest that is fetched counts as any other one here, with its events, by the actor `upstream:NAME`. What it
/// refers to is fetched when it is asked for. Whether a caller may pull is decided before.
extension Registry {
    /// Names the registries that are mirrored. Nothing is, unless it was set.
    package func setMirrors(_ mirrors: [MirroredRegistry]) {
        for mirror in mirrors { fetcher.metrics.begin(mirror.source.name, [.tag, .manifest, .blob]) }
        self.mirrors.use(mirrors)
    }

    package func isMirrored(_ repository: RepositoryName) -> Bool { mirrors.mirror(of: repository) != nil }

    /// The repository that a request means: of a namespace, as clients of mirrors name it, and with what its registry
    /// puts before short names. Where nothing is mirrored a namespace means nothing: clients send one to any registry
    /// that they use as a mirror of another.
    ///
    /// - Throws: `RegistryError.upstreamUnknown`; `.nameUnknown` where the name gets too long.
    package func placed(_ name: RepositoryName, namespace: String?) throws -> RepositoryName {
        do {
            if let namespace, mirrors.mirrorsAny {
                guard let mirror = mirrors.mirror(named: Substring(namespace)) else {
                    throw RegistryError.upstreamUnknown(namespace, known: mirrors.names)
                }
                return try mirror.local(Substring(name.description))
            }
            guard let mirror = mirrors.mirror(of: name) else { return name }
            return try mirror.local(name.description.dropFirst(mirror.name.description.count + 1))
        } catch is ParsingError {
            throw RegistryError.nameUnknown(name)
        }
    }

    /// The manifest of a mirrored repository; nil where the repository is none.
    ///
    /// By digest, what is here is served without a question. By tag, what is here is served while the last answer about
    /// it counts, and, with a warning, where the other registry does not answer.
    /// - Throws: As `manifest`; `.elsewhere` and `.upstreamRefuses` where it is not here and could not be fetched.
    package func mirroredManifest(
        _ reference: Reference,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> MirroredManifest? {
        guard let mirror = mirrors.mirror(of: repository) else { return nil }
        let here: ServedManifest?
        var miss = RegistryError.manifestUnknown(reference)
        do {
            here = try await manifest(reference, in: repository)
        } catch let error as RegistryError where error.isMiss || error.isDamage {
            (here, miss) = (nil, error)
        }
        let key = RecentAnswers.Key(repository: repository, reference: reference)
        let now = fetcher.options.elapsed()
        if let here, reference.digest != nil || mirrors.fresh.contains(key, at: now) || !mirror.mayFetch(repository) {
            return MirroredManifest(manifest: here, staleness: nil)
        }
        guard mirror.mayFetch(repository), !absentManifests.contains(key, at: now) else { throw miss }
        if let digest = reference.digest { try await refuseQuarantined(digest) }
        if let here, mirrors.isPaused(mirror, at: now) { return Self.stale(here, mirror) }
        switch try await answer(mirror, reference, here, in: repository, caller: caller) {
        case .found(let manifest): return MirroredManifest(manifest: manifest, staleness: nil)
        case .absent: throw miss
        case .failed(let error):
            if let here { return Self.stale(here, mirror) }
            if error.code == .refused { throw RegistryError.upstreamRefuses(mirror.name.description, error.reason) }
            throw RegistryError.elsewhere("\(mirror.name): \(error.reason)")
        }
    }

    /// What it says, once for all who ask at one time. What keeps an answer from being stored does not keep what is
    /// here from being served.
    private func answer(
        _ mirror: MirroredRegistry,
        _ reference: Reference,
        _ here: ServedManifest?,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> MirrorAnswer {
        let key = RecentAnswers.Key(repository: repository, reference: reference)
        do {
            guard mirrors.questions.admits(key, most: fetcher.options.limits.mirrorQuestions) else {
                throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
            }
            return try await mirrors.questions.run(key) { [self] in
                try await translating { try await ask(mirror, reference, here, in: repository, caller: caller) }
            }
        } catch let error as RegistryError where here != nil {
            logger.warning("tag not renewed", metadata: ["repository": "\(repository)", "reason": "\(error)"])
            return .failed(SourceError(.unavailable, "its answer was not kept"))
        }
    }

    private static func stale(_ here: ServedManifest, _ mirror: MirroredRegistry) -> MirroredManifest {
        MirroredManifest(manifest: here, staleness: "\(mirror.name) may have something else by now")
    }

    /// Asks, and stores what is new. One task does it for all who wait.
    private func ask(
        _ mirror: MirroredRegistry,
        _ reference: Reference,
        _ here: ServedManifest?,
        in repository: RepositoryName,
        caller: Caller
    ) async throws -> MirrorAnswer {
        let key = RecentAnswers.Key(repository: repository, reference: reference)
        let (limits, elapsed) = (fetcher.options.limits, fetcher.options.elapsed)
        let context = Catalog.Context(actor: mirror.source.name, requestID: caller.requestID)
        // Another's question may have been answered while this caller looked for what is here.
        if reference.digest != nil || mirrors.fresh.contains(key, at: elapsed()),
            let known = try? await manifest(reference, in: repository)
        {
            return .found(known)
        }
        if absentManifests.contains(key, at: elapsed()) { return .absent }
        do {
            let found: ServedManifest?
            var tag: Tag?
            switch reference {
            case .digest: found = try await fetched(reference, from: mirror, in: repository)
            case .tag(let named):
                tag = named
                found = try await current(named, here, from: mirror, in: repository)
            }
            mirrors.note(mirror, hasFailed: false, at: elapsed(), limits)
            guard let found else {
                if let tag, here != nil { await remove(tag, in: repository, context) }
                noteAbsence(of: key, in: absentManifests)
                return .absent
            }
            let stored =
                found.digest == here?.digest ? found : try await store(found, as: tag, in: repository, mirror, context)
            if tag != nil { mirrors.fresh.note(key, at: elapsed(), for: mirror.fresh, most: limits.freshTags) }
            return .found(stored)
        } catch let error as SourceError {
            mirrors.note(mirror, hasFailed: [.unavailable, .silent].contains(error.code), at: elapsed(), limits)
            return .failed(error)
        }
    }

    /// What a tag stands for there: what is here, where that has not changed. nil where it is none.
    private func current(
        _ tag: Tag,
        _ here: ServedManifest?,
        from mirror: MirroredRegistry,
        in repository: RepositoryName
    ) async throws -> ServedManifest? {
        let (source, known) = (mirror.source, here?.digest)
        let stand = try await timelyAnswer(of: source, kind: .tag) {
            try await source.stand(of: tag, known: known, in: repository)
        }
        switch stand {
        case nil, .absent: return nil
        case .manifest(let found): return try Self.verified(found, as: .tag(tag))
        case .digest(let digest):
            if let here, here.digest == digest { return here }
            // It may have been fetched under another tag.
            if let other = try? await manifest(.digest(digest), in: repository) { return other }
            guard let found = try await fetched(.digest(digest), from: mirror, in: repository) else {
                throw SourceError(.misbehaved, "it says that \(tag) is \(digest), and has no such manifest")
            }
            return found
        }
    }

    private func fetched(
        _ reference: Reference,
        from mirror: MirroredRegistry,
        in repository: RepositoryName
    ) async throws -> ServedManifest? {
        let source = mirror.source
        return try await timelyAnswer(of: source, kind: .manifest) {
            try await source.manifest(reference, in: repository).map { try Self.verified($0, as: reference) }
        }
    }

    /// Makes it a manifest of the repository: durable on return.
    ///
    /// - Returns: What the reference stands for then: a tag under a hold or a lock keeps its value.
    private func store(
        _ found: ServedManifest,
        as tag: Tag?,
        in repository: RepositoryName,
        _ mirror: MirroredRegistry,
        _ context: Catalog.Context
    ) async throws -> ServedManifest {
        let bytes = Array(found.bytes.readableBytesView)
        let manifest: Manifest
        do { manifest = try Manifest(parsing: bytes, contentType: found.mediaType) } catch {
            throw SourceError(.misbehaved, "what it has is no manifest: \(error)")
        }
        let outcome = try await content.put(bytes, digest: found.digest) {
            try await catalog.putMirrored(manifest, digest: found.digest, in: repository, tag: tag, context: context)
        }
        switch outcome {
        case .stored:
            logger.info("manifest mirrored", metadata: ["repository": "\(repository)", "digest": "\(found.digest)"])
            if gate.holds(manifest) { try await refreshQuarantine() }
            await judgeSubject(of: manifest, under: tag.map { [$0] } ?? [], in: repository)
            return found
        case .bound where tag != nil:
            _ = try await store(found, as: nil, in: repository, mirror, context)
            return try await self.manifest(tag.map { .tag($0) } ?? .digest(found.digest), in: repository)
        case .unresolved: throw SourceError(.misbehaved, "it gives what is here another size than it has")
        default: throw Self.refusal(outcome)
        }
    }

    /// The tag is gone there. Its manifest stays, and a tag under a hold or a lock does too.
    private func remove(_ tag: Tag, in repository: RepositoryName, _ context: Catalog.Context) async {
        do {
            _ = try await catalog.deleteTag(tag, in: repository, condition: .none, context: context)
        } catch {
            logger.warning("tag not removed", metadata: ["repository": "\(repository)", "reason": "\(error)"])
        }
    }
}

extension RegistryError {
    fileprivate var isDamage: Bool { if case .manifestDamaged = self { true } else { false } }
}
