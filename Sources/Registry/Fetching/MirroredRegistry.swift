// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI
import Synchronization

/// What a source says of a tag.
package enum SourceTag: Sendable {
    case absent
    /// Its digest, as the source says.
    case digest(Digest)
    /// The manifest itself, from a source that gives no digest without it.
    case manifest(SourceManifest)
}

/// A registry whose tags are followed.
package protocol MirroredSource: ContentSource {
    /// What a tag stands for there now. `known` is what it stood for when it was last asked.
    ///
    /// - Throws: `SourceError`.
    func stand(of tag: Tag, known: Digest?, in repository: RepositoryName) async throws -> SourceTag
}

/// A registry of others that is mirrored: its repositories are here as `NAME/…`.
package struct MirroredRegistry: Sendable {
    /// The first component of the names of its repositories here; also its namespace for clients that name it so.
    package let name: RepositoryName
    /// Is asked by the names that repositories have here.
    package let source: any MirroredSource
    /// For how long an answer about a tag counts.
    package let fresh: Duration
    /// What is put before names of one component; nil for nothing.
    package let defaultPrefix: String?
    /// Whether a repository, named as here, may be fetched from. What was fetched before is served anyway.
    package let mayFetch: @Sendable (RepositoryName) -> Bool

    package init(
        name: RepositoryName,
        source: any MirroredSource,
        fresh: Duration,
        defaultPrefix: String? = nil,
        mayFetch: @escaping @Sendable (RepositoryName) -> Bool = { _ in true }
    ) {
        self.name = name
        self.source = source
        self.fresh = fresh
        self.defaultPrefix = defaultPrefix
        self.mayFetch = mayFetch
    }

    /// The name here of a repository there.
    func local(_ path: Substring) throws(ParsingError) -> RepositoryName {
        let prefix = path.contains("/") ? nil : defaultPrefix
        return try RepositoryName(parsing: "\(name)/" + (prefix.map { "\($0)/" } ?? "") + path)
    }
}

/// The registries that are mirrored, and what is known of them in memory: nothing of it survives a restart.
final class Mirrors: Sendable {
    private struct Pause {
        var failures = 0
        var end = Duration.zero
    }

    private struct State {
        var mirrors: [Substring: MirroredRegistry] = [:]
        var pauses: [RepositoryName: Pause] = [:]
    }

    private let state = Mutex(State())
    /// No lock is taken where nothing is mirrored.
    private let isIdle = Atomic(true)
    /// Tags that were asked for a short while ago.
    let fresh = RecentAnswers()
    let questions = SharedTasks<RecentAnswers.Key, MirrorAnswer>()

    func use(_ mirrors: [MirroredRegistry]) {
        state.withLock { state in
            state.mirrors = Dictionary(mirrors.map { (Substring($0.name.description), $0) }) { first, _ in first }
            isIdle.store(mirrors.isEmpty, ordering: .releasing)
        }
    }

    func mirror(named name: Substring) -> MirroredRegistry? {
        isIdle.load(ordering: .acquiring) ? nil : state.withLock { $0.mirrors[name] }
    }

    /// The one that a repository is of.
    func mirror(of repository: RepositoryName) -> MirroredRegistry? {
        guard !isIdle.load(ordering: .acquiring) else { return nil }
        let text = repository.description
        guard let end = text.firstIndex(of: "/") else { return nil }
        return mirror(named: text[..<end])
    }

    var mirrorsAny: Bool { state.withLock { !$0.mirrors.isEmpty } }

    var names: [String] { state.withLock { $0.mirrors.keys.map(String.init) }.sorted() }

    /// Whether it failed a moment ago, so that it is better not asked for what is here.
    func isPaused(_ mirror: MirroredRegistry, at now: Duration) -> Bool {
        state.withLock { $0.pauses[mirror.name].map { now < $0.end } ?? false }
    }

    func note(_ mirror: MirroredRegistry, hasFailed: Bool, at now: Duration, _ limits: FetchLimits) {
        state.withLock { state in
            guard hasFailed else { return state.pauses[mirror.name] = nil }
            var pause = state.pauses[mirror.name] ?? Pause()
            let span = min(limits.mirrorPause * (1 << min(pause.failures, 16)), limits.longestMirrorPause)
            // Questions that were asked together fail together: they count once.
            if now >= pause.end { (pause.failures, pause.end) = (pause.failures + 1, now + span) }
            state.pauses[mirror.name] = pause
        }
    }
}

/// What became of a question to a mirrored registry.
enum MirrorAnswer: Sendable {
    case found(ServedManifest)
    case absent
    case failed(SourceError)
}
