// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How rules for Prometheus are written out.
package struct RuleOptions: Sendable, Hashable {
    /// What windows and waits may be divided by: the shortest window is then five seconds.
    package static let scales: ClosedRange<Int64> = 1...60

    /// What all windows and waits are divided by, for drills and tests: nobody waits three days for an alert.
    package let scale: Int64
    /// The `job` under which Prometheus scrapes the registries.
    package let job: String
    /// What the links to runbooks begin with.
    package let runbooks: String

    /// - Parameters:
    ///   - scale: One of `scales`.
    ///   - job: The `job` under which Prometheus scrapes the registries.
    ///   - runbooks: What the links to runbooks begin with.
    package init(scale: Int64 = 1, job: String = "cairn", runbooks: String = "docs/runbooks") {
        precondition(Self.scales.contains(scale))
        self.scale = scale
        self.job = job
        self.runbooks = runbooks
    }

    /// A span as Prometheus writes it, divided.
    func span(seconds: Int64) -> String { Self.text(max(1, seconds / scale)) }

    func span(minutes: Int64) -> String { span(seconds: minutes * 60) }

    static func text(_ seconds: Int64) -> String {
        for (unit, length) in [("d", Int64(86_400)), ("h", 3_600), ("m", 60)] where seconds % length == 0 {
            return "\(seconds / length)\(unit)"
        }
        return "\(seconds)s"
    }
}

/// An expression that is kept under a name.
package struct RecordingRule: Sendable, Hashable {
    package let name: String
    package let expression: String
}

/// When somebody is told.
package struct AlertRule: Sendable, Hashable {
    package let name: String
    package let expression: String
    /// Seconds for which it has to hold, before they are divided.
    package let wait: Int64
    package let severity: AlertSeverity
    /// The name of the runbook.
    package let runbook: String
    /// What has happened, with `{{ $labels.… }}`.
    package let summary: String
    /// Labels beside the severity.
    package var labels: [String: String] = [:]
}

/// Rules that are looked at together.
package struct RuleGroup: Sendable, Hashable {
    package let name: String
    package let recordings: [RecordingRule]
    package let alerts: [AlertRule]
}
