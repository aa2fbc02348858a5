// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import FoundationEssentials
internal import JWTKit
internal import OCI
internal import Synchronization

/// Trust in one OpenID Connect issuer: its ID tokens, checked against its published keys, become principals.
///
/// Keys are fetched when a token is there to check, kept ten minutes, and fetched again for a key that is not known,
/// but not more often than every ten seconds: tokens of strangers do not make the registry ask for them.
package final class IssuerTrust: Sendable {
    /// Bytes of an ID token.
    static let tokenBytesLimit = 16 * 1024
    /// Nanoseconds that keys are kept: ten minutes.
    static let keysLifetime: UInt64 = 600_000_000_000
    /// Nanoseconds between two attempts to fetch keys: ten seconds.
    static let pause: UInt64 = 10_000_000_000
    /// Seconds that the issuer's clock may be ahead. An end has no leeway.
    static let leeway: Int64 = 30

    private struct State: Sendable {
        var keys: KeySet?
        var fetched: UInt64 = 0
        var attempted: UInt64?
        var fetching: Task<Result<KeySet, AccessError>, Never>?
    }

    package let configuration: IssuerConfiguration
    private let now: @Sendable () -> Int64
    private let monotonic: @Sendable () -> UInt64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - configuration: The issuer, what is expected of its tokens, and what they stand for.
    ///   - now: Seconds since 1970, for the times in tokens.
    ///   - monotonic: Nanoseconds of a clock that only goes forward, for the age of keys.
    package init(
        configuration: IssuerConfiguration,
        now: @escaping @Sendable () -> Int64,
        monotonic: @escaping @Sendable () -> UInt64
    ) {
        self.configuration = configuration
        self.now = now
        self.monotonic = monotonic
    }

    /// The workload that an ID token stands for.
    ///
    /// - Throws: `.invalidToken` for a token that is not accepted, `.invalidIssuer` where the keys cannot be had. A
    ///   token of another issuer is refused without asking anyone.
    package func verify(_ text: String) async throws(AccessError) -> Principal {
        let token = try SignedToken(parsing: text, bytesLimit: Self.tokenBytesLimit)
        try checkClaims(token.payload)
        let (key, algorithm) = try checkHeader(token.header)
        guard let verifier = try await keys(with: key).verifier(key, algorithm: algorithm) else {
            throw refused("names no key of the issuer that is for its algorithm")
        }
        let isSigned = (try? verifier.verify(token.signature, signs: token.signedBytes)) ?? false
        guard isSigned, verifier.name == algorithm else { throw refused("is not signed by the issuer") }
        return try principal(token.payload)
    }

    // MARK: The token

    private func checkHeader(_ header: JSONValue) throws(AccessError) -> (key: String, algorithm: String) {
        guard let algorithm = header["alg"]?.text, KeySet.algorithms.contains(algorithm) else {
            throw refused("has an algorithm that is not accepted")
        }
        guard let key = header["kid"]?.text, (1...KeySet.identifierBytesLimit).contains(key.utf8.count) else {
            throw refused("does not name its key")
        }
        guard header["crit"] == nil else { throw refused("asks for extensions that are not known") }
        // Logout tokens and others of the same keys say what they are.
        guard header["typ"] == nil || header["typ"]?.text?.uppercased() == "JWT" else {
            throw refused("is not an ID token")
        }
        return (key, algorithm)
    }

    private func checkClaims(_ claims: JSONValue) throws(AccessError) {
        guard claims["iss"] == .string(configuration.issuer) else { throw refused("is of another issuer") }
        let audience = JSONValue.string(configuration.audience)
        let isForUs =
            if case .array(let list)? = claims["aud"] { list.contains(audience) } else { claims["aud"] == audience }
        guard isForUs else { throw refused("is for another audience") }
        guard let end = claims["exp"]?.seconds, let issued = claims["iat"]?.seconds else {
            throw refused("does not say when it was issued and when it ends")
        }
        let time = now()
        guard time < end else { throw refused("has expired") }
        guard issued <= time + Self.leeway else { throw refused("was issued in the future") }
        if let start = claims["nbf"] {
            guard let start = start.seconds, start <= time + Self.leeway else { throw refused("is not valid yet") }
        }
    }

    private func principal(_ claims: JSONValue) throws(AccessError) -> Principal {
        let workload = configuration.workloads.first { workload in
            !workload.claims.isEmpty
                && workload.claims.allSatisfy { name, pattern in
                    claims[name]?.texts.contains { pattern.matches($0) } ?? false
                }
        }
        guard let workload else { throw refused("matches none of the issuer's workloads") }
        return Principal(
            kind: .workload,
            name: "\(configuration.name)/\(workload.name)",
            groups: workload.groups,
            method: .token
        )
    }

    private func refused(_ reason: String) -> AccessError {
        AccessError(.invalidToken, "\(configuration.name): the ID token \(reason)")
    }

    // MARK: Keys

    private enum Step {
        case use(KeySet)
        case wait(Task<Result<KeySet, AccessError>, Never>)
        case refuse
    }

    /// Keys that have this one, if the issuer has it.
    private func keys(with key: String) async throws(AccessError) -> KeySet {
        switch nextStep(key) {
        case .use(let keys): return keys
        case .wait(let task): return try await task.value.get()
        case .refuse: throw refused("names a key that the issuer did not have some seconds ago")
        }
    }

    private func nextStep(_ key: String) -> Step {
        state.withLock { state in
            // Read here, so that it is never before the time of a fetch.
            let time = monotonic()
            if let keys = state.keys, time &- state.fetched < Self.keysLifetime, keys.contains(key) {
                return .use(keys)
            }
            if let fetching = state.fetching { return .wait(fetching) }
            if let attempted = state.attempted, time &- attempted < Self.pause { return .refuse }
            // All who need keys wait for one fetch, which is none of theirs: it goes on when one of them gives up.
            let task = Task { await self.fetch(at: time) }
            state.fetching = task
            state.attempted = time
            return .wait(task)
        }
    }

    private func fetch(at time: UInt64) async -> Result<KeySet, AccessError> {
        let result: Result<KeySet, AccessError>
        do {
            result = .success(try await Discovery(configuration: configuration).keys())
        } catch {
            result = .failure(error)
        }
        state.withLock { state in
            state.fetching = nil
            guard case .success(let keys) = result else { return }
            state.keys = keys
            state.fetched = time
        }
        return result
    }
}

extension JSONValue {
    /// The texts of a claim that a pattern may match: itself, or the elements of a list.
    fileprivate var texts: [String] {
        switch self {
        case .string(let text): [text]
        case .integer(let number): [String(number)]
        case .bool(let value): [value ? "true" : "false"]
        case .array(let elements): elements.compactMap(\.text)
        default: []
        }
    }
}
