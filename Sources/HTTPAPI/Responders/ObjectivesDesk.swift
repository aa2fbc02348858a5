// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
package import Observability

/// What the HTTP front has to do with objectives: it counts requests, and tells what they have come to.
package struct ObjectivesDesk: Sendable {
    /// The name of this region.
    package let region: String
    /// The first part of the names of repositories that only probers use; what they do is nobody's pull.
    let canaries: String
    let judge: RequestJudge
    let report: @Sendable () -> ObjectivesReport
    /// Burn rates of an objective in a region over the last day.
    let chart: @Sendable (ServiceLevelObjective, String) -> [Double?]
    let maintenanceChanged: @Sendable () async -> Void

    /// - Parameters:
    ///   - region: The name of this region.
    ///   - canaries: The first part of the names of repositories that only probers use.
    ///   - judge: Counts requests.
    ///   - report: What the objectives have come to.
    ///   - chart: Burn rates of an objective in a region over the last day, at equal distances, from the oldest on.
    ///   - maintenanceChanged: Hears that maintenance was declared or ended.
    package init(
        region: String,
        canaries: String,
        judge: RequestJudge,
        report: @escaping @Sendable () -> ObjectivesReport,
        chart: @escaping @Sendable (ServiceLevelObjective, String) -> [Double?],
        maintenanceChanged: @escaping @Sendable () async -> Void
    ) {
        self.region = region
        self.canaries = canaries + "/"
        self.judge = judge
        self.report = report
        self.chart = chart
        self.maintenanceChanged = maintenanceChanged
    }

    func isCanary(_ repository: RepositoryName?) -> Bool {
        repository.map { $0.description.hasPrefix(canaries) } ?? false
    }
}

extension Responder {
    /// Whether a repository is of probers, whose pulls say nothing of what is needed.
    func isCanary(_ repository: RepositoryName) -> Bool { objectives?.isCanary(repository) ?? false }
}
