// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import FoundationEssentials
internal import JWTKit
internal import OCI

/// The bounds of the tokens that this registry issues. Times are in seconds.
package enum TokenLimits {
    /// Bytes of a token; clients and proxies bound their headers.
    package static let bytesLimit = 8 * 1024
    /// The longest life of an access token.
    package static let accessSeconds: Int64 = 900
    /// The life of a refresh token: 30 days.
    package static let refreshSeconds: Int64 = 30 * 86_400
    /// How far another server's clock may be ahead when it issues a token. An end has no leeway.
    static let leeway: Int64 = 5
    /// How long a server may take to hear of a new key, and go on to sign with the former one.
    static let handover: Int64 = 60
    /// Tokens whose signature is remembered.
    static let cacheLimit = 4_096
    /// Keys kept, that which signs included.
    static let keysLimit = 32
}

/// An Ed25519 key that signs tokens, or signed them.
package struct TokenKey: Sendable, Hashable {
    /// The key's thumbprint (RFC 7638), which tokens name as `kid`.
    package let id: String
    /// 32 bytes.
    package let publicKey: [UInt8]
    /// 32 bytes; nil once the key is retired: what it signed can still be checked, and nothing more be signed.
    let privateKey: [UInt8]?
    /// Seconds since 1970.
    package let created: Int64
    /// When another key took its place, in seconds since 1970; nil for the one that signs.
    package let retired: Int64?

    /// - Throws: `.invalidToken` for keys that are none.
    init(privateKey: [UInt8], created: Int64) throws(AccessError) {
        let publicKey: [UInt8]
        do {
            let key = try EdDSA.PrivateKey(d: Base64URL.encode(privateKey), curve: .ed25519)
            publicKey = Array(key.publicKey.rawRepresentation)
        } catch {
            throw AccessError(.invalidToken, "a private key of Ed25519 has 32 bytes")
        }
        try self.init(publicKey: publicKey, privateKey: privateKey, created: created, retired: nil)
    }

    init(publicKey: [UInt8], privateKey: [UInt8]?, created: Int64, retired: Int64?) throws(AccessError) {
        guard publicKey.count == 32 else { throw AccessError(.invalidToken, "a public key of Ed25519 has 32 bytes") }
        id = try Self.thumbprint(publicKey)
        self.publicKey = publicKey
        self.privateKey = privateKey
        self.created = created
        self.retired = retired
    }

    /// The same key when another has taken its place, without its private half.
    func retired(at now: Int64) throws(AccessError) -> TokenKey {
        try TokenKey(publicKey: publicKey, privateKey: nil, created: created, retired: retired ?? now)
    }

    /// From when on no token that lived that long can be this key's, in seconds since 1970; nil while it signs.
    func end(of tokenSeconds: Int64) -> Int64? { retired.map { $0 + tokenSeconds + TokenLimits.handover } }

    private static func thumbprint(_ publicKey: [UInt8]) throws(AccessError) -> String {
        do {
            let key = "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"\(Base64URL.encode(publicKey))\"}"
            return Base64URL.encode(try Digest.of(Array(key.utf8)).bytes)
        } catch {
            throw AccessError(.invalidToken, "the key cannot be hashed: \(error)")
        }
    }
}

extension TokenKey: CustomStringConvertible, CustomReflectable {
    package var description: String { id }
    /// Shows nothing, so that a dump of whatever holds it gives no key away.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The keys of this registry's tokens: the first signs, the others verify until their last token is dead.
package struct TokenKeys: Sendable, Hashable {
    /// Newest first; never empty, and the first has its private half.
    package let all: [TokenKey]

    /// The key that signs.
    package let signing: TokenKey

    init(signing: TokenKey, retired: [TokenKey] = []) throws(AccessError) {
        guard signing.privateKey != nil, signing.retired == nil else {
            throw AccessError(.invalidToken, "the first key has to be able to sign")
        }
        guard Set(retired.map(\.id) + [signing.id]).count == retired.count + 1 else {
            throw AccessError(.invalidToken, "a key occurs twice")
        }
        self.signing = signing
        all = [signing] + retired
    }

    /// One new key, made of 32 random bytes. `now` is in seconds since 1970.
    package init(random: [UInt8], now: Int64) throws(AccessError) {
        try self.init(signing: TokenKey(privateKey: random, created: now))
    }

    /// The keys when a new one, made of 32 random bytes, has taken over. `droppingOthers` also ends every token that is
    /// out: for when a key was stolen.
    func rotated(random: [UInt8], droppingOthers: Bool, now: Int64) throws(AccessError) -> TokenKeys {
        let signing = try TokenKey(privateKey: random, created: now)
        guard !droppingOthers else { return try TokenKeys(signing: signing) }
        var retired: [TokenKey] = []
        for key in all where key.end(of: TokenLimits.refreshSeconds).map({ now < $0 }) ?? true {
            retired.append(try key.retired(at: now))
        }
        return try TokenKeys(signing: signing, retired: Array(retired.prefix(TokenLimits.keysLimit - 1)))
    }

    subscript(id: String) -> TokenKey? { all.first { $0.id == id } }
}
