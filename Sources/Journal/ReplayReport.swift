// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What a replay of the log into an older catalog did.
package struct ReplayReport: Sendable, Hashable {
    /// Entries that the catalog had not.
    package var entries: Int64 = 0
    /// Changes that only the catalog had: they come after the log's.
    package var recordedAnew = 0
    /// What the log has and the disk has not; at most 100 sentences.
    package private(set) var missing: [String] = []
    /// How many there were in all.
    package private(set) var missingCount = 0

    /// What no entry carries, and the older catalog therefore decides.
    package static let notCarried = """
        the log does not carry who its actors are beyond what this catalog knew, addresses, links of blobs that no \
        manifest has, deletions of blobs, open uploads, reports of deployments, times of pulls, runs of retention and \
        refusals: these are as the older catalog has them
        """

    mutating func add(_ sentence: String) {
        missingCount += 1
        if missing.count < JournalLimits.problemsNamed { missing.append(sentence) }
    }
}

/// How far a replay is.
package struct ReplayProgress: Sendable, Hashable {
    package let done: Int64
    package let total: Int64
}
