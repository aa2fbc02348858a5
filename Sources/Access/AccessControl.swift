// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Synchronization

/// What a request brings along to say who sends it.
package struct Credentials: Sendable {
    /// The `Authorization` header.
    package let authorization: String?
    /// DNS names and URIs of the verified client certificate.
    package let certificateNames: [String]
    package let address: IPAddress?

    package init(authorization: String?, certificateNames: [String], address: IPAddress?) {
        self.authorization = authorization
        self.certificateNames = certificateNames
        self.address = address
    }
}

/// Why credentials were not accepted. The client learns no more than the case.
package enum AuthenticationFailure: Error, Sendable, Hashable {
    /// Wrong, expired, revoked or malformed. `reason` is for the audit record, and `principal` what they claimed.
    case invalid(reason: String, principal: String)
    /// Passwords are being checked faster than that can be done.
    case busy
}

/// The policy in force, and the checks that outlive a change of it.
package final class AccessControl: Sendable {
    private let current: Mutex<AccessPolicy>
    private let passwords: PasswordChecker
    private let now: @Sendable () -> Int64
    package let limiter: RateLimiter

    /// `now` gives seconds since 1970, for the ends of tokens and robots; `monotonic` nanoseconds, for rates.
    package init(
        policy: AccessPolicy,
        passwords: PasswordChecker,
        now: @escaping @Sendable () -> Int64,
        monotonic: @escaping @Sendable () -> UInt64
    ) {
        current = Mutex(policy)
        self.passwords = passwords
        self.now = now
        limiter = RateLimiter(monotonic: monotonic)
    }

    package var policy: AccessPolicy { current.withLock { $0 } }

    /// Puts another policy in force for every request that begins from now on.
    package func replace(with policy: AccessPolicy) {
        current.withLock { $0 = policy }
    }

    /// Who sends a request. Without credentials: the client certificate's principal, else anonymous. Bad credentials
    /// never fall back to anonymous.
    package func identify(_ credentials: Credentials) async throws(AuthenticationFailure) -> Identity {
        let policy = policy
        guard let authorization = credentials.authorization else {
            let principal = policy.certificatePrincipal(credentials.certificateNames) ?? .anonymous
            return identity(of: principal, credentials.address, under: policy)
        }
        switch Authorization(parsing: authorization) {
        case .basic(let user, let password):
            let principal = try await authenticate(user: user, password: password, under: policy)
            return identity(of: principal, credentials.address, under: policy)
        case .bearer(let token):
            return try await identify(token: token, credentials.address, under: policy)
        case nil:
            throw .invalid(reason: "the Authorization header is neither Basic nor Bearer", principal: "")
        }
    }

    /// Whether the identity's credentials and policy are those that hold now, so that what it was allowed still is.
    package func isCurrent(_ identity: Identity) -> Bool {
        identity.policy.revision == current.withLock { $0.revision } && now() < identity.validUntil
    }

    private func identity(of principal: Principal, _ address: IPAddress?, under policy: AccessPolicy) -> Identity {
        Identity(principal: principal, address: address, policy: policy, validUntil: now() + Self.recheckSeconds)
    }

    private func identify(
        token text: String,
        _ address: IPAddress?,
        under policy: AccessPolicy
    ) async throws(AuthenticationFailure) -> Identity {
        let token: VerifiedToken
        do {
            token = try await policy.tokens.verify(text)
        } catch {
            throw .invalid(reason: error.reason, principal: "")
        }
        try checkGeneration(token, under: policy)
        return Identity(
            principal: token.principal,
            address: address,
            tokenAccess: token.access,
            policy: policy,
            validUntil: token.expires
        )
    }

    private func checkGeneration(_ token: VerifiedToken, under policy: AccessPolicy) throws(AuthenticationFailure) {
        guard let generation = policy.generation(of: token.principal, now: now()), token.generation ?? 0 == generation
        else {
            throw .invalid(
                reason: "the token's holder was revoked, or has other credentials now",
                principal: token.principal.description
            )
        }
    }

    /// Checks a user name and a password: of `oidc` a workload's ID token, of `robot+NAME` a robot's secret, else that
    /// of a user of the htpasswd file.
    func authenticate(
        user: String,
        password: String,
        under policy: AccessPolicy
    ) async throws(AuthenticationFailure) -> Principal {
        if user == Self.workloadUser { return try await workload(token: password, under: policy) }
        if user.hasPrefix(Self.robotPrefix) {
            let name = String(user.dropFirst(Self.robotPrefix.count))
            guard let robot = policy.robots.authenticate(name: name, secret: password, now: now()) else {
                throw .invalid(reason: "unknown, expired or revoked robot, or wrong secret", principal: user)
            }
            return Principal(kind: .robot, name: robot.name, groups: [], method: .basic)
        }
        let accepted: Bool
        do {
            accepted = try await passwords.check(
                user: user,
                password: password,
                htpasswd: policy.htpasswd
            )
        } catch {
            if error.code == .busy { throw .busy }
            throw .invalid(reason: error.reason, principal: user)
        }
        guard accepted else { throw .invalid(reason: "unknown user or wrong password", principal: user) }
        return Principal(kind: .user, name: user, groups: [], method: .basic)
    }

    /// The principal of a CI job's ID token (OpenID Connect), by the issuer that it names.
    func workload(token: String, under policy: AccessPolicy) async throws(AuthenticationFailure) -> Principal {
        var reasons: [String] = []
        for issuer in policy.issuers {
            do {
                return try await issuer.verify(token)
            } catch {
                reasons.append(error.reason)
            }
        }
        let reason = reasons.isEmpty ? "no issuer of ID tokens is configured" : reasons.joined(separator: "; ")
        throw .invalid(reason: reason, principal: Self.workloadUser)
    }

    /// Credentials other than tokens are looked at again after this long: robots expire.
    private static let recheckSeconds: Int64 = 10
    static let workloadUser = "oidc"
    static let robotPrefix = "robot+"
}

