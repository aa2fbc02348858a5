// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The spans of time of the figures' definitions, in milliseconds, and every bound of their computation.
package enum ReleaseFiguresLimits {
    private static let minute: Int64 = 60_000
    private static let hour: Int64 = 60 * minute
    package static let day: Int64 = 24 * hour

    /// A deployment that is not decided so long after its beginning has failed.
    package static let decisionLimit = 60 * minute
    /// Telemetry of a deployment is to be seen so soon after its beginning.
    package static let telemetryLimit = 60 * minute
    /// A deployment that is not the last of its place is forgotten when it was silent for longer.
    package static let deploymentMemory = 7 * day
    /// An instance that is not healthy so long after it was ordered was never replaced.
    package static let replacementLimit = 60 * minute
    /// A rollback that has not come to its end so long after its order never did.
    package static let rollbackLimit = 24 * hour
    /// A boot without a result so long after its beginning has failed; results that follow its end so soon are of it.
    package static let bootLimit = 10 * minute
    /// What builds, promotions and scans said of an image is forgotten when nothing was said of it for longer.
    package static let imageMemory = 90 * day
    /// How long an image must differ from the one desired to be an incident, where nothing else is asked for.
    package static let driftAfterDefault = 15 * minute
    /// The days that incidents are reckoned for.
    package static let driftDays: Int64 = 30

    /// Flips count for so long, and so many of them make an instance flap.
    package static let flapWindow = hour
    package static let flapsFrom = 3
    /// Health that was reported longer ago is forgotten: what follows is no flip.
    package static let healthMemory = 24 * hour
    /// Flips of one instance that are counted at most.
    package static let flipsLimit = 1_000
    /// Flapping instances that are named at most.
    package static let flapsLimit = 1_000

    /// The last time and the longest span that can be asked for: 2^53 milliseconds, far from what would overflow.
    package static let timeLimit: Int64 = 1 << 53
    /// Cases shown beside a figure.
    package static let exemplarsLimit = 5
    /// Environments that are listed with their vulnerabilities, the worst first.
    package static let environmentsLimit = 100
    /// What is open of one kind at once: deployments, boots, reports and the like. What comes beyond is not counted,
    /// and said to be so.
    package static let openLimit = 1_000_000
}
