// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Observability
import Synchronization

/// The figures of the HTTP front: requests by route, method and status; time; bytes in and out; requests in flight.
package final class HTTPMetrics: Sendable {
    private struct Key: Hashable {
        let route: String
        let method: String
        let status: Int
    }

    private struct RouteKey: Hashable {
        let route: String
        let method: String
    }

    let registry: PrometheusRegistry
    private let requests: SeriesCache<Key, CounterSeries>
    private let seconds: SeriesCache<RouteKey, HistogramSeries>
    private let bytesIn: CounterSeries
    private let bytesOut: CounterSeries
    private let inFlight: GaugeSeries
    private let hot: CounterSeries

    package init(registry: PrometheusRegistry) {
        self.registry = registry
        registry.declare([
            .counter("cairn_http_requests_total", help: "Requests answered, by route, method and status."),
            .histogram("cairn_http_request_seconds", help: "Time from request head to the answer's last byte."),
            .counter("cairn_http_received_bytes_total", help: "Bytes of request bodies."),
            .counter("cairn_http_sent_bytes_total", help: "Bytes of response bodies."),
            .gauge("cairn_http_requests_in_flight", help: "Requests being answered."),
            .counter("cairn_http_hot_answers_total", help: "Requests for manifests answered from memory at once."),
        ])
        requests = SeriesCache(capacity: 512) { key in
            registry.counter(
                "cairn_http_requests_total",
                labels: [("route", key.route), ("method", key.method), ("code", String(key.status))]
            )
        }
        seconds = SeriesCache(capacity: 128) { key in
            registry.histogram(
                "cairn_http_request_seconds",
                labels: [("route", key.route), ("method", key.method)]
            )
        }
        bytesIn = registry.counter("cairn_http_received_bytes_total")
        bytesOut = registry.counter("cairn_http_sent_bytes_total")
        inFlight = registry.gauge("cairn_http_requests_in_flight")
        hot = registry.counter("cairn_http_hot_answers_total")
    }

    func began() { inFlight.increment(by: 1) }
    func ended() { inFlight.decrement(by: 1) }
    func answeredHot() { hot.increment() }

    /// `method` is one of the methods that routes know, or `other`: a client must not make series.
    func record(route: String, method: String, status: Int, elapsed: Duration, received: Int64, sent: Int64) {
        requests[Key(route: route, method: method, status: status)].increment()
        let (whole, fraction) = elapsed.components
        seconds[RouteKey(route: route, method: method)].recordNanoseconds(
            whole * 1_000_000_000 + fraction / 1_000_000_000
        )
        if received > 0 { bytesIn.increment(by: received) }
        if sent > 0 { bytesOut.increment(by: sent) }
    }
}
