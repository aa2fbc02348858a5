// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Releases

/// The bounds of the release record.
package enum ReleaseLimits {
    /// How long rows are kept, in seconds. The log keeps their entries for good.
    package static let keptSeconds: Int64 = 400 * 86_400
    /// Rows beyond this are trimmed, the oldest first, whatever their age.
    package static let rows: Int64 = 5_000_000
    /// Rows that one transaction trims.
    package static let trimmed = 2_000
    /// How long counts of requests are kept after they were reported last, in seconds.
    package static let trafficSeconds: Int64 = 7 * 86_400
    /// Reporters of requests of one rollout.
    static let trafficReporters = 200
    /// Requests that one of them may report, so that the sum of all can be judged.
    package static let trafficRequests = RolloutTraffic.requestsLimit / trafficReporters
    /// Images of one service of an environment whose outcome is kept.
    static let outcomes = 20
    /// Services of environments in which something of one repository is to run.
    package static let placesPerRepository = 2_000
    /// Other images of a commit that are told.
    static let variants = 20
    /// Former images that are good to go back to, of each service.
    package static let rollbackImages = 5
    /// Targets of a service that one look at an environment goes through.
    package static let targets = 200
    /// Services of an environment that may be called alike, in different repositories.
    static let sameServices = 20
}
