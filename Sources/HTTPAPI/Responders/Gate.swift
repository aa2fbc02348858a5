// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
package import OCI
package import Registry

/// Why a request was turned away before the registry heard of it.
enum AccessRefusal: Error {
    /// No credentials, or bad ones, or a token that does not cover the request: 401 with a challenge.
    case unauthenticated(challenge: String, reason: String)
    /// The rules deny it, in their words: 403.
    case denied(Decision)
    /// Faster than the limits allow: 429.
    case limited(what: String, retryAfter: Int)
}

/// A denial, for the record.
package struct Denial: Sendable {
    package let caller: Caller
    package let action: String
    package let repository: RepositoryName?
    /// The tag or digest, where the request names one.
    package let subject: String?
    package let rule: String?
    package let reason: String
}

extension Responder {
    /// Finds out who sends a request, and holds him to his rate.
    ///
    /// - Returns: nil where everyone may do everything.
    /// - Throws: `AccessRefusal`
    func identify(_ request: Request, _ route: Route, from peer: Peer, requestID: String) async throws -> Identity? {
        guard let access else { return nil }
        switch route {
        case .live, .ready, .page(.stylesheet): return nil
        default: break
        }
        let limits = access.policy.configuration.limits
        let address = peer.address.flatMap { IPAddress($0) }
        if let rate = limits.addressRate, let key = peer.clientNetwork,
            let seconds = access.limiter.take(from: "address \(key)", at: rate)
        {
            throw AccessRefusal.limited(what: "requests of this address", retryAfter: seconds)
        }
        let credentials = Credentials(
            authorization: request.headers[.authorization],
            certificateNames: peer.certificateNames,
            address: address
        )
        let identity: Identity
        do {
            identity = try await access.identify(credentials)
        } catch {
            throw refusal(of: error, request, route, from: peer, requestID: requestID)
        }
        if let rate = limits.principalRate, identity.principal.kind != .anonymous,
            let seconds = access.limiter.take(from: identity.principal.description, at: rate)
        {
            throw AccessRefusal.limited(what: "requests of \(identity.principal)", retryAfter: seconds)
        }
        return identity
    }

    func refusal(
        of failure: AuthenticationFailure,
        _ request: Request,
        _ route: Route,
        from peer: Peer,
        requestID: String
    ) -> AccessRefusal {
        switch failure {
        case .busy: return .limited(what: "passwords being checked", retryAfter: 1)
        case .invalid(let reason, let principal):
            let caller = Caller(
                principal: principal.isEmpty ? "unknown" : principal,
                requestID: requestID,
                method: "rejected",
                address: peer.address
            )
            denials?(
                Denial(
                    caller: caller,
                    action: "authenticate",
                    repository: route.repository,
                    subject: nil,
                    rule: nil,
                    reason: reason
                )
            )
            let challenge = Challenge(route: route, request: request, peer: peer, error: "invalid_token")
            return .unauthenticated(challenge: text(of: challenge), reason: "the credentials were not accepted")
        }
    }

    /// Lets a request pass if the rules and the caller's token do, and records the denial if not.
    func authorize(_ exchange: Exchange) throws {
        guard let identity = exchange.identity else { return }
        switch exchange.route {
        case .live, .ready, .token: return
        case .log(let resource) where !resource.isEntries: return
        case .base:
            guard identity.principal.kind == .anonymous && identity.tokenAccess == nil else { return }
            throw AccessRefusal.unauthenticated(
                challenge: text(of: exchange.challenge(error: nil)),
                reason: "log in to use this registry"
            )
        case .catalog, .page(.repositories):
            guard !identity.mayList else { return }
            throw AccessRefusal.unauthenticated(
                challenge: text(of: exchange.challenge(error: "insufficient_scope")),
                reason: "the token does not cover the catalog"
            )
        case .metrics where exchange.peer.isLoopback: return
        default:
            try require(
                Need(actions: exchange.neededActions, repository: exchange.route.repository, tags: exchange.tags),
                of: identity,
                for: exchange
            )
        }
    }

    /// What a request needs a right to: any one of the actions, for every one of the tags.
    struct Need {
        let actions: [Action]
        let repository: RepositoryName?
        var tags: [Tag] = []
    }

    /// - Throws: `AccessRefusal`, and the denial is on record.
    func require(_ need: Need, of identity: Identity, for exchange: Exchange) throws {
        let repository = need.repository
        var refusal: (action: Action, verdict: Identity.Verdict)?
        for action in need.actions {
            var verdict = identity.verdict(action, repository, tag: need.tags.first)
            for tag in need.tags.dropFirst() {
                guard case .allowed = verdict else { break }
                verdict = identity.verdict(action, repository, tag: tag)
            }
            if case .allowed = verdict { return }
            if refusal == nil { refusal = (action, verdict) }
            if case .outsideToken = verdict { refusal = (action, verdict) }
        }
        guard let (action, verdict) = refusal else { return }
        throw self.refusal(of: verdict, action, need, identity, exchange)
    }