extension AccessControl {
    /// What a token request asks for.
    package struct TokenRequest: Sendable {
        package var scopes: [Scope.Item] = []
        package var wantsRefreshToken = false
        package init() {}
    }

    package struct IssuedToken: Sendable {
        package let token: String
        package let expiresIn: Int
        package let issuedAt: Int64
        package let refreshToken: String?
        package let access: [TokenAccess]
    }

    /// Issues a token for as much of what was asked for as the rules give: fewer rights are no error.
    package func issue(_ request: TokenRequest, to identity: Identity) async throws(AccessError) -> IssuedToken {
        let policy = identity.policy
        let principal = identity.principal
        let generation = policy.generation(of: principal, now: now())
        let access = Self.intersection(request.scopes, identity)
        let (token, seconds) = try await policy.tokens.issue(
            principal: principal,
            generation: generation,
            access: access,
            id: SecureRandom.identifier()
        )
        var refresh: String?
        if request.wantsRefreshToken, principal.kind != .anonymous, principal.kind != .workload {
            refresh = try await policy.tokens.issueRefresh(principal: principal, generation: generation)
        }
        return IssuedToken(
            token: token,
            expiresIn: seconds,
            issuedAt: now(),
            refreshToken: refresh,
            access: access
        )
    }

    /// Who a refresh token was issued to, if he is still known by the same credentials.
    package func identify(refreshToken: String, address: IPAddress?) async throws(AuthenticationFailure) -> Identity {
        let policy = policy
        let token: VerifiedToken
        do {
            token = try await policy.tokens.verifyRefresh(refreshToken)
        } catch {
            throw .invalid(reason: error.reason, principal: "")
        }
        try checkGeneration(token, under: policy)
        return identity(of: token.principal, address, under: policy)
    }

    /// Who a user name and a password belong to.
    package func identify(
        user: String,
        password: String,
        address: IPAddress?
    ) async throws(AuthenticationFailure) -> Identity {
        let policy = policy
        let principal = try await authenticate(user: user, password: password, under: policy)
        return identity(of: principal, address, under: policy)
    }

    /// Who a CI job's ID token stands for.
    package func identify(idToken: String, address: IPAddress?) async throws(AuthenticationFailure) -> Identity {
        let policy = policy
        let principal = try await workload(token: idToken, under: policy)
        return identity(of: principal, address, under: policy)
    }

    private static func intersection(_ scopes: [Scope.Item], _ identity: Identity) -> [TokenAccess] {
        scopes.compactMap { item in
            let actions = item.actions.filter { isGranted($0, of: item, to: identity) }
            return actions.isEmpty ? nil : TokenAccess(type: item.type, name: item.name, actions: actions)
        }
    }

    /// Whether some request under this word of the scope could be allowed; which one is decided when it comes.
    private static func isGranted(_ word: String, of item: Scope.Item, to identity: Identity) -> Bool {
        switch item.type {
        case "repository":
            guard let repository = try? RepositoryName(parsing: item.name) else { return false }
            return Scope.Item.actions(word: word).actions.contains { identity.decide($0, repository).allowed }
        case "registry" where item.name == "catalog":
            return word == "*"
        case "registry" where item.name == Action.retain.rawValue:
            return word == Action.retain.rawValue && identity.principal.kind != .anonymous
        case "registry":
            return Scope.Item.actions(word: word).actions.contains { action in
                action.rawValue == item.name && identity.decide(action, nil).allowed
            }
        default:
            return false
        }
    }
}

extension AccessPolicy {
    func certificatePrincipal(_ names: [String]) -> Principal? {
        for mapping in configuration.certificates {
            guard let name = names.first(where: { mapping.san.matches($0) }) else { continue }
            return Principal(
                kind: .certificate,
                name: mapping.name ?? name,
                groups: mapping.groups,
                method: .certificate
            )
        }
        return nil
    }
}
