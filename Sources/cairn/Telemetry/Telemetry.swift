// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Logging
import Observability
import Tracing

/// The tracer of the process and what sends its spans, where the settings name a receiver.
struct Telemetry: Sendable {
    let tracer: SamplingTracer
    private let queue: SpanQueue
    private let options: TelemetryExporter.Options
    private let settings: TelemetrySettings

    /// Makes the tracer that of all libraries. Once in a process, and before any client is made: clients take the
    /// tracer that is there.
    static func start(_ settings: TelemetrySettings) -> Telemetry? {
        guard let options = settings.options else { return nil }
        let queue = SpanQueue()
        let tracer = SamplingTracer(
            sampler: HeadSampler(rate: settings.rate),
            queue: queue,
            random: RandomBits(seed: UInt64.random(in: .min ... .max))
        )
        InstrumentationSystem.bootstrap(tracer)
        return Telemetry(tracer: tracer, queue: queue, options: options, settings: settings)
    }

    /// - Parameters:
    ///   - registry: What is sent as metrics.
    ///   - instance: What tells this store from others.
    /// - Returns: The service that sends them.
    func exporter(_ registry: PrometheusRegistry, instance: String) -> TelemetryExporter {
        TelemetryExporter(
            options,
            TelemetryResource(
                service: "cairn",
                version: Cairn.version,
                instance: instance,
                more: settings.resource
            ),
            queue: queue,
            registry: registry,
            transport: .live(),
            environment: TelemetryExporter.Environment(
                now: { DefaultTracerClock.now.nanosecondsSinceEpoch },
                sleep: { try await Task.sleep(for: $0) },
                random: { $0 > 0 ? Int64.random(in: 0..<$0) : 0 },
                logger: Logger(label: "telemetry")
            )
        )
    }
}
