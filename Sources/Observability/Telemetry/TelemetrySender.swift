// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Logging
internal import Synchronization

/// Sends one body, again and again where the receiver is busy or away, for a bounded time.
struct TelemetrySender: Sendable {
    enum Outcome: Sendable, Hashable {
        case delivered
        /// The task was cancelled, and it is not known whether it was delivered.
        case cancelled
        case lost(TelemetryMetrics.Loss)
    }

    private final class Told: Sendable {
        let isFailing = Mutex(false)
    }

    private let options: TelemetryExporter.Options
    private let transport: TelemetryTransport
    private let environment: TelemetryExporter.Environment
    private let told = Told()

    init(
        _ options: TelemetryExporter.Options,
        _ transport: TelemetryTransport,
        _ environment: TelemetryExporter.Environment
    ) {
        self.options = options
        self.transport = transport
        self.environment = environment
    }

    func send(_ body: [UInt8], to path: String) async -> Outcome {
        var headers = options.headers + [("Content-Type", Secret("application/json"))]
        var body = body
        if options.compresses, let compressed = Gzip.compressed(body) {
            body = compressed
            headers.append(("Content-Encoding", Secret("gzip")))
        }
        headers.append(("User-Agent", Secret("cairn")))
        let request = TelemetryTransport.Request(url: options.endpoint + path, headers: headers, body: body)
        var pause = TelemetryLimits.firstPause
        for attempt in 1...TelemetryLimits.attempts {
            guard !Task.isCancelled else { return .cancelled }
            let answer: TelemetryTransport.Answer?
            var reason = ""
            do { answer = try await transport.post(request) } catch {
                answer = nil
                reason = "\(error)"
            }
            if let answer {
                if (200..<300).contains(answer.status) {
                    tell(nil)
                    return .delivered
                }
                reason = "status \(answer.status)"
                guard [429, 502, 503, 504].contains(answer.status) else {
                    tell(reason)
                    return .lost(.refused)
                }
            }
            guard !Task.isCancelled else { return .cancelled }
            tell(reason)
            let asked = min(.seconds(max(0, answer?.retryAfter ?? 0)), TelemetryLimits.longestPause)
            // What the receiver asks for holds for the next body too; a pause of our own only before another attempt.
            let own = attempt == TelemetryLimits.attempts ? .zero : pause + spread(over: pause)
            do { try await environment.sleep(max(asked, own)) } catch { return .cancelled }
            pause *= 2
        }
        return .lost(.unreachable)
    }

    /// Up to a quarter of a pause: not everyone is to come back at one moment.
    private func spread(over pause: Duration) -> Duration {
        .milliseconds(environment.random(1 + pause.components.seconds * 250))
    }

    /// Says once that it fails, and once that it goes on.
    private func tell(_ reason: String?) {
        let isNew = told.isFailing.withLock { isFailing in
            defer { isFailing = reason != nil }
            return isFailing != (reason != nil)
        }
        guard isNew else { return }
        if let reason {
            environment.logger.warning("telemetry cannot be delivered", metadata: ["why": "\(reason)"])
        } else {
            environment.logger.notice("telemetry is delivered again")
        }
    }
}
