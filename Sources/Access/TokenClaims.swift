// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import JWTKit

/// One entry of a token's `access` claim, by the token specification of distribution (spec/auth/jwt).
package struct TokenAccess: Sendable, Hashable, Codable {
    package let type: String
    package let name: String
    package let actions: [String]

    package init(type: String, name: String, actions: [String]) {
        self.type = type
        self.name = name
        self.actions = actions
    }
}

/// What a token of this registry says, when everything about it was right.
package struct VerifiedToken: Sendable, Hashable {
    /// Its method is `token`.
    package let principal: Principal
    /// The state of the principal's credentials that it was issued for. Whoever accepts the token compares it with what
    /// it is now: that is how tokens die with the credentials.
    package let generation: Int?
    package let access: [TokenAccess]
    /// `jti`
    package let id: String
    /// Seconds since 1970.
    package let expires: Int64
}

/// The claims of this registry's tokens (RFC 7519, and `access` of distribution). Times are seconds since 1970.
struct TokenClaims: JWTPayload {
    /// What `use` says of a refresh token. Access tokens have no such claim.
    static let refresh = "refresh"

    var iss: String
    var aud: String
    /// The principal's description; empty for anonymous.
    var sub: String
    var iat: Int64
    var nbf: Int64
    var exp: Int64
    var jti: String
    var access: [TokenAccess]
    var groups: [String]?
    /// `VerifiedToken.generation`
    var gen: Int?
    var use: String?

    /// What can be said without knowing the time and who asks; `TokenIssuer` says the rest.
    func verify(using algorithm: some JWTAlgorithm) async throws {
        guard algorithm.name == TokenIssuer.algorithm else {
            throw AccessError(.invalidToken, "the token is not signed with \(TokenIssuer.algorithm)")
        }
    }

    func principal() throws(AccessError) -> Principal {
        guard !sub.isEmpty else { return Principal(kind: .anonymous, name: "", groups: [], method: .token) }
        do {
            return try Principal(parsing: sub, groups: groups ?? [], method: .token)
        } catch {
            throw AccessError(.invalidToken, "the token's subject is no principal")
        }
    }
}
