// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI
package import Observability
import Synchronization

/// The figures of the HTTP front: requests by route, method and status; time; bytes in and out; requests in flight; and
/// those of some repositories, where that was asked for.
package final class HTTPMetrics: Sendable {
    package static let families: [MetricFamily] = [
        .counter(
            "cairn_http_requests_total",
            labels: [.init("route", Route.labels), .init("method", Outcome.methods), "code"],
            help: "Requests answered.",
            hasExemplars: true
        ),
        .histogram(
            "cairn_http_request_seconds",
            labels: [.init("route", Route.labels), .init("method", Outcome.methods)],
            help: "From the request's head to the last byte of the answer."
        ),
        .counter("cairn_http_received_bytes_total", help: "Bytes of request bodies."),
        .counter("cairn_http_sent_bytes_total", help: "Bytes of response bodies."),
        .gauge("cairn_http_requests_in_flight", help: "Requests being answered."),
        .counter("cairn_http_hot_answers_total", help: "Requests for manifests answered from memory at once."),
    ]

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
    private let repositories: RepositoryMetrics?

    /// `repositories` names those that have figures of their own, and what begins with their name and a slash.
    package init(registry: PrometheusRegistry, repositories: [RepositoryName] = []) {
        self.registry = registry
        registry.declare(Self.families)
        self.repositories = repositories.isEmpty ? nil : RepositoryMetrics(repositories, registry)
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

    func record(_ outcome: Outcome) {
        let (route, method) = (outcome.route, outcome.method)
        requests[Key(route: route, method: method, status: outcome.status)].increment(in: outcome.trace)
        let (whole, fraction) = outcome.elapsed.components
        seconds[RouteKey(route: route, method: method)].recordNanoseconds(
            whole * 1_000_000_000 + fraction / 1_000_000_000,
            in: outcome.trace
        )
        if outcome.received > 0 { bytesIn.increment(by: outcome.received) }
        if outcome.sent > 0 { bytesOut.increment(by: outcome.sent) }
        repositories?.record(outcome)
    }
}
