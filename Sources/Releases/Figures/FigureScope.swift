// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What figures are asked for: the time, and which entries.
package struct FigureScope: Sendable, Hashable {
    /// The window, in milliseconds since 1970: from the first one, up to but without the second.
    package let from: Int64
    package let to: Int64
    /// Entries of other repositories are left out; nil for all.
    package let repository: RepositoryName?
    /// Entries of other environments are left out; builds and scans are of none and stay. nil for all.
    package let environment: PlaceName?
    /// The environments whose first promotion of an image M4 is about.
    package let production: Set<PlaceName>
    /// For how many milliseconds an image must differ from the one desired to be an incident.
    package let driftAfter: Int64

    package init(
        from: Int64,
        to: Int64,
        repository: RepositoryName? = nil,
        environment: PlaceName? = nil,
        production: Set<PlaceName> = [],
        driftAfter: Int64 = ReleaseFiguresLimits.driftAfterDefault
    ) {
        let times = 0...ReleaseFiguresLimits.timeLimit
        self.from = from.clamped(to: times)
        self.to = max(self.from, to.clamped(to: times))
        self.repository = repository
        self.environment = environment
        self.production = production
        self.driftAfter = driftAfter.clamped(to: times)
    }

    func contains(_ time: Int64) -> Bool { from <= time && time < to }

    /// Whether an entry counts at all. One that names no image says nothing, unless it is a build, or a promotion,
    /// after which nothing is to run there any more.
    func admits(_ entry: ReleaseEntry) -> Bool {
        if let repository, entry.repository != repository { return false }
        if case .build = entry.fact { return true }
        if entry.digest == nil {
            guard case .promotion = entry.fact else { return false }
        }
        guard let environment, let its = entry.fact.environment else { return true }
        return its == environment
    }
}

extension Int64 {
    fileprivate func clamped(to range: ClosedRange<Int64>) -> Int64 {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}

extension ReleaseFact {
    /// Where it is about; nil for builds and scans.
    var environment: PlaceName? {
        switch self {
        case .build, .scan: nil
        case .promotion(let report): report.environment
        case .step(let step): step.environment
        case .running(let report): report.environment
        }
    }
}
