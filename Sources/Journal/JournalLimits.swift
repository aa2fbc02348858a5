// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of the log.
package enum JournalLimits {
    /// Entries and bytes of leaves that one seal takes.
    static let entriesPerSeal = 2_048
    static let bytesPerSeal = 8 << 20
    /// Unsealed events that are not made to wait for the interval.
    static let entriesThatHurry = 256
    /// From the first unsealed event to the seal, at most.
    static let interval: Duration = .milliseconds(900)
    /// Sealed entries whose traces are remembered.
    static let tracedEntries = 256
    /// Between two seals, when somebody waits for one: those who come meanwhile share the next.
    static let hurriedInterval: Duration = .milliseconds(20)
    /// Before a seal that found the disk full is tried again.
    static let retryInterval: Duration = .seconds(1)
    /// How long a change waits for its checkpoint when asked to.
    package static let waitForCheckpoint: Duration = .seconds(10)
    /// Bytes of the largest file of the log: 256 entries, each with its length.
    static let fileBytes = 256 * (65_535 + 2)
    /// How long a reader of the checkpoint waits for a larger one when it asks to: less than proxies give an answer.
    package static let waitForGrowth: Duration = .seconds(25)
    /// Requests that wait for a checkpoint at once; one more is answered at once.
    static let waiters = 10_000
    /// Bytes of a key file, and of the file with the signer's state.
    static let keyFileBytes = 64 << 10
    /// Bytes of a witness's answer that are read.
    package static let witnessReplyBytes = 16 << 10
    /// Entries that one transaction of a replay writes: each may be a manifest with thousands of edges.
    package static let entriesPerReplay = 64
    /// Unsealed events of an older catalog that a replay holds against the log, 40 bytes each.
    static let unsealedEvents = 1_000_000
    /// Blobs that a replay remembers to be whole.
    static let wholeBlobs = 100_000
    /// Missing blobs that a replay looks for to name them.
    static let lostBlobs = 1_000
    /// Logs that one log goes on from, one after the other.
    static let formerLogs = 64
    /// Bytes of another log's entries that are held before their root is known; more wait on the disk.
    static let mirrorBytes = 16 << 20
    /// Threads that read and write files of the log.
    static let threads = 2
    /// Problems that the report of a check names.
    static let problemsNamed = 100
    /// From the end of one scrub of the log to the next, and the pause after each bundle of 256 entries.
    static let scrubInterval: Duration = .seconds(24 * 3_600)
    static let scrubPause: Duration = .milliseconds(50)
}
