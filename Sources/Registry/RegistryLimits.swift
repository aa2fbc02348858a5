// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Bounds of the registry's own state. Sizes are bytes, times are seconds of service time.
package enum RegistryLimits {
    package static let manifestCacheBytes = 16 * 1024 * 1024
    package static let manifestCacheShards = 8
    /// What an entry costs beside its bytes, about.
    package static let manifestCacheOverhead = 512
    /// An upload session without a request for this long is dropped.
    package static let uploadIdleSeconds: Int64 = 3600
    /// An upload session lives at most this long.
    package static let uploadLifeSeconds: Int64 = 24 * 3600
    /// How often sessions are looked through for expired ones, and the disk for space.
    package static let housekeepingSeconds: Int64 = 5
    /// Retry-After of a refusal for load.
    package static let retryAfterSeconds = 1
    /// Verdicts of the trust policy kept in memory.
    static let verdictsKept = 20_000
    /// Bytes of manifests of attachments that one evaluation reads.
    static let evidenceManifestBytes = 32 << 20
    /// How often an evaluation begins anew because something was attached meanwhile.
    static let evaluationTries = 5
    /// Copies of one manifest in several repositories that are held against its bytes at once.
    static let copiesPage = 64
    /// Between two looks at the queue of images to be scanned, and how many are taken from it at once.
    static let scanInterval: Duration = .seconds(1)
    static let scansPerTurn = 16
}
