// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// A figure of the mission's list, by its name there. M9 is measured outside of the release record.
package enum FigureKind: String, Sendable, Hashable, CaseIterable {
    case builds = "m1"
    case deployments = "m2"
    case replacements = "m3"
    case promotions = "m4"
    case vulnerabilities = "m5"
    case rollbacks = "m6"
    case drift = "m7"
    case boots = "m8"
    case telemetry = "m10"

    package var name: String {
        switch self {
        case .builds: "image build success rate"
        case .deployments: "deployment success rate"
        case .replacements: "time to replace an instance, 95th percentile"
        case .promotions: "image promotion time, 95th percentile"
        case .vulnerabilities: "critical vulnerabilities of desired images"
        case .rollbacks: "mean time to roll back"
        case .drift: "configuration drift incidents in 30 days"
        case .boots: "boot failure rate"
        case .telemetry: "observability coverage"
        }
    }

    /// What the value is counted in.
    package var unit: String {
        switch self {
        case .builds, .deployments, .boots, .telemetry: "ratio"
        case .replacements, .rollbacks: "seconds"
        case .promotions: "minutes"
        case .vulnerabilities: "vulnerabilities"
        case .drift: "incidents"
        }
    }

    package var target: FigureTarget {
        switch self {
        case .builds, .deployments: FigureTarget(.atLeast, 0.99)
        case .replacements: FigureTarget(.below, 300)
        case .promotions: FigureTarget(.below, 60)
        case .vulnerabilities: FigureTarget(.atMost, 0)
        case .rollbacks: FigureTarget(.below, 600)
        case .drift: FigureTarget(.atMost, 2)
        case .boots: FigureTarget(.below, 0.005)
        case .telemetry: FigureTarget(.atLeast, 1)
        }
    }
}

/// What a figure should be.
package struct FigureTarget: Sendable, Hashable {
    package enum Comparison: String, Sendable, Hashable {
        case atLeast = "at-least"
        case atMost = "at-most"
        case below
    }

    package let comparison: Comparison
    package let bound: Double

    init(_ comparison: Comparison, _ bound: Double) {
        self.comparison = comparison
        self.bound = bound
    }

    func isMet(_ value: Double) -> Bool {
        switch comparison {
        case .atLeast: value >= bound
        case .atMost: value <= bound
        case .below: value < bound
        }
    }
}

/// A figure with what it was computed from.
package struct Figure: Sendable, Hashable {
    package let kind: FigureKind
    /// nil where there was nothing to count: that is neither good nor bad.
    package let value: Double?
    /// Whether the target is met; nil where that cannot be said.
    package let isMet: Bool?
    package let counts: [FigureCount]
    package let statistics: [FigureStatistic]
    package let exemplars: [FigureExemplar]
    /// Vulnerabilities by environment, the worst first; of that figure alone.
    package let environments: [EnvironmentVulnerabilities]

    init(
        _ kind: FigureKind,
        value: Double?,
        isMet: Bool?,
        counts: [FigureCount],
        statistics: [FigureStatistic] = [],
        exemplars: FigureExemplars,
        environments: [EnvironmentVulnerabilities] = []
    ) {
        self.kind = kind
        self.value = value
        self.isMet = isMet
        self.counts = counts
        self.statistics = statistics
        self.exemplars = exemplars.elements
        self.environments = environments
    }

    /// A part of a whole.
    init(
        _ kind: FigureKind,
        part: Int,
        of whole: Int,
        counts: [FigureCount],
        exemplars: FigureExemplars
    ) {
        let value = whole > 0 ? Double(part) / Double(whole) : nil
        self.init(kind, value: value, isMet: value.map(kind.target.isMet), counts: counts, exemplars: exemplars)
    }

    /// The count of that name.
    package func count(_ name: String) -> Int? { counts.first { $0.name == name }?.value }

    /// The statistic of that name.
    package func statistic(_ name: String) -> Double? { statistics.first { $0.name == name }?.value }
}

/// A number that a figure was computed from.
package struct FigureCount: Sendable, Hashable {
    package let name: String
    package let value: Int

    init(_ name: String, _ value: Int) {
        self.name = name
        self.value = value
    }
}

/// A number that says more about what was counted; without a value where there was nothing.
package struct FigureStatistic: Sendable, Hashable {
    package let name: String
    package let value: Double?

    init(_ name: String, _ value: Double?) {
        self.name = name
        self.value = value
    }
}

/// The critical vulnerabilities of what an environment is to run.
package struct EnvironmentVulnerabilities: Sendable, Hashable {
    package let environment: PlaceName
    /// Of all its images together, each once.
    package let critical: Int
    package let images: Int
    /// Images without a scan.
    package let unknown: Int
    /// The image with most of them; nil where none has any.
    package let worst: FigureExemplar?
}

/// The figures of a window.
package struct FigureSet: Sendable, Hashable {
    package let scope: FigureScope
    /// When they were evaluated: entries up to then count.
    package let evaluatedAt: Int64
    /// In the order of ``FigureKind``.
    package let figures: [Figure]
    /// Things that were not counted because too much was open at once. Figures are not to be trusted above zero.
    package let uncounted: Int

    package subscript(kind: FigureKind) -> Figure? { figures.first { $0.kind == kind } }
}
