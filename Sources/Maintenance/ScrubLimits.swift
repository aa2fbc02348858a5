// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of the scrub. Sizes are bytes.
package enum ScrubLimits {
    /// What is read in a second at least.
    package static let rate: Int64 = 20 << 20
    /// Seconds that a pass over everything takes at most, by default.
    package static let every: Int64 = 30 * 86_400
    /// The slowest and the fastest rate that may be asked for.
    package static let rates: ClosedRange<Int64> = 1 << 10...1 << 40
    /// The shortest deadline of a whole pass, in seconds: a small store is read no more often than once in it.
    package static let shortestEvery: Int64 = 3_600
    /// A pass begins no sooner after the one before than this, in seconds, or than its deadline if that is shorter.
    package static let passInterval: Int64 = 86_400
    /// What a run that was asked for reads in a second, where nothing else was.
    package static let runRate: Int64 = 100 << 20
    /// What a blob costs beside its bytes: opening a file takes the disk as long as reading so much of it.
    static let blobCost = 16 << 10
    /// Blobs that are looked up at once.
    static let page = 256
    /// Blobs whose reading is noted as one change, and seconds after which fewer are.
    static let noted = 256
    static let notedSeconds: Int64 = 15
    /// Rows that one step of counting all blobs reads.
    static let countPage = 5_000
    /// Seconds within which a turn of reading has to end.
    static let turnSeconds: Int64 = 60
    /// Seconds between attempts after the disk or the catalog has failed, and before the first pass.
    static let retrySeconds: Int64 = 60
    static let firstSeconds: Int64 = 60
    /// Seconds after which a pass that waits for something looks again whether it may go on.
    static let pollSeconds: Int64 = 1
    /// Blobs in a row that cannot be read, after which the disk is at fault and not they.
    static let unreadableInARow = 8
    /// Copies of a manifest in several repositories that are compared at once.
    static let copiesPage = 64
    /// Damaged blobs that a status names, and up to how many it counts them.
    package static let namedDamaged = 100
    package static let countedDamaged = 10_000
}
