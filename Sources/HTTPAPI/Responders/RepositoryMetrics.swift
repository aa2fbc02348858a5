// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI
package import Observability

/// Requests and bytes of repositories that an operator has named. Every other one counts as `other`: however many there
/// are, and whatever clients call them, these families have no more series than the configuration gives them.
package struct RepositoryMetrics: Sendable {
    /// Names that may be given.
    package static let limit = 50
    /// What counts for everything that was not named.
    package static let other = "other"

    package static let families: [MetricFamily] = [
        .counter(
            "cairn_repository_requests_total",
            labels: ["repository", .init("operation", Operation.allCases.map(\.rawValue))],
            help: """
                Requests of the repositories that the setting metrics names, and of all below them; all others are \
                called other. Absent without the setting.
                """
        ),
        .counter(
            "cairn_repository_received_bytes_total",
            labels: ["repository"],
            help: "Bytes of request bodies, by the same names."
        ),
        .counter(
            "cairn_repository_sent_bytes_total",
            labels: ["repository"],
            help: "Bytes of response bodies, by the same names."
        ),
    ]

    private enum Operation: String, CaseIterable {
        /// Manifests and blobs that are asked for.
        case pull
        /// What a push is made of.
        case push
        case delete
        /// Tags and referrers.
        case list
        /// What else a repository is asked for.
        case other

        init(route: String, method: String) {
            switch (route, method) {
            case ("manifest", "GET"), ("manifest", "HEAD"), ("blob", "GET"), ("blob", "HEAD"): self = .pull
            case ("manifest", "PUT"), ("uploads", _), ("upload", _): self = .push
            case ("manifest", "DELETE"), ("blob", "DELETE"): self = .delete
            case ("tags", _), ("referrers", _): self = .list
            default: self = .other
            }
        }
    }

    private struct Series: Sendable {
        let requests: [String: CounterSeries]
        let received: CounterSeries
        let sent: CounterSeries

        init(_ repository: String, _ registry: PrometheusRegistry) {
            let label = ("repository", repository)
            requests = Dictionary(
                uniqueKeysWithValues: Operation.allCases.map { operation in
                    let labels = [label, ("operation", operation.rawValue)]
                    return (operation.rawValue, registry.counter("cairn_repository_requests_total", labels: labels))
                }
            )
            received = registry.counter("cairn_repository_received_bytes_total", labels: [label])
            sent = registry.counter("cairn_repository_sent_bytes_total", labels: [label])
        }
    }

    private let named: [Substring: Series]
    private let others: Series

    package init(_ repositories: [RepositoryName], _ registry: PrometheusRegistry) {
        precondition(repositories.count <= Self.limit, "at most \(Self.limit) repositories have figures of their own")
        registry.declare(Self.families)
        var named: [Substring: Series] = [:]
        for repository in repositories {
            let name = repository.description
            named[name[...]] = Series(name, registry)
        }
        self.named = named
        others = Series(Self.other, registry)
    }

    func record(_ outcome: Outcome) {
        guard let repository = outcome.repository else { return }
        let series = series(of: repository.description)
        series.requests[Operation(route: outcome.route, method: outcome.method).rawValue]?.increment()
        if outcome.received > 0 { series.received.increment(by: outcome.received) }
        if outcome.sent > 0 { series.sent.increment(by: outcome.sent) }
    }

    /// Those of the longest name that was given and that the repository has, or lies below.
    private func series(of repository: String) -> Series {
        var name = repository[...]
        while true {
            if let series = named[name] { return series }
            guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else { return others }
            name = name[..<slash]
        }
    }
}
