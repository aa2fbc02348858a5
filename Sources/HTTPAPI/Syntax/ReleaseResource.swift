// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

public import OCI

/// What the release record is told and asked: `/api/v1/builds` and what stands beside it.
public enum ReleaseResource: Hashable, Sendable {
    /// `/api/v1/builds`: what CI has built.
    case builds
    /// `/api/v1/promotions`: what is to run in an environment.
    case promotions
    /// `/api/v1/rollouts`: phases of rollouts and of their instances.
    case rollouts
    /// `/api/v1/rollbacks`: orders to run a former image again.
    case rollbacks
    /// `/api/v1/releases`: the entries of the record.
    case entries
    /// `/api/v1/figures`: what the record comes to.
    case figures
    /// `/api/v1/flapping`: what goes back and forth between healthy and unhealthy.
    case flapping
    /// `/api/v1/rollouts/traffic`: requests and errors of a rollout.
    case traffic
    /// `/api/v1/rollouts/verdict`: what to do with it.
    case verdict
    /// `/api/v1/environments`
    case environments
    /// `/api/v1/environments/<environment>/images`: what is to run there, and what it could go back to.
    case images(PlaceName)

    private static let fixed: [String: ReleaseResource] = [
        "builds": .builds, "promotions": .promotions, "rollouts": .rollouts, "rollbacks": .rollbacks,
        "releases": .entries, "environments": .environments, "figures": .figures, "flapping": .flapping,
        "rollouts/traffic": .traffic, "rollouts/verdict": .verdict,
    ]
    private static let prefix = "/api/v1/"

    /// Reads a path; nil for any other.
    init?(_ path: String) {
        guard path.hasPrefix(Self.prefix) else { return nil }
        let rest = path.dropFirst(Self.prefix.count)
        if let fixed = Self.fixed[String(rest)] {
            self = fixed
            return
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "environments", parts[2] == "images",
            let name = PercentEncoding.decode(parts[1], plusIsSpace: false).flatMap({ PlaceName($0) })
        else { return nil }
        self = .images(name)
    }
}
