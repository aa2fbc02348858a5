// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access

/// Slows the transfers of a principal down to what it may move in a second, all of them together. Whoever is not logged
/// in shares that with his network.
struct Pace: Sendable {
    /// A file region that is sent at once.
    static let region: Int64 = 256 * 1024

    private let limiter: RateLimiter
    private let key: String
    private let rate: RateLimiter.Rate

    /// nil where nothing limits the caller.
    init?(_ identity: Identity?, _ peer: Peer, _ access: AccessControl?) {
        guard let access, let identity, let rate = identity.limits.bytesRate else { return nil }
        let isAnonymous = identity.principal.kind == .anonymous
        limiter = access.limiter
        key = "bytes " + (isAnonymous ? peer.clientNetwork ?? "" : identity.principal.description)
        self.rate = rate
    }

    /// Takes bytes, and waits until they are paid for.
    ///
    /// - Throws: `CancellationError`
    func take(_ bytes: Int64) async throws {
        guard bytes > 0 else { return }
        let seconds = limiter.reserve(Double(bytes), from: key, at: rate)
        if seconds > 0 { try await Task.sleep(for: .seconds(seconds)) }
    }
}
