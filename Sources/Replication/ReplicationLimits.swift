// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of following other regions.
package enum ReplicationLimits {
    /// Bundles of 256 entries that are fetched at once.
    static let bundlesAtOnce = 8
    /// Times in a row that entries without the signed root are asked for again, before the peer counts as one with two
    /// logs.
    static let mismatches = 3
    /// Before a peer that had nothing new is asked again.
    static let quietPause: Duration = .milliseconds(250)
    /// Milliseconds between two attempts at a peer that fails, at most; the first comes after half a second to one.
    static let longestPause: Int64 = 60_000
}
