// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// What a token must allow (distribution specification, token authentication).
enum TokenScope: Hashable, Sendable, CustomStringConvertible {
    enum Actions: String, Hashable, Sendable {
        case pull
        case pullAndPush = "pull,push"
        case pullAndDelete = "pull,delete"
        /// What whoever may pull does with his own, and who may retain with that of all.
        case pullAndRetain = "pull,retain"
        case promote
        case retain
        case admin
    }

    /// Actions in one repository.
    case repository(RepositoryName, Actions)
    /// To change what is of the registry itself.
    case administration
    /// To read its records, which either of two rights allows.
    case records
    /// To read the log and its entries, as another region or as an auditor.
    case log
    /// To list the repositories.
    case catalog
    /// To plan what goes, in all repositories where that is a right, and to read such plans.
    case retention

    var description: String {
        switch self {
        case .repository(let name, let actions): "repository:\(name):\(actions.rawValue)"
        case .administration: "registry:admin:admin"
        case .records: "registry:admin:admin registry:audit:audit"
        case .catalog: "registry:catalog:*"
        case .log: "registry:replicate:replicate registry:audit:audit"
        case .retention: "registry:retain:retain registry:audit:audit"
        }
    }
}

/// Proves to one registry who is asking: Basic, or a token that its token service gives for the credentials.
///
/// Tokens are kept for as long as the service says, one for each scope, in memory only.
actor Authorizer {
    private enum Scheme {
        case unknown
        case basic
        case bearer(realm: WebAddress, service: String?)
    }

    private struct Token {
        let text: String
        /// Nanoseconds of the clock that was handed in.
        let end: UInt64
    }

    /// Seconds that a token lives where its service does not say.
    private static let defaultLifetime: Int64 = 60
    /// Seconds before its end from which on a token is not used.
    private static let margin: Int64 = 5
    /// Longer lives are cut to this many seconds.
    private static let lifetimeLimit: Int64 = 86_400

    let origin: Origin
    private let found: CredentialSource.Found
    private let fetch: @Sendable (_ address: WebAddress, _ authorization: String?) async throws(ClientError) -> [UInt8]
    private let now: @Sendable () -> UInt64
    private var scheme = Scheme.unknown
    private var tokens: [TokenScope: Token] = [:]

    /// - Parameters:
    ///   - origin: The registry.
    ///   - found: The credentials for it.
    ///   - now: Nanoseconds of a clock that only goes forward.
    ///   - fetch: Gets a document of a token service, of at most `ClientLimits.tokenAnswerBytes`.
    init(
        origin: Origin,
        found: CredentialSource.Found,
        now: @escaping @Sendable () -> UInt64,
        fetch: @escaping @Sendable (WebAddress, String?) async throws(ClientError) -> [UInt8]
    ) {
        self.origin = origin
        self.found = found
        self.now = now
        self.fetch = fetch
    }

    /// What a request carries in its `Authorization` header before it is known whether it must.
    func header(for scope: TokenScope) async throws(ClientError) -> String? {
        switch scheme {
        case .unknown: return nil
        case .basic: return found.credentials?.basic
        case .bearer(let realm, let service): return try await bearer(realm, service, scope)
        }
    }

    /// Proves who asks before it is demanded: where who is nobody is answered too, with less.
    func prove(answering challenges: [Challenge], for scope: TokenScope) async throws(ClientError) {
        guard found.credentials != nil, !challenges.isEmpty else { return }
        _ = try await header(answering: challenges, for: scope, sent: nil)
    }

    /// What the request carries that is sent again after it was answered with 401. `sent` is the header that did not
    /// suffice.
    ///
    /// - Throws: `.denied` when there is nothing better to send.
    func header(
        answering challenges: [Challenge],
        for scope: TokenScope,
        sent: String?
    ) async throws(ClientError) -> String {
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }), let realm = bearer["realm"] {
            let address = try checked(realm: realm)
            scheme = .bearer(realm: address, service: bearer["service"])
            if let sent, tokens[scope].map({ "Bearer " + $0.text }) == sent { tokens[scope] = nil }
            let header = try await self.bearer(address, bearer["service"], scope)
            guard header != sent else { throw refused() }
            return header
        }
        guard challenges.contains(where: { $0.scheme == "basic" }) else {
            throw ClientError(.denied, "\(origin) asks for a kind of authentication that is not known here")
        }
        guard let header = found.credentials?.basic, header != sent else { throw refused() }
        scheme = .basic
        return header
    }

    private func refused() -> ClientError {
        let reason =
            if let credentials = found.credentials {
                "\(origin) refuses the \(credentials)"
            } else if let notice = found.notice {
                "\(origin) asks for credentials: \(notice)"
            } else {
                "\(origin) asks for credentials, and there are none for it"
            }
        return ClientError(.denied, reason)
    }

    /// Credentials go to the registry itself, or over TLS to the service that it names.
    private func checked(realm: String) throws(ClientError) -> WebAddress {
        let quoted = ParsingError.quotable(realm)
        guard let address = try? WebAddress(parsing: realm) else {
            throw ClientError(.network, "\(origin) names a token service by what is no URL: \"\(quoted)\"")
        }
        guard address.origin == origin || address.origin.scheme == .https else {
            throw ClientError(.network, "\(origin) names a token service elsewhere without TLS: \"\(quoted)\"")
        }
        return address
    }

    private func bearer(_ realm: WebAddress, _ service: String?, _ scope: TokenScope) async throws(ClientError)
        -> String
    {
        let time = now()
        if let token = tokens[scope], time < token.end { return "Bearer " + token.text }
        var address = realm
        if let service { address = address.adding("service", service) }
        address = address.adding("scope", scope.description)
        let token = try read(await fetch(address, found.credentials?.basic), at: time)
        if tokens.count >= ClientLimits.tokens { tokens = [:] }
        tokens[scope] = token
        return "Bearer " + token.text
    }

    private func read(_ body: [UInt8], at time: UInt64) throws(ClientError) -> Token {
        guard let document = try? JSONValue(parsing: body) else {
            throw ClientError(.network, "the token service of \(origin) does not answer with JSON")
        }
        let text: String
        switch (document["token"], document["access_token"]) {
        case (.string(let token)?, _), (_, .string(let token)?): text = token
        default: throw ClientError(.network, "the token service of \(origin) answers without a token")
        }
        guard !text.isEmpty, text.utf8.count <= ClientLimits.tokenBytes,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw ClientError(.network, "the token service of \(origin) answers with what is no token") }
        var lifetime = Self.defaultLifetime
        if case .integer(let seconds)? = document["expires_in"] { lifetime = min(max(seconds, 0), Self.lifetimeLimit) }
        let usable = UInt64(max(lifetime - Self.margin, 0)) * 1_000_000_000
        return Token(text: text, end: time &+ usable)
    }
}
