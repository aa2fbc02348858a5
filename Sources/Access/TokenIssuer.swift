// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import JWTKit
internal import OCI
internal import Synchronization

/// Issues and verifies this registry's tokens: JSON Web Tokens signed with Ed25519.
///
/// Access tokens live some minutes and name what they are good for; refresh tokens live a month and are good for
/// nothing but access tokens. Neither passes for the other.
package final class TokenIssuer: Sendable {
    static let algorithm = "EdDSA"
    static let type = "JWT"

    private let keys: TokenKeys
    private let service: String
    private let seconds: Int64
    private let now: @Sendable () -> Int64
    private let cache = TokenCache()
    private let signers = Mutex<JWTKeyCollection?>(nil)

    /// - Parameters:
    ///   - keys: The first signs, all verify.
    ///   - service: Who issues, and who accepts: the `iss` and `aud` of every token.
    ///   - seconds: The life of access tokens, at most 900.
    ///   - now: Seconds since 1970.
    package init(keys: TokenKeys, service: String, seconds: Int, now: @escaping @Sendable () -> Int64) {
        self.keys = keys
        self.service = service
        self.seconds = min(Int64(seconds), TokenLimits.accessSeconds)
        self.now = now
    }

    // MARK: Issuing

    /// Issues an access token. Its `id` (`jti`) has to be another for each token.
    ///
    /// - Returns: The token, and the seconds that it lives.
    /// - Throws: `.invalidScope` where the access does not fit into a token; `.invalidToken` where it cannot be signed.
    package func issue(
        principal: Principal,
        generation: Int?,
        access: [TokenAccess],
        id: String
    ) async throws(AccessError) -> (token: String, expires: Int) {
        let token = try await sign(claims(principal, generation, access, id: id, seconds: seconds, use: nil))
        return (token, Int(seconds))
    }

    /// Issues a refresh token.
    ///
    /// - Throws: `.invalidToken` where it cannot be signed.
    package func issueRefresh(
        principal: Principal,
        generation: Int?,
        id: String = SecureRandom.identifier()
    ) async throws(AccessError) -> String {
        let life = TokenLimits.refreshSeconds
        return try await sign(claims(principal, generation, [], id: id, seconds: life, use: TokenClaims.refresh))
    }

    private func claims(
        _ principal: Principal,
        _ generation: Int?,
        _ access: [TokenAccess],
        id: String,
        seconds: Int64,
        use: String?
    ) -> TokenClaims {
        let time = now()
        return TokenClaims(
            iss: service,
            aud: service,
            sub: principal.kind == .anonymous ? "" : principal.description,
            iat: time,
            nbf: time,
            exp: time + seconds,
            jti: id,
            access: access,
            groups: principal.groups.isEmpty ? nil : principal.groups,
            gen: generation,
            use: use
        )
    }

    private func sign(_ claims: TokenClaims) async throws(AccessError) -> String {
        let token: String
        do {
            token = try await collection().sign(claims, kid: JWKIdentifier(string: keys.signing.id))
        } catch {
            throw AccessError(.invalidToken, "the token cannot be signed: \(error)")
        }
        guard token.utf8.count <= TokenLimits.bytesLimit else {
            throw AccessError(.invalidScope, "the scope does not fit into a token of \(TokenLimits.bytesLimit) bytes")
        }
        return token
    }

    // MARK: Verifying

    /// An access token that was verified before and has not ended: all that most requests need.
    package func cached(_ token: String) -> VerifiedToken? {
        guard token.utf8.count <= TokenLimits.bytesLimit, let key = TokenCache.key(token) else { return nil }
        return cache.token(key, now: now())
    }

    /// Verifies an access token. Whether its holder's credentials are still those that it was issued for is for the
    /// caller to see, by its generation.
    ///
    /// - Throws: `.invalidToken` with the first reason; it quotes nothing of the token.
    package func verify(_ token: String) async throws(AccessError) -> VerifiedToken {
        if let verified = cached(token) { return verified }
        let life = TokenLimits.accessSeconds
        let (verified, end) = try await verify(token, use: nil, life: life)
        if let key = TokenCache.key(token) { cache.insert(verified, for: key, until: end) }
        return verified
    }

    /// Verifies a refresh token, as `verify` does an access token.
    package func verifyRefresh(_ token: String) async throws(AccessError) -> VerifiedToken {
        try await verify(token, use: TokenClaims.refresh, life: TokenLimits.refreshSeconds).token
    }

    private func verify(
        _ text: String,
        use: String?,
        life: Int64
    ) async throws(AccessError) -> (token: VerifiedToken, end: Int64) {
        let key = try signingKey(of: SignedToken(parsing: text, bytesLimit: TokenLimits.bytesLimit))
        let time = now()
        let keyEnd = key.end(of: life)
        if let keyEnd, time >= keyEnd { throw AccessError(.invalidToken, "the token's key has been replaced long ago") }
        let claims: TokenClaims
        do {
            claims = try await collection().verify(text, as: TokenClaims.self)
        } catch {
            throw AccessError(.invalidToken, "the token is not signed by this registry")
        }
        try check(claims, use, life, time)
        let token = VerifiedToken(
            principal: try claims.principal(),
            generation: claims.gen,
            access: claims.access,
            id: claims.jti,
            expires: claims.exp
        )
        return (token, min(claims.exp, keyEnd ?? claims.exp))
    }

    /// Looks at the header before jwt-kit does, which would take the algorithm from the header, and any key for one
    /// that it does not know.
    private func signingKey(of token: SignedToken) throws(AccessError) -> TokenKey {
        guard case .object(let members) = token.header, members.count == 3,
            token.header["typ"] == .string(Self.type), token.header["alg"] == .string(Self.algorithm)
        else {
            throw AccessError(
                .invalidToken,
                "a token's header has typ \(Self.type), alg \(Self.algorithm), kid and nothing else"
            )
        }
        guard let id = token.header["kid"]?.text, let key = keys[id] else {
            throw AccessError(.invalidToken, "the token's key is not known")
        }
        return key
    }

    private func check(_ claims: TokenClaims, _ use: String?, _ life: Int64, _ time: Int64) throws(AccessError) {
        guard claims.iss == service else { throw AccessError(.invalidToken, "the token has another issuer") }
        guard claims.aud == service else { throw AccessError(.invalidToken, "the token is for another service") }
        guard claims.use == use else { throw AccessError(.invalidToken, "the token is for another use") }
        guard time < claims.exp else { throw AccessError(.invalidToken, "the token has expired") }
        guard claims.nbf <= time + TokenLimits.leeway, claims.iat <= time + TokenLimits.leeway else {
            throw AccessError(.invalidToken, "the token is not valid yet")
        }
        guard claims.exp.subtractingReportingOverflow(claims.iat).partialValue <= life, claims.iat >= 0 else {
            throw AccessError(.invalidToken, "the token lives longer than any that is issued")
        }
    }

    /// The keys as jwt-kit holds them; made when they are first used, because that takes a turn of an actor.
    private func collection() async throws -> JWTKeyCollection {
        if let made = signers.withLock({ $0 }) { return made }
        let collection = JWTKeyCollection()
        for key in keys.all {
            let id = JWKIdentifier(string: key.id)
            if let privateKey = key.privateKey {
                let key = try EdDSA.PrivateKey(d: Base64URL.encode(privateKey), curve: .ed25519)
                await collection.add(eddsa: key, kid: id)
            } else {
                let key = try EdDSA.PublicKey(x: Base64URL.encode(key.publicKey), curve: .ed25519)
                await collection.add(eddsa: key, kid: id)
            }
        }
        signers.withLock { $0 = collection }
        return collection
    }
}
