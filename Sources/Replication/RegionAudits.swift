// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Logging
internal import Metrics
internal import Synchronization

/// The comparisons with each region: the last one, and whether one is asked for or under way.
package final class RegionAudits: Sendable {
    package struct Status: Sendable {
        /// Asked for, or under way.
        package fileprivate(set) var isRunning = false
        /// Of the last one that came to an end.
        package fileprivate(set) var report: AuditReport?
        /// Why the last one did not.
        package fileprivate(set) var failure: String?
    }

    private let wakeups: [String: Wakeup]
    private let statuses: Mutex<[String: Status]>

    /// - Parameter names: Of the regions.
    package init(_ names: [String]) {
        wakeups = Dictionary(names.map { ($0, Wakeup()) }) { first, _ in first }
        statuses = Mutex(wakeups.mapValues { _ in Status() })
    }

    /// nil where there is no such region.
    package func status(of name: String) -> Status? { statuses.withLock { $0[name] } }

    /// Asks for a comparison; one that is under way is enough. False where there is no such region.
    package func request(_ name: String) -> Bool {
        guard let wakeup = wakeups[name] else { return false }
        let isNew = statuses.withLock { statuses in
            defer { statuses[name]?.isRunning = true }
            return statuses[name]?.isRunning == false
        }
        if isNew { wakeup.signal() }
        return true
    }

    /// Compares whenever that is asked for, and from time to time, until the task is cancelled.
    package func run(
        _ name: String,
        _ environment: LogFollower.Environment,
        compare: () async throws -> AuditReport
    ) async {
        guard let wakeup = wakeups[name] else { return }
        let sleep = environment.sleep
        while !Task.isCancelled {
            await wakeup.wait { try await sleep(ReplicationLimits.auditInterval) }
            guard !Task.isCancelled else { break }
            statuses.withLock { $0[name]?.isRunning = true }
            do {
                end(name, with: try await compare(), environment)
            } catch {
                statuses.withLock { statuses in
                    statuses[name]?.isRunning = false
                    statuses[name]?.failure = "\(error)"
                }
            }
        }
    }

    private func end(_ name: String, with report: AuditReport, _ environment: LogFollower.Environment) {
        statuses.withLock { $0[name] = Status(isRunning: false, report: report, failure: nil) }
        Counter(
            label: "cairn_region_audits_total",
            dimensions: [("region", name), ("outcome", report.outcome.rawValue)]
        ).increment()
        Meter(label: "cairn_region_differences", dimensions: [("region", name)]).set(report.count)
        guard report.outcome == .differs else { return }
        environment.logger.critical(
            "a region differs where nothing explains it",
            metadata: [
                "region": "\(name)", "differences": "\(report.count)", "revisited": "\(report.revisited)",
                "first": "\(report.findings.first ?? "")",
            ]
        )
    }
}
