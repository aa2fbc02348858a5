// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Logging
internal import ServiceLifecycle

/// Sends spans and metrics to a receiver by OTLP over HTTP, in JSON, for as long as the server runs; at the end what
/// waits, within a bounded time.
///
/// The server never waits for it: spans queue up to a bound and the oldest go first, metrics are sent as they are at
/// the next turn. What is dropped is counted.
package struct TelemetryExporter: Service {
    package struct Options: Sendable {
        /// `http://host:4318`: paths of the two signals come after it.
        package var endpoint: String
        package var headers: [(String, Secret<String>)]
        package var metricsEvery: Duration
        package var compresses: Bool

        package init(
            endpoint: String,
            headers: [(String, Secret<String>)] = [],
            metricsEvery: Duration = .seconds(30),
            compresses: Bool = false
        ) {
            self.endpoint = endpoint
            self.headers = headers
            self.metricsEvery = metricsEvery
            self.compresses = compresses
        }
    }

    /// Everything that is not a function of the input.
    package struct Environment: Sendable {
        /// Nanoseconds since 1970.
        package var now: @Sendable () -> UInt64
        /// Throws once the task is cancelled.
        package var sleep: @Sendable (Duration) async throws -> Void
        /// A number below the bound.
        package var random: @Sendable (Int64) -> Int64
        package var logger: Logger

        package init(
            now: @escaping @Sendable () -> UInt64,
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

    private let options: Options
    private let resource: TelemetryResource
    private let queue: SpanQueue
    private let registry: PrometheusRegistry
    private let transport: TelemetryTransport
    private let environment: Environment
    private let metrics: TelemetryMetrics
    private let start: UInt64
    private let sender: TelemetrySender

    package init(
        _ options: Options,
        _ resource: TelemetryResource,
        queue: SpanQueue,
        registry: PrometheusRegistry,
        transport: TelemetryTransport,
        environment: Environment
    ) {
        self.options = options
        self.resource = resource
        self.queue = queue
        self.registry = registry
        self.transport = transport
        self.environment = environment
        metrics = TelemetryMetrics(registry, queue)
        start = environment.now()
        sender = TelemetrySender(options, transport, environment)
    }

    /// Exports until the process is shut down, and then what is left.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await exportSpans() }
                group.addTask { await exportMetrics() }
            }
        }
        await flush()
        await transport.close()
    }

    private func exportSpans() async {
        while !Task.isCancelled {
            await race {
                await queue.wait(for: TelemetryLimits.spansPerRequest)
            } orAfter: {
                TelemetryLimits.interval
            }
            while !Task.isCancelled, await sendBatch() {}
        }
    }

    /// - Returns: Whether there was anything to send.
    private func sendBatch() async -> Bool {
        let spans = queue.take(TelemetryLimits.spansPerRequest)
        guard !spans.isEmpty else { return false }
        switch await sender.send(OTLPSpans.body(spans, of: resource), to: "/v1/traces") {
        case .delivered: metrics.exported(.spans, isDone: true)
        case .cancelled: queue.putBack(spans)
        case .lost(let loss):
            metrics.exported(.spans, isDone: false)
            metrics.dropped(spans.count, .spans, loss)
        }
        return true
    }

    private func exportMetrics() async {
        while !Task.isCancelled {
            try? await environment.sleep(options.metricsEvery)
            guard !Task.isCancelled else { return }
            await sendMetrics()
        }
    }

    private func sendMetrics() async {
        let body = OTLPMetrics(start: start, now: environment.now()).body(registry, of: resource)
        switch await sender.send(body, to: "/v1/metrics") {
        case .delivered: metrics.exported(.metrics, isDone: true)
        case .cancelled: break
        case .lost(let loss):
            metrics.exported(.metrics, isDone: false)
            metrics.dropped(1, .metrics, loss)
        }
    }

    /// Sends what waits, as far as that goes in the time that there is; counts the rest as dropped.
    private func flush() async {
        await race {
            while !Task.isCancelled, await sendBatch() {}
            if !Task.isCancelled { await sendMetrics() }
        } orAfter: {
            TelemetryLimits.flush
        }
        let left = queue.count
        guard left > 0 else { return }
        metrics.dropped(left, .spans, .unreachable)
        environment.logger.warning(
            "the process ends before its spans were delivered",
            metadata: ["spans": .stringConvertible(left)]
        )
    }

    /// Runs the work until it ends, or is cancelled after some time.
    private func race(
        _ work: @escaping @Sendable () async -> Void,
        orAfter time: @Sendable () -> Duration
    ) async {
        let time = time()
        let sleep = environment.sleep
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await work() }
            group.addTask { try? await sleep(time) }
            await group.next()
            group.cancelAll()
        }
    }
}
