// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import OCI
internal import Synchronization

/// Tokens whose signature was found right, by their SHA-256, so that a client's next request costs a hash instead.
final class TokenCache: Sendable {
    private struct Entry: Sendable {
        let token: VerifiedToken
        let end: Int64
    }

    private let entries = Mutex(BoundedCache<Digest, Entry>(limit: TokenLimits.cacheLimit))

    /// nil where the token is not known, or has ended.
    func token(_ key: Digest, now: Int64) -> VerifiedToken? {
        entries.withLock { entries in
            guard let entry = entries[key] else { return nil }
            if now < entry.end { return entry.token }
            entries.remove(key)
            return nil
        }
    }

    /// Remembers a token until `end`, in seconds since 1970.
    func insert(_ token: VerifiedToken, for key: Digest, until end: Int64) {
        entries.withLock { $0.insert(Entry(token: token, end: end), for: key) }
    }

    static func key(_ text: String) -> Digest? { try? Digest.of(Array(text.utf8)) }
}