    private func refusal(
        of verdict: Identity.Verdict,
        _ action: Action,
        _ need: Need,
        _ identity: Identity,
        _ exchange: Exchange
    ) -> AccessRefusal {
        switch verdict {
        case .denied(let decision):
            record(decision, action, need, exchange)
            guard identity.principal.kind == .anonymous else { return .denied(decision) }
            return .unauthenticated(
                challenge: text(of: exchange.challenge(error: nil, need)),
                reason: decision.message ?? "log in to do this"
            )
        case .outsideToken, .allowed:
            return .unauthenticated(
                challenge: text(of: exchange.challenge(error: "insufficient_scope", need)),
                reason: "the token does not cover this; ask for one with the scope of the challenge"
            )
        }
    }

    private func record(_ decision: Decision, _ action: Action, _ need: Need, _ exchange: Exchange) {
        denials?(
            Denial(
                caller: exchange.caller,
                action: action.rawValue,
                repository: need.repository,
                subject: exchange.route.subject ?? need.tags.first?.description,
                rule: decision.rule,
                reason: decision.reason
            )
        )
    }

    /// Browsers ask for a name and a password, and know nothing of tokens.
    private static let browserChallenge = "Basic realm=\"Cairn\", charset=\"UTF-8\""

    func text(of challenge: Challenge) -> String {
        if case .page = challenge.route { return Self.browserChallenge }
        guard let configuration = access?.policy.configuration else { return "" }
        return challenge.text(service: configuration.service, realm: configuration.realm)
    }
}

extension Responder.Exchange {
    /// What the caller needs a right to, any one of them. The rules of `overwrite` are asked in the change's own
    /// transaction, where the tag's former value is known.
    fileprivate var neededActions: [Action] {
        switch route {
        case .blob: request.method == .delete ? [.delete] : [.pull]
        case .uploads, .upload: [.push, .sign]
        case .manifest(_, let reference):
            switch request.method {
            case .put: [.push, .sign]
            case .delete: [.delete]
            default: reference.isDigest ? [.pull] : [.pullByTag]
            }
        case .tags, .referrers: [.pull]
        case .proof(_, let reference), .trust(_, let reference), .warm(_, let reference), .inspect(_, let reference):
            reference.isDigest ? [.pull] : [.pullByTag]
        case .history: [.pull]
        case .metrics, .audit, .denials: [.audit]
        case .log(let resource): resource.isEntries ? [.audit, .replicate] : []
        case .regions(let resource) where resource.isState: [.audit, .replicate]
        case .objectives: [.audit, .admin]
        case .quarantines, .quarantine, .scrub, .collection, .storage, .regions, .webhooks, .webhook, .maintenance:
            request.method == .get || request.method == .head ? [.audit, .admin] : [.admin]
        // The names of repositories are in queries and bodies there: their handlers ask.
        case .pins, .deployments, .releases, .retention, .usage: []
        case .page(let resource): resource.neededActions
        case .base, .catalog, .live, .ready, .token, .decide: []
        }
    }

    /// The tags that the request names.
    var tags: [Tag] {
        let reference: Reference
        switch route {
        case .manifest(_, let named), .proof(_, let named), .trust(_, let named), .warm(_, let named),
            .inspect(_, let named):
            reference = named
        case .history(_, let tag): return [tag]
        case .page(let resource):
            guard let named = resource.reference else { return [] }
            reference = named
        default: return []
        }
        if case .tag(let tag) = reference { return [tag] }
        guard request.method == .put else { return [] }
        return query.all("tag").compactMap { try? Tag(parsing: $0) }
    }

    func challenge(error: String?, _ need: Responder.Need? = nil) -> Challenge {
        var challenge = Challenge(route: route, request: request, peer: peer, error: error, mountFrom: query["from"])
        if route.repository == nil, let repository = need?.repository, let action = need?.actions.first {
            challenge.named = (repository, action)
        }
        return challenge
    }
}

extension Route {
    /// The tag or digest in the path.
    fileprivate var subject: String? {
        switch self {
        case .blob(_, let digest), .referrers(_, let digest): digest.description
        case .manifest(_, let reference), .proof(_, let reference), .trust(_, let reference), .warm(_, let reference),
            .inspect(_, let reference):
            reference.description
        case .history(_, let tag): tag.description
        case .quarantine(let digest): digest.description
        case .page(let resource): resource.reference?.description
        default: nil
        }
    }
}

extension PageResource {
    /// The rights of the endpoints that tell the same. Where it is empty, the handlers ask.
    fileprivate var neededActions: [Action] {
        switch self {
        case .repository: [.pull]
        case .image(_, let reference), .proof(_, let reference): reference.isDigest ? [.pull] : [.pullByTag]
        case .audit, .denials: [.audit]
        case .regions, .storage, .objectives: [.audit, .admin]
        case .root, .stylesheet, .signIn, .repositories, .retention, .run, .explain, .log, .environments: []
        }
    }
}

extension Reference {
    fileprivate var isDigest: Bool {
        if case .digest = self { true } else { false }
    }
}

extension Route.LogResource {
    /// Whether it shows what entries say; hashes and checkpoints are public.
    fileprivate var isEntries: Bool {
        switch self {
        case .entries: true
        case .mirror(let resource): resource.isEntries
        default: false
        }
    }
}
