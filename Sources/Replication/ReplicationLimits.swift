// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of following other regions.
package enum ReplicationLimits {
    /// How often the status of regions is shown as metrics.
    static let gaugePause: Duration = .seconds(10)
    /// Pulls that regions tell each other at once, and how often they ask, in seconds.
    package static let toldPulls = 1_000
    package static let pullsPause: Int64 = 600
    /// How far back they ask again, in seconds: for what was pulled there before its manifest was here.
    static let pullsOverlap: Int64 = 3_600
    /// Repositories whose home could not be set that are named.
    static let homesRefused = 100
    /// How long the home of a repository waits for an image that another region hands on, and how long that region then
    /// waits for the tag: together less than what a client waits for an answer. And how long a home waits until it has
    /// heard what it must have heard.
    package static let homeImageWait: Duration = .seconds(30)
    package static let homeSettleWait: Duration = .seconds(5)
    /// Between two looks whether it is so, at least.
    static let homeLookPause: Duration = .milliseconds(100)
    package static let homeTagWait: Duration = .seconds(10)
    /// Entries of a peer's log whose traces are remembered.
    static let tracedEntries = 256
    /// Bundles of 256 entries that are fetched at once.
    static let bundlesAtOnce = 8
    /// Times in a row that entries without the signed root are asked for again, before the peer counts as one with two
    /// logs.
    static let mismatches = 3
    /// Before a peer that had nothing new is asked again.
    static let quietPause: Duration = .milliseconds(250)
    /// Milliseconds between two attempts at a peer that fails, at most; the first comes after half a second to one.
    static let longestPause: Int64 = 15_000
    /// Entries of a peer that wait for bytes which are being fetched.
    static let entriesInFlight = 1_024
    /// Images of a peer that are fetched at once, and those of one repository.
    static let imagesAtOnce = 16
    static let imagesOfRepositoryAtOnce = 4
    static let blobsOfImageAtOnce = 4
    /// Manifests that are fetched for one entry: an index, and what it holds.
    static let manifestsOfImage = 2_048
    /// Blobs of the back-fill that are fetched at once, and that wait in the order in which they were asked for.
    static let backfillAtOnce = 8
    static let backfillQueue = 16_384
    /// Requests that wait for one log to be here, or for another region to have an entry.
    package static let waiters = 1_024
    /// How long they wait, at most.
    package static let longestWait: Duration = .seconds(20)
    package static let confirmationWait: Duration = .seconds(30)
    /// Checkpoints of a copy that wait to be cosigned.
    static let checkpointsKept = 16
    /// Until the inbox is looked at again, without a sign that there is more: while something waits, and otherwise.
    static let shortRest: Duration = .seconds(1)
    static let longRest: Duration = .seconds(30)
    /// Rows of one bucket of the state, which is compared as a whole.
    static let stateRows = 200_000
    /// Between the two looks of a comparison: in that time what was changed is sealed.
    static let auditPause: Duration = .seconds(5)
    /// Seconds in which both have to come up to what the other had.
    static let auditTries = 60
    /// Differences that are told one by one.
    static let auditFindings = 100
    /// Between two comparisons with a region that nobody asked for.
    package static let auditInterval: Duration = .seconds(3_600)
    /// How long a pull of what is not here waits, after a start, for the first answer of each region.
    static let firstAnswerWait: Duration = .seconds(5)
}
