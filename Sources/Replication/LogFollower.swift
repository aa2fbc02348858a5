// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Journal
package import Logging
internal import Metrics
internal import Synchronization
internal import Tracing
package import Transparency

/// Keeps the copy of one peer's log up to date, for as long as it is one log.
///
/// A peer that cannot be reached, or sends what is no log, is asked again and again, ever more slowly. One that has
/// signed two logs is frozen: both notes are kept as evidence, and nothing of it is taken until a person has looked.
package final class LogFollower: Sendable {
    /// Where the peer's log comes from. Nothing of it is believed.
    package struct Source: Sendable {
        /// The newest checkpoint; answers once its log has more entries than that, or after some seconds. nil where
        /// there is none yet.
        package var checkpoint: @Sendable (_ after: Int64) async throws -> [UInt8]?
        /// The entries of bundles, in their order.
        package var bundles: @Sendable (_ paths: [TilePath]) async throws -> [[[UInt8]]]

        package init(
            checkpoint: @escaping @Sendable (_ after: Int64) async throws -> [UInt8]?,
            bundles: @escaping @Sendable (_ paths: [TilePath]) async throws -> [[[UInt8]]]
        ) {
            self.checkpoint = checkpoint
            self.bundles = bundles
        }
    }

    package enum Phase: String, Sendable {
        /// Nothing was heard yet.
        case starting
        case following
        /// It does not answer, or not with its log.
        case failing
        /// It has signed two logs.
        case frozen
    }

    package struct Status: Sendable, Hashable {
        package var phase = Phase.starting
        /// Why, while it fails or is frozen.
        package var reason: String?
        /// Entries that are here, and that the peer has as far as it was heard.
        package var entries: Int64 = 0
        package var shown: Int64 = 0
        /// When a checkpoint was last verified, in seconds since 1970.
        package var verifiedAt: Int64?

        package init(reason: String? = nil) { self.reason = reason }
    }

    /// Everything that is not a function of the input.
    package struct Environment: Sendable {
        /// Seconds since 1970.
        package var now: @Sendable () -> Int64
        /// Throws once the task is cancelled.
        package var sleep: @Sendable (Duration) async throws -> Void
        /// A number below the bound.
        package var random: @Sendable (Int64) -> Int64
        package var logger: Logger

        package init(
            now: @escaping @Sendable () -> Int64,
            sleep: @escaping @Sendable (Duration) async throws -> Void,
            random: @escaping @Sendable (Int64) -> Int64,
            logger: Logger
        ) {
            self.now = now
            self.sleep = sleep
            self.random = random
            self.logger = logger
        }
    }

    /// The peer's name in the configuration.
    package let name: String
    /// The name of its log.
    package let origin: String
    private let environment: Environment
    private let state = Mutex(Status())
    /// Raised when the peer has failed, or has answered and what it had is here.
    private let known = RisingMark()

    package init(name: String, origin: String, environment: Environment) {
        self.name = name
        self.origin = origin
        self.environment = environment
    }

    package var status: Status { state.withLock { $0 } }

    /// Returns once the peer has failed, or has answered and what it had is here, or a bounded time has passed. At once
    /// from then on.
    package func untilKnown() async {
        guard known.value == 0 else { return }
        let sleep = environment.sleep
        _ = await known.wait(over: 0) { try await sleep(ReplicationLimits.firstAnswerWait) }
        known.raise(to: 1)
    }

    /// Follows until the task is cancelled, or the peer is frozen.
    ///
    /// - Parameters:
    ///   - mirror: What is here of the peer's log.
    ///   - source: Where it comes from.
    ///   - heard: Called when the peer answers for the first time, and when it does again. What it or `grown` throws
    ///     is tried again as a failure of the peer is.
    ///   - grown: Called whenever there are new entries, and after `heard` where there are any.
    ///   - frozen: Called before nothing more is taken, with the reason.
    /// - Returns: The mirror as it is then.
    package func run(
        _ mirror: LogMirror,
        from source: Source,
        heard: (LogMirror) async throws -> Void = { _ in },
        grown: (LogMirror) async throws -> Void,
        frozen: (String) async throws -> Void = { _ in }
    ) async -> LogMirror {
        var mirror = mirror
        var failures = 0
        var mismatches = 0
        var isHeard = false
        note { $0.entries = mirror.size }
        if let reason = await evidence(mirror) {
            await freeze(reason, frozen)
            return mirror
        }
        following: while !Task.isCancelled {
            do {
                let hasGrown = try await follow(&mirror, source)
                if !isHeard { try await heard(mirror) }
                if hasGrown || !isHeard, mirror.size > 0 { try await grown(mirror) }
                isHeard = true
                known.raise(to: 1)
                (failures, mismatches) = (0, 0)
            } catch is CancellationError {
                break following
            } catch let equivocation as LogMirror.Equivocation {
                mismatches += 1
                guard equivocation.isProven || mismatches >= ReplicationLimits.mismatches else {
                    failures += 1
                    await fail(equivocation.reason, failures)
                    continue
                }
                await keep(equivocation, of: mirror)
                await freeze(equivocation.reason, frozen)
                break following
            } catch {
                // However it was told: it was not the peer that failed.
                guard !Task.isCancelled else { break following }
                failures += 1
                isHeard = false
                await fail("\(error)", failures)
            }
        }
        return mirror
    }

    /// Says that nothing can be followed, because of what is here.
    package func stop(_ reason: String) {
        known.raise(to: 1)
        note { status in
            status.phase = .failing
            status.reason = reason
        }
    }

    /// One look at the peer. True where the copy has grown.
    private func follow(_ mirror: inout LogMirror, _ source: Source) async throws -> Bool {
        // Whether it answers is to be known at once: what is here is asked for, and only then is waited for more.
        let known = status.phase == .following ? mirror.size : max(0, mirror.size - 1)
        guard let note = try await source.checkpoint(known) else {
            guard mirror.size == 0 else {
                throw JournalError(
                    .notFound,
                    "\(name) shows no log any more, and \(mirror.size) entries of it are here"
                )
            }
            follows(mirror, shown: 0)
            try await environment.sleep(ReplicationLimits.quietPause)
            return false
        }
        guard let target = try mirror.examine(note) else {
            follows(mirror, shown: mirror.size)
            // It may have answered at once, because too many wait or it is about to end.
            try await environment.sleep(ReplicationLimits.quietPause)
            return false
        }
        let shown = target.checkpoint.size
        self.note { $0.shown = shown }
        let span = startSpan("region.follow", context: .topLevel, ofKind: .consumer)
        defer { span.end() }
        if span.isRecording {
            span.attributes["cairn.region"] = name
            span.attributes["cairn.log.origin"] = origin
            span.attributes["cairn.log.index"] = mirror.size
            span.attributes["cairn.log.entries"] = shown - mirror.size
        }
        var way = MirrorExtension(of: mirror, to: target)
        while case let paths = way.next(limit: ReplicationLimits.bundlesAtOnce), !paths.isEmpty {
            let bundles = try await ServiceContext.withValue(span.context) { try await source.bundles(paths) }
            guard bundles.count == paths.count else { throw JournalError(.damaged, "\(name) sends too few bundles") }
            for (path, bundle) in zip(paths, bundles) { try await way.append(bundle, at: path) }
        }
        try await way.finish(&mirror)
        follows(mirror, shown: shown)
        return true
    }

    private func follows(_ mirror: LogMirror, shown: Int64) {
        let now = environment.now()
        note { status in
            status.phase = .following
            status.reason = nil
            status.entries = mirror.size
            status.shown = max(shown, mirror.size)
            status.verifiedAt = now
        }
    }

    private func fail(_ reason: String, _ failures: Int) async {
        let isNew = status.reason != reason
        known.raise(to: 1)
        note { status in
            status.phase = .failing
            status.reason = reason
        }
        Counter(label: "cairn_region_failures_total", dimensions: [("region", name)]).increment()
        if isNew {
            environment.logger.warning(
                "a region cannot be followed",
                metadata: ["region": "\(name)", "why": "\(reason)"]
            )
        }
        let pause = min(ReplicationLimits.longestPause, 1_000 << Int64(min(failures - 1, 16)))
        try? await environment.sleep(.milliseconds(pause / 2 + environment.random(pause / 2)))
    }

    private func freeze(_ reason: String, _ frozen: (String) async throws -> Void) async {
        known.raise(to: 1)
        do { try await frozen(reason) } catch {
            environment.logger.error(
                "that a region is frozen could not be noted",
                metadata: ["region": "\(name)", "error": "\(error)"]
            )
        }
        note { status in
            status.phase = .frozen
            status.reason = reason
        }
        environment.logger.critical(
            "a region is frozen: nothing more is taken from it",
            metadata: ["region": "\(name)", "why": "\(reason)"]
        )
    }

    private func note(_ change: (inout Status) -> Void) {
        let status = state.withLock { status in
            change(&status)
            return status
        }
        let region = [("region", name)]
        Meter(label: "cairn_region_log_entries", dimensions: region).set(status.entries)
        Meter(label: "cairn_region_log_entries_behind", dimensions: region).set(max(0, status.shown - status.entries))
        Meter(label: "cairn_region_frozen", dimensions: region).set(status.phase == .frozen ? 1 : 0)
    }

    // MARK: Evidence

    private func evidence(_ mirror: LogMirror) async -> String? {
        do { return try await mirror.keptEvidence() } catch { return "its evidence cannot be read: \(error)" }
    }

    private func keep(_ equivocation: LogMirror.Equivocation, of mirror: LogMirror) async {
        do {
            try await mirror.keep(equivocation)
        } catch {
            environment.logger.error(
                "the evidence could not be kept",
                metadata: [
                    "region": "\(name)", "error": "\(error)",
                    "known": "\(String(decoding: equivocation.known, as: UTF8.self))",
                    "shown": "\(String(decoding: equivocation.shown, as: UTF8.self))",
                ]
            )
        }
    }
}
