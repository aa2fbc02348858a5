// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What is measured of the export itself.
package struct TelemetryMetrics: Sendable {
    enum Signal: String, CaseIterable, Sendable {
        case spans, metrics
    }

    /// Why something was dropped.
    enum Loss: String, CaseIterable, Sendable {
        /// More waited than may.
        case full
        /// The receiver does not want it.
        case refused
        /// The receiver did not take it in time.
        case unreachable
    }

    package static let families: [MetricFamily] = [
        .counter("cairn_telemetry_spans_total", help: "Spans of traces that are kept, ended here."),
        .gauge("cairn_telemetry_queue_spans", help: "Ended spans that wait to be sent."),
        .counter(
            "cairn_telemetry_exports_total",
            labels: [.init("signal", Signal.allCases.map(\.rawValue)), .init("outcome", ["done", "failed"])],
            help: "Requests to the receiver of telemetry that ended, after all their attempts."
        ),
        .counter(
            "cairn_telemetry_dropped_total",
            labels: [.init("signal", Signal.allCases.map(\.rawValue)), .init("reason", Loss.allCases.map(\.rawValue))],
            help: """
                Spans, and exports of all metrics, that were not delivered: more spans waited than may (full), the \
                receiver refused them, or did not take them in time (unreachable).
                """
        ),
    ]

    private let registry: PrometheusRegistry

    init(_ registry: PrometheusRegistry, _ queue: SpanQueue) {
        self.registry = registry
        registry.declare(Self.families)
        registry.collect([Self.families[0], Self.families[1]]) { [Double(queue.totals.ended), Double(queue.count)] }
        registry.collect([Self.families[3]], labels: [("signal", "spans"), ("reason", "full")]) {
            [Double(queue.totals.dropped)]
        }
        // There before they count: the growth of a counter that begins at 1 is seen by no alert.
        for signal in Signal.allCases {
            exported(signal, isDone: true, count: 0)
            for loss in [Loss.refused, .unreachable] { dropped(0, signal, loss) }
        }
    }

    func exported(_ signal: Signal, isDone: Bool, count: Int = 1) {
        let labels = [("signal", signal.rawValue), ("outcome", isDone ? "done" : "failed")]
        registry.counter("cairn_telemetry_exports_total", labels: labels).increment(by: count)
    }

    func dropped(_ count: Int, _ signal: Signal, _ loss: Loss) {
        let labels = [("signal", signal.rawValue), ("reason", loss.rawValue)]
        registry.counter("cairn_telemetry_dropped_total", labels: labels).increment(by: count)
    }
}
