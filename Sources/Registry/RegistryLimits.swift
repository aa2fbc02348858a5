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
}
