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
/// refuses, or fails over again and again, becomes a dead letter, and the next one is told. How far a hook is, is in
/// the catalog: what happened while the registry or the receiver was down is told afterwards.
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
    private let state = Mutex<(position: WebhookPosition?, trouble: Trouble?)>((nil, nil))

    package init(_ settings: HookSettings, _ catalog: Catalog, _ environment: Environment, post: @escaping Post) {
        self.settings = settings
        self.catalog = catalog
        self.environment = environment
        self.post = post
    }

    /// How far it is; nil before it has begun.
    package var position: WebhookPosition? { state.withLock { $0.position } }

    package var trouble: Trouble? { state.withLock { $0.trouble } }

    /// Tells what happens until the task is cancelled.
    package func run() async {
        var isStopped = false
        while !isStopped, !Task.isCancelled {
            do {
                try await tell()
            } catch is CancellationError {
                isStopped = true
            } catch {
                environment.logger.warning(
                    "a webhook cannot go on",
                    metadata: ["hook": "\(settings.name)", "error": "\(error)"]
                )
            }
            do { try await environment.sleep(HookLimits.pause) } catch { isStopped = true }
        }
    }

    /// Tells everything that has happened by now.
    ///
    /// - Throws: `CancellationError`, or why the catalog cannot be read or written.
    package func tell() async throws {
        var position = try await catalog.webhook(settings.name)
        state.withLock { $0.position = position }
        var kept = (position: position, at: environment.now())
        do {
            while true {
                let events = try await next(after: position)
                guard !events.isEmpty else { break }
                for event in events {
                    try Task.checkCancellation()
                    if settings.wants(event.kind, of: event.repository) {
                        let reply = try await deliver(event)
                        if let reply {
                            try await giveUp(event, reply.reply, reply.attempts, position.moved(over: event))
                            kept = (position.moved(over: event), environment.now())
                        } else {
                            position.delivered += 1
                        }
                    }
                    position = position.moved(over: event)
                    state.withLock { $0.position = position }
                    let isDue =
                        position.delivered - kept.position.delivered >= HookLimits.keptEvery
                        || environment.now() - kept.at >= HookLimits.keptMilliseconds
                    guard isDue, position != kept.position else { continue }
                    try await catalog.moveWebhook(settings.name, to: position)
                    kept = (position, environment.now())
                }
            }
        } catch {
            if position != kept.position { _ = try? await catalog.moveWebhook(settings.name, to: position) }
            throw error
        }
        if position != kept.position { try await catalog.moveWebhook(settings.name, to: position) }
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
        var attempts = 0
        while true {
            attempts += 1
            let reply = try await send(message)
            let age = max(0, environment.now() - start) / 1_000
            switch HookStep(after: reply, attempts: attempts, age: age, random: environment.random) {
            case .accepted:
                state.withLock { $0.trouble = nil }
                return nil
            case .giveUp:
                state.withLock { $0.trouble = nil }
                return (reply, attempts)
            case .retry(let seconds):
                let trouble = Trouble(
                    message: message.id,
                    attempts: attempts,
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

    /// Tells dead letters again, each once, and forgets those that are accepted or whose event is gone.
    ///
    /// - Returns: How many were accepted, and how many are left of those that were tried.
    /// - Throws: Why the catalog cannot be read or written.
    package func retry() async throws -> (accepted: Int, left: Int) {
        var (accepted, left) = (0, 0)
        let letters = try await catalog.deadLetters(of: settings.name, after: 0, limit: HookLimits.retried)
        for letter in letters {
            guard let event = try await catalog.toldEvent(letter.source, letter.sourceID) else {
                _ = try await catalog.dropDeadLetter(letter.id, of: settings.name)
                continue
            }
            let reply = try await send(HookMessage(event, origin: catalog.settings.origin))
            guard reply.isAccepted else {
                left += 1
                if case .unreachable = reply { return (accepted, letters.count - accepted) }
                continue
            }
            accepted += 1
            _ = try await catalog.dropDeadLetter(letter.id, of: settings.name)
        }
        return (accepted, left)
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
