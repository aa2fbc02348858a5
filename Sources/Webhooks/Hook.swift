// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Catalog
package import Logging
import Metrics
import OCI
import Synchronization

/// Tells one receiver what happens, in the order in which it happened, at least once.
///
/// An event that is not accepted is tried again after rising pauses, and those after it wait. One that the receiver
/// refuses, or fails over again and again, becomes a dead letter, and the next one is told. How far a hook is, is kept
/// in the catalog: what happened while the registry or the receiver was down is told afterwards. The catalog is written
/// to only when that moves.
package final class Hook: Sendable {
    package typealias Post =
        @Sendable (
            _ headers: [(name: String, value: String)],
            _ body: [UInt8]
        ) async -> HookReply

    /// What a hook needs of the world.
    package struct Environment: Sendable {
        /// Milliseconds since 1970.
        let now: @Sendable () -> Int64
        let sleep: @Sendable (Duration) async throws -> Void
        /// A number from 0 up to another one.
        let random: @Sendable (Int64) -> Int64
        let logger: Logger

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

    /// Why a hook does not go on at the moment.
    package struct Trouble: Sendable, Hashable {
        package let message: String
        package let attempts: Int
        package let reason: String
        /// Milliseconds since 1970.
        package let since: Int64
    }

    package let settings: HookSettings
    private let catalog: Catalog
    private let environment: Environment
    private let post: Post
    private let state = Mutex(State())

    private struct State {
        /// How far it is; nil before it has begun.
        var position: WebhookPosition?
        /// How far it is by the catalog.
        var kept: WebhookPosition?
        var trouble: Trouble?
        /// The dead letter that was told again last, where others are after it; 0 at the beginning.
        var retried: Int64 = 0
    }

    package init(_ settings: HookSettings, _ catalog: Catalog, _ environment: Environment, post: @escaping Post) {
        self.settings = settings
        self.catalog = catalog
        self.environment = environment
        self.post = post
    }

    /// How far it is; nil before it has begun.
    package var position: WebhookPosition? { state.withLock { $0.position } }

    package var trouble: Trouble? { state.withLock { $0.trouble } }

    /// Tells what happens until the task is cancelled. While the catalog cannot be read or written, it looks again
    /// after rising pauses, and says so once.
    package func run() async {
        var (isStopped, failures) = (false, 0)
        while !isStopped, !Task.isCancelled {
            do {
                try await tell()
                if failures > 0 {
                    environment.logger.notice("a webhook goes on", metadata: ["hook": "\(settings.name)"])
                }
                failures = 0
            } catch is CancellationError {
                isStopped = true
            } catch {
                failures += 1
                if failures == 1 {
                    environment.logger.warning(
                        "a webhook cannot go on",
                        metadata: ["hook": "\(settings.name)", "error": "\(error)"]
                    )
                }
            }
            let pause: Duration =
                failures == 0
                ? HookLimits.pause : .seconds(HookLimits.doubled(after: failures, upTo: HookLimits.catalogPause))
            do { try await environment.sleep(pause) } catch { isStopped = true }
        }
    }

    /// Tells everything that has happened by now.
    ///
    /// - Throws: `CancellationError`, or why the catalog cannot be read or written.
    package func tell() async throws {
        var position = try await begin()
        var keptAt = environment.now()
        do {
            while true {
                let events = try await next(after: position)
                guard !events.isEmpty else { break }
                for event in events {
                    try Task.checkCancellation()
                    if settings.wants(event.kind, of: event.repository) {
                        if let (reply, attempts) = try await deliver(event) {
                            try await giveUp(event, reply, attempts, position.moved(over: event))
                            keptAt = environment.now()
                        } else {
                            position.delivered += 1
                        }
                    }
                    position = position.moved(over: event)
                    if move(to: position) || environment.now() - keptAt >= HookLimits.keptMilliseconds {
                        try await keep()
                        keptAt = environment.now()
                    }
                }
            }
        } catch {
            try? await keep()
            throw error
        }
        try await keep()
    }

    /// How far it is: by the catalog at first, and from then on as it knows itself. What could not be kept is kept
    /// before more is told.
    private func begin() async throws -> WebhookPosition {
        if let position = state.withLock({ $0.position }) {
            try await keep()
            return position
        }
        let position = try await catalog.webhook(settings.name)
        state.withLock { state in
            state.position = position
            state.kept = position
        }
        return position
    }

    /// - Returns: Whether so many deliveries are not kept that they are to be.
    private func move(to position: WebhookPosition) -> Bool {
        state.withLock { state in
            state.position = position
            return position.delivered - (state.kept?.delivered ?? 0) >= HookLimits.keptEvery
        }
    }

    /// Writes down how far it is, where the catalog does not know.
    private func keep() async throws {
        let (position, kept) = state.withLock { ($0.position, $0.kept) }
        guard let position, position != kept else { return }
        try await catalog.moveWebhook(settings.name, to: position)
        state.withLock { $0.kept = position }
    }

    /// What comes next of both sources, in the order of their times as far as one page goes.
    private func next(after position: WebhookPosition) async throws -> [ToldEvent] {
        let events = try await catalog.toldEvents(.event, after: position.event, limit: HookLimits.page)
        let notices = try await catalog.toldEvents(.notice, after: position.notice, limit: HookLimits.page)
        var (merged, rest) = ([ToldEvent](), notices[...])
        for event in events {
            while let notice = rest.first, notice.time < event.time {
                merged.append(notice)
                rest.removeFirst()
            }
            merged.append(event)
        }
        return merged + rest
    }

    /// - Returns: nil where it was accepted; else what came of the last try, after which it is given up.
    private func deliver(_ event: ToldEvent) async throws -> (reply: HookReply, attempts: Int)? {
        let message = HookMessage(event, origin: catalog.settings.origin)
        let start = environment.now()
        var tries = HookTries()
        while true {
            let reply = try await send(message)
            tries.add(reply)
            let age = max(0, environment.now() - start) / 1_000
            switch HookStep(after: reply, tries, age: age, random: environment.random) {
            case .accepted:
                state.withLock { $0.trouble = nil }
                return nil
            case .giveUp:
                state.withLock { $0.trouble = nil }
                return (reply, tries.count)
            case .retry(let seconds):
                let trouble = Trouble(
                    message: message.id,
                    attempts: tries.count,
                    reason: reply.description,
                    since: start
                )
                state.withLock { $0.trouble = trouble }
                try await environment.sleep(.seconds(seconds))
            }
        }
    }

    private func send(_ message: HookMessage) async throws -> HookReply {
        let headers = try message.headers(settings.secret, at: environment.now() / 1_000)
        let reply = await post(headers, message.body)
        let outcome = reply.isAccepted ? "accepted" : "failed"
        Counter(
            label: "cairn_webhook_deliveries_total",
            dimensions: [("hook", settings.name), ("outcome", outcome)]
        ).increment()
        return reply
    }

    private func giveUp(
        _ event: ToldEvent,
        _ reply: HookReply,
        _ attempts: Int,
        _ position: WebhookPosition
    ) async throws {
        let isKept = try await catalog.moveWebhook(
            settings.name,
            to: position,
            givingUp: event,
            attempts: attempts,
            reason: reply.description
        )
        state.withLock { state in
            state.position = position
            state.kept = position
        }
        Counter(label: "cairn_webhook_dead_letters_total", dimensions: [("hook", settings.name)]).increment()
        environment.logger.warning(
            "a webhook gave an event up",
            metadata: [
                "hook": "\(settings.name)", "event": "\(event.source.rawValue)-\(event.id)",
                "reason": "\(reply.description)", "kept": "\(isKept)",
            ]
        )
    }

    // MARK: By hand

    /// Sends a message that says nothing, once.
    ///
    /// - Throws: What OpenSSL says.
    package func test() async throws -> HookReply {
        let event = ToldEvent(
            source: .notice,
            id: 0,
            kind: "ping",
            time: environment.now(),
            repository: nil,
            actor: nil,
            request: nil,
            subject: settings.name,
            body: .object([])
        )
        return try await send(HookMessage(event, origin: catalog.settings.origin))
    }

    /// Tells dead letters again, each once, and forgets those that are accepted or whose event is gone. After half a
    /// minute, or where the receiver is away or has no time, it stops; the next time begins with those that were not
    /// tried.
    ///
    /// - Returns: How many were accepted, and how many dead letters there are still, tried or not.
    /// - Throws: `CancellationError`, or why the catalog cannot be read or written.
    package func retry() async throws -> (accepted: Int, left: Int) {
        let end = environment.now() + HookLimits.retryMilliseconds
        let start = state.withLock { $0.retried }
        var (accepted, isOver) = try await retry(after: start, through: .max, until: end)
        if !isOver, start > 0 {
            let rest = try await retry(after: 0, through: start, until: end)
            accepted += rest.accepted
            isOver = rest.isOver
        }
        if !isOver { state.withLock { $0.retried = 0 } }
        return (accepted, try await catalog.deadLetterCount(of: settings.name))
    }

    /// The same for those after an id, up to another one.
    ///
    /// - Returns: Also whether it was stopped before all were tried.
    private func retry(
        after first: Int64,
        through last: Int64,
        until end: Int64
    ) async throws -> (accepted: Int, isOver: Bool) {
        var (accepted, id) = (0, first)
        while true {
            let page = try await catalog.deadLetters(of: settings.name, after: id, limit: HookLimits.page)
            let letters = page.prefix { $0.id <= last }
            guard !letters.isEmpty else { return (accepted, false) }
            for letter in letters {
                try Task.checkCancellation()
                // Also where the clock was set back.
                guard (end - HookLimits.retryMilliseconds..<end).contains(environment.now()) else {
                    return (accepted, true)
                }
                id = letter.id
                state.withLock { $0.retried = id }
                guard let event = try await catalog.toldEvent(letter.source, letter.sourceID) else {
                    _ = try await catalog.dropDeadLetter(letter.id, of: settings.name)
                    continue
                }
                let reply = try await send(HookMessage(event, origin: catalog.settings.origin))
                if reply.isAccepted {
                    accepted += 1
                    _ = try await catalog.dropDeadLetter(letter.id, of: settings.name)
                } else if reply.isAbsence {
                    return (accepted, true)
                }
            }
        }
    }

    /// Something that was given up.
    package struct Letter: Sendable, Hashable {
        package let id: Int64
        /// The `webhook-id` of its deliveries.
        package let message: String
        package let kind: String
        package let attempts: Int
        package let reason: String
        /// Seconds since 1970.
        package let at: Int64
    }

    /// What was given up, after an id.
    package func deadLetters(after id: Int64, limit: Int) async throws -> [Letter] {
        try await catalog.deadLetters(of: settings.name, after: id, limit: limit).map { letter in
            Letter(
                id: letter.id,
                message: "\(letter.source.rawValue)-\(letter.sourceID)",
                kind: letter.kind,
                attempts: letter.attempts,
                reason: letter.reason,
                at: letter.at
            )
        }
    }

    /// How many deliveries were accepted since the hook is there.
    package var delivered: Int64 { position?.delivered ?? 0 }

    /// How many dead letters there are, up to a bound.
    package func deadLetterCount() async throws -> Int { try await catalog.deadLetterCount(of: settings.name) }

    /// How many events and notices are not told or passed over yet, up to a bound.
    package func behind() async throws -> Int {
        guard let position else { return 0 }
        let limit = CatalogLimits.pageRows
        let events = try await catalog.toldEvents(.event, after: position.event, limit: limit).count
        return try await events + catalog.toldEvents(.notice, after: position.notice, limit: limit).count
    }
}

extension WebhookPosition {
    fileprivate func moved(over event: ToldEvent) -> WebhookPosition {
        switch event.source {
        case .event: WebhookPosition(event: event.id, notice: notice, delivered: delivered)
        case .notice: WebhookPosition(event: self.event, notice: event.id, delivered: delivered)
        }
    }
}
