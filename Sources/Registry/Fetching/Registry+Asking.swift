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

/// A source has not answered in time.
private struct Silent: Error {}

extension Registry {
    /// What the first source says that has something to say: they are asked in order, each a moment after the one
    /// before it, or as soon as that has nothing.
    func firstAnswer<Value: Sendable>(
        of sources: [any ContentSource],
        kind: FetchMetrics.Kind,
        _ ask: @escaping @Sendable (any ContentSource) async throws -> Value?
    ) async -> Value? {
        let options = fetcher.options
        return await withTaskGroup(of: Reply<Value>.self) { group in
            var (rest, running) = (sources[...], 0)
            func askNext() {
                guard let source = rest.popFirst() else { return }
                running += 1
                group.addTask { .answer(await self.answer(of: source, kind: kind, ask)) }
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

    /// What a source says within the time that it has; nil for nothing, or nothing of use.
    private func answer<Value: Sendable>(
        of source: any ContentSource,
        kind: FetchMetrics.Kind,
        _ ask: @escaping @Sendable (any ContentSource) async throws -> Value?
    ) async -> Value? {
        let (options, name) = (fetcher.options, source.name)
        do {
            let answer = try await withThrowingTaskGroup(of: Value?.self) { group in
                defer { group.cancelAll() }
                group.addTask { try await ask(source) }
                group.addTask {
                    try await options.sleep(options.limits.question)
                    throw Silent()
                }
                return try await group.next() ?? nil
            }
            fetcher.metrics.asked(name, kind, result: answer == nil ? SourceFault.absent.rawValue : "found")
            return answer
        } catch {
            // Another one was faster.
            guard !Task.isCancelled else { return nil }
            let fault = error is Silent ? .stalled : (error as? SourceError)?.fault ?? .brokenOff
            if error is Silent { silences.note(name, until: options.elapsed() + options.limits.silence) }
            fetcher.metrics.asked(name, kind, result: fault.rawValue)
            if fault != .absent {
                let reason = error is Silent ? "it does not answer" : "\(error)"
                logger.warning("source failed", metadata: ["source": "\(name)", "reason": "\(reason)"])
            }
            return nil
        }
    }
}
