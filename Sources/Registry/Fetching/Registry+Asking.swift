// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Logging
import Synchronization

/// Sources that have lately not answered a question in time. They are not asked again for a while, so that one of them
/// does not make everything slow that is not here.
final class Silences: Sendable {
    private let until = Mutex<[String: Duration]>([:])

    func note(_ source: String, until end: Duration) { until.withLock { $0[source] = end } }

    func contains(_ source: String, at now: Duration) -> Bool {
        until.withLock { $0[source].map { now < $0 } ?? false }
    }
}

/// What comes of asking several sources.
private enum Reply<Value: Sendable>: Sendable {
    case answer(Value?)
    /// The next one is asked too.
    case patience
}

extension Registry {
    /// What the first source says that has something to say: they are asked in order, each a moment after the one
    /// before it, or as soon as that has nothing.
    func firstAnswer<Value: Sendable>(
        of sources: [any ContentSource],
        kind: FetchMetrics.Kind,
        within time: Duration,
        _ ask: @escaping @Sendable (any ContentSource) async throws -> Value?
    ) async -> Value? {
        let options = fetcher.options
        return await withTaskGroup(of: Reply<Value>.self) { group in
            var (rest, running) = (sources[...], 0)
            func askNext() {
                guard let source = rest.popFirst() else { return }
                running += 1
                group.addTask { .answer(await self.answer(of: source, kind: kind, within: time, ask)) }
                guard !rest.isEmpty else { return }
                group.addTask {
                    try? await options.sleep(options.limits.patience)
                    return .patience
                }
            }
            askNext()
            while running > 0, let event = await group.next() {
                if case .answer(let answer) = event {
                    running -= 1
                    if let answer {
                        group.cancelAll()
                        return answer
                    }
                }
                askNext()
            }
            group.cancelAll()
            return nil
        }
    }

    /// What a source says; nil for nothing, or nothing of use. One that does not answer is left alone for a while.
    private func answer<Value: Sendable>(
        of source: any ContentSource,
        kind: FetchMetrics.Kind,
        within time: Duration,
        _ ask: @escaping @Sendable (any ContentSource) async throws -> Value?
    ) async -> Value? {
        let (options, name) = (fetcher.options, source.name)
        do throws(SourceError) {
            return try await timelyAnswer(of: source, kind: kind, within: time) {
                try await ask(source)
            }
        } catch {
            if error.code == .silent { silences.note(name, until: options.elapsed() + options.limits.silence) }
            return nil
        }
    }

    /// What a source says within a time; nil for nothing.
    func timelyAnswer<Value: Sendable>(
        of source: any ContentSource,
        kind: FetchMetrics.Kind,
        within time: Duration,
        _ ask: @escaping @Sendable () async throws -> Value?
    ) async throws(SourceError) -> Value? {
        let (options, name) = (fetcher.options, source.name)
        do {
            let answer = try await withThrowingTaskGroup(of: Value?.self) { group in
                defer { group.cancelAll() }
                group.addTask { try await ask() }
                group.addTask {
                    try await options.sleep(time)
                    throw SourceError(.silent, "it does not answer")
                }
                return try await group.next() ?? nil
            }
            fetcher.metrics.asked(name, kind, result: answer == nil ? SourceFault.absent.rawValue : "found")
            return answer
        } catch {
            let failure = (error as? SourceError) ?? SourceError(.unavailable, "\(error)")
            // Where another one was faster, nothing is wrong with this one.
            guard !Task.isCancelled else { throw failure }
            let fault = failure.code == .misbehaved ? SourceFault.wrongBytes : failure.fault
            fetcher.metrics.asked(name, kind, result: fault.rawValue)
            if failure.code != .absent {
                logger.warning("source failed", metadata: ["source": "\(name)", "reason": "\(failure.reason)"])
            }
            throw failure
        }
    }
}
