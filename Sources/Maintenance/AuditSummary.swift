// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What an audit of collection compared and found.
package struct AuditSummary: Sendable, Hashable {
    /// Rows that it looked at.
    package var links = 0
    package var blobs = 0
    package var manifests = 0
    package var repositories = 0
    /// Repositories that changed too much meanwhile for their accounts to be compared.
    package var skippedRepositories = 0
    /// Breaches of a rule: above 0 it is a bug, or damage.
    package var findingCount = 0
    /// The first of them.
    package var findings: [String] = []
    /// When it ended: seconds since 1970.
    package var endedAt: Int64 = 0

    package init() {}

    mutating func add(_ found: [String]) {
        findingCount += found.count
        findings += found.prefix(max(0, CollectionLimits.findingsNamed - findings.count))
    }
}
