// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// The report that is there already.
struct FormerReport {
    let digest: Digest
    let deployment: String?
    let reportedAt: Int64
    let staleAt: Int64
    let expiresAt: Int64
    let endedAt: Int64?
    let loggedAt: Int64
    let configuration: Digest?

    func says(_ report: DeploymentReport) -> Bool {
        endedAt == nil && digest == report.digest && deployment == report.deployment?.description
            && configuration == report.configuration
    }

    /// Whether the log is to be told: it was not for long, or it was told of less than the report says now.
    func wantsLogging(_ report: DeploymentReport, at now: Int64, span: Int64, grace: Int64) -> Bool {
        now >= loggedAt + span || now < loggedAt || report.expires + grace > expiresAt - reportedAt
    }

    func isFresh(at now: Int64, staleAt end: Int64) -> Bool {
        let span = ProtectionLimits.heartbeatSeconds
        return now >= reportedAt && now - reportedAt < span && end >= staleAt && end - staleAt < span
    }
}
