// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import OCI
import Registry

/// Requests for what mirrors other registries.
extension Responder {
    /// The route of the repository that a request means: that of the registry that `?ns=` names, as containerd does at
    /// mirrors.
    ///
    /// - Throws: `RegistryError.upstreamUnknown`.
    func placed(_ route: Route, _ query: Query) throws -> Route {
        guard let name = route.repository else { return route }
        let placed = try registry.placed(name, namespace: query["ns"])
        return placed == name ? route : route.moved(to: placed)
    }

    /// The registry that a repository mirrors one of (distribution specification, "Proxying").
    func namespace(of repository: RepositoryName) -> String? {
        guard registry.isMirrored(repository) else { return nil }
        return String(repository.description.prefix { $0 != "/" })
    }

    /// Lets a request pass that the caller may make, and that can be made.
    ///
    /// - Throws: `AccessRefusal`; `RegistryError.mirrorsOnly` for one that would put content into a mirror.
    func admit(_ exchange: Exchange) throws {
        try authorize(exchange)
        guard [.put, .post, .patch].contains(exchange.request.method), let name = exchange.route.repository,
            registry.isMirrored(name)
        else { return }
        throw RegistryError.mirrorsOnly(name)
    }
}

extension Route {
    /// The same of another repository.
    func moved(to name: RepositoryName) -> Route {
        switch self {
        case .blob(_, let digest): .blob(name, digest)
        case .uploads: .uploads(name)
        case .upload(_, let id): .upload(name, id)
        case .manifest(_, let reference): .manifest(name, reference)
        case .tags: .tags(name)
        case .referrers(_, let digest): .referrers(name, digest)
        case .proof(_, let reference): .proof(name, reference)
        case .history(_, let tag): .history(name, tag)
        case .trust(_, let reference): .trust(name, reference)
        case .warm(_, let reference): .warm(name, reference)
        case .inspect(_, let reference): .inspect(name, reference)
        case .page(.repository): .page(.repository(name))
        case .page(.image(_, let reference)): .page(.image(name, reference))
        case .page(.proof(_, let reference)): .page(.proof(name, reference))
        default: self
        }
    }
}
