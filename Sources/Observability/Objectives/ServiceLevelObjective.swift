// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What the registry promises, so that it can be told how well it keeps it.
package struct ServiceLevelObjective: Hashable, Sendable {
    /// What the figures of availability are taken from.
    package enum Source: String, CaseIterable, Sendable {
        /// Samples that the prober took, in equal spaces of time: those that are missing count as bad.
        case probe
        /// Requests of clients.
        case requests
    }

    package enum Kind: Hashable, Sendable {
        case availability(Source)
        /// The part of the answers of a class that took no longer.
        case latency(RequestClass, milliseconds: Int64)
        /// The part of the time in which what another region did counted here after so many seconds at most.
        case freshness(seconds: Int64)
        /// The part of the time in which nothing was known to be damaged.
        case durability
    }

    package let name: String
    package let kind: Kind
    /// The part that has to be good, such as 0.999.
    package let target: Double
    /// Over which the error budget is counted.
    package let windowMinutes: Int64

    package init(name: String, kind: Kind, target: Double, windowMinutes: Int64 = MeasuredWindow.longest.minutes) {
        self.name = name
        self.kind = kind
        self.target = target
        self.windowMinutes = windowMinutes
    }

    /// Where its samples are kept: under the source, or under its own name where nobody else counts the same.
    package var source: String {
        switch kind {
        case .availability(let source): source.rawValue
        case .latency, .freshness, .durability: Self.sourcePrefix + name
        }
    }

    static let sourcePrefix = "objective:"

    /// Whether each minute weighs the same, however many samples it has.
    package var isOfTime: Bool {
        switch kind {
        case .availability(.requests), .latency: false
        case .availability(.probe), .freshness, .durability: true
        }
    }

    /// The kind, as the configuration calls it.
    package var kindName: String {
        switch kind {
        case .availability: "availability"
        case .latency: "latency"
        case .freshness: "freshness"
        case .durability: "durability"
        }
    }

    /// What is promised where the configuration says nothing.
    package static let defaults: [ServiceLevelObjective] = [
        ServiceLevelObjective(name: "availability", kind: .availability(.probe), target: 0.999),
        ServiceLevelObjective(name: "requests", kind: .availability(.requests), target: 0.999),
        ServiceLevelObjective(
            name: "manifest-latency",
            kind: .latency(.manifest, milliseconds: 250),
            target: 0.99
        ),
        ServiceLevelObjective(name: "push-latency", kind: .latency(.push, milliseconds: 10_000), target: 0.99),
        ServiceLevelObjective(name: "freshness", kind: .freshness(seconds: 60), target: 0.999),
        ServiceLevelObjective(name: "durability", kind: .durability, target: 1),
    ]
}
