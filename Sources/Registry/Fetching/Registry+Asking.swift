// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Logging
import Synchronization

/// Sources that have lately not answered a question in time. For a while they are asked after all others, so that one
/// of them does not make everything slow that another has. They are asked all the same: one that is only busy has what
/// it has.
final class Silences: Sendable {
    private let until = Mutex<[String: Duration]>([:])

    func note(_ source: String, until end: Duration) { until.withLock { $0[source] = end } }

    func contains(_ source: String, at now: Duration) -> Bool {
        until.withLock { $0[source].map { now < $0 } ?? false }
    }
}

/// What comes of asking several sources.
private enum Reply<Value: Sendable>: Sendable {
    /// What a source has; and where it has nothing, whether that is sure.
    case answer(Value?, isSure: Bool)
    /// The next one is asked too.
    case patience
}

extension Registry {
    /// What the first source says that has something to say: they are asked in order, each a moment after the one
    /// before it, or as soon as that has nothing. nil where none has it.
    ///
    /// - Throws: `RegistryError.elsewhere` where one that may have it did not say: that is no absence.
    func firstAnswer<Value: Sendable>(
        of sources: [any ContentSource],
        kind: FetchMetrics.Kind,
        _ ask: @escaping @Sendable (any ContentSource) async throws -> Value?
    ) async throws(RegistryError) -> Value? {
        let options = fetcher.options
        let (found, isSure) = await withTaskGroup(of: Reply<Value>.self) { group in
            var (rest, running, isSure) = (sources[...], 0, true)
            func askNext() {
                guard let source = rest.popFirst() else { return }
                running += 1
                group.addTask {
                    let (answer, isSure) = await self.answer(of: source, kind: kind, ask)
                    return .answer(answer, isSure: isSure)
                }
                guard !rest.isEmpty else { return }
                group.addTask {
                    try? await options.sleep(options.limits.patience)
                    return .patience
                }
            }
            askNext()
            while running > 0, let event = await group.next() {
                if case .answer(let answer, let isThis) = event {
                    running -= 1
                    isSure = isSure && isThis
                    if let answer {
                        group.cancelAll()
                        return (Value?.some(answer), true)
                    }
                }
                askNext()
            }
            group.cancelAll()
            return (Value?.none, isSure)
        }
        guard found != nil || isSure else {
            throw RegistryError.elsewhere("another registry that may have it does not answer")
        }
        return found
    }

    /// What a source says; nil for nothing, or nothing of use, and whether it is sure that it has nothing.
    private func answer<Value: Sendable>(
        of source: any ContentSource,
        kind: FetchMetrics.Kind,
        _ ask: @escaping @Sendable (any ContentSource) async throws -> Value?
    ) async -> (Value?, isSure: Bool) {
        let (options, name) = (fetcher.options, source.name)
        do throws(SourceError) {
            return (try await timelyAnswer(of: source, kind: kind) { try await ask(source) }, true)
        } catch {
            if error.code == .silent { silences.note(name, until: options.elapsed() + options.limits.silence) }
            return (nil, ![.silent, .unavailable].contains(error.code))
        }
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
