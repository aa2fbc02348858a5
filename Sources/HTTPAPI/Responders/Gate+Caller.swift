// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Registry

extension Responder {
    /// The caller as the registry knows him: who he is, and what the rules say where only the registry's own
    /// transaction can ask.
    func caller(_ identity: Identity?, _ route: Route, from peer: Peer, requestID: String) -> Caller {
        guard let identity else {
            return Caller(principal: "anonymous", requestID: requestID, method: "none", address: peer.address)
        }
        var caller = Caller(
            principal: identity.principal.description,
            requestID: requestID,
            method: identity.principal.method.rawValue,
            address: peer.address
        )
        caller.isReadable = { identity.allows(.pull, $0) }
        caller.uploadLimit = identity.limits.uploadsPerPrincipal
        caller.isExempt = { [groups = access?.policy.configuration.groups ?? [:]] patterns in
            patterns.contains { pattern in
                (try? PrincipalPattern(parsing: pattern, groups: groups))?.matches(identity.principal) ?? false
            }
        }
        guard let repository = route.repository else { return caller }
        // Who may do everything is no replica by that: policy holds for administrators too.
        if case .allowed(let decision) = identity.verdict(.replicate, repository) {
            caller.isReplica = !decision.isWildcard
        }
        caller.mayOverwrite = { tag in Self.overwriteRight(identity, repository, tag) }
        caller.isImmutable = { tag in identity.isImmutable(tag, in: repository) }
        caller.mayPush = { tags in
            guard !tags.isEmpty else { return identity.allows(.push, repository) }
            return tags.allSatisfy { identity.allows(.push, repository, tag: $0) }
        }
        caller.quotas = identity.quotas(for: repository).map { (prefix: $0.prefix, bytes: $0.bytes) }
        return caller
    }

    /// Moving an immutable tag takes a rule that names `overwrite` itself; moving another one a rule that covers it.
    private static func overwriteRight(
        _ identity: Identity,
        _ repository: RepositoryName,
        _ tag: Tag
    ) -> OverwriteRight {
        let overwrite = identity.decideOverwrite(of: tag, in: repository)
        if overwrite.isExemption { return .exempted }
        let decision = overwrite.decision
        if decision.allowed { return .allowed }
        // A second signature of an image moves the tag that lists its signatures.
        if !identity.isImmutable(tag, in: repository), tag.namesAttachment,
            identity.allows(.sign, repository, tag: tag)
        {
            return .allowed
        }
        return .denied(reason: decision.message ?? decision.reason)
    }
}
