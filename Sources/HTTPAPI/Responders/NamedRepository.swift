// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Registry

/// Endpoints that name a repository in their query or their body.
extension Responder {
    /// - Throws: `AccessRefusal` unless the caller may do one of these in the repository; nil is the registry itself.
    func require(_ actions: [Action], in repository: RepositoryName?, tags: [Tag] = [], _ exchange: Exchange) throws {
        guard let identity = exchange.identity else { return }
        try require(Need(actions: actions, repository: repository, tags: tags), of: identity, for: exchange)
    }

    /// The repository of a list, if the caller may see the list: with `pull` that of one repository, with `audit` any.
    func listedRepository(_ exchange: Exchange) throws -> RepositoryName? {
        let repository = try exchange.query["repository"].map { try exchange.repositoryName($0) }
        try require(repository == nil ? [.audit] : [.pull, .audit], in: repository, exchange)
        return repository
    }

    /// - Throws: `AccessRefusal` for a caller without a name, where callers have names at all.
    func requireName(_ exchange: Exchange, for repository: RepositoryName) throws {
        guard let identity = exchange.identity, identity.principal.kind == .anonymous else { return }
        throw AccessRefusal.unauthenticated(
            challenge: text(of: exchange.challenge(error: nil, Need(actions: [.pull], repository: repository))),
            reason: "log in to do this: reports are kept by the name of who sends them"
        )
    }

    /// `<path?n=…&…&after=ID>; rel="next"`
    static func nextPage(_ path: String, after id: Int64, limit: Int, _ filters: [(String, String?)]) -> String {
        var next = "\(path)?n=\(limit)&after=\(id)"
        for case (let key, let value?) in filters { next += "&\(key)=\(PercentEncoding.encode(value))" }
        return "<\(next)>; rel=\"next\""
    }
}

extension JSONValue {
    /// The text of an object's member; nil where there is none, and for null.
    ///
    /// - Throws: `RequestError.badQuery` for anything else: who has mistyped a member has not left it out.
    func optionalText(_ key: String) throws(RequestError) -> String? {
        switch self[key] {
        case nil, .null?: return nil
        case .string(let text)?: return text
        case let value?: throw .badQuery("\"\(key)\" is a text, not \(value.kindName)")
        }
    }
}

extension Responder.Exchange {
    func repositoryName(_ text: String?) throws(RequestError) -> RepositoryName {
        guard let text else { throw .badQuery("it names no repository") }
        do {
            return try RepositoryName(parsing: text)
        } catch {
            throw .badName(error)
        }
    }

    func digest(_ text: String) throws(RequestError) -> Digest {
        do {
            return try Digest(parsing: text)
        } catch {
            throw .badDigest(error)
        }
    }

    /// nil for no text, and for an empty one.
    func placeName(_ text: String?) throws(RequestError) -> PlaceName? {
        guard let text, !text.isEmpty else { return nil }
        do {
            return try PlaceName(parsing: text)
        } catch {
            throw .badName(error)
        }
    }

    func requiredPlaceName(_ text: String?, _ what: String) throws(RequestError) -> PlaceName {
        guard let name = try placeName(text) else { throw .badQuery("it has no \"\(what)\"") }
        return name
    }

    /// The tag or the digest; exactly one of them.
    func pinned(tag: String?, digest text: String?) throws(RequestError) -> Reference {
        switch (tag, text) {
        case (let tag?, nil):
            do {
                return .tag(try Tag(parsing: tag))
            } catch {
                throw .badTag(error)
            }
        case (nil, let text?): return .digest(try digest(text))
        default: throw .badQuery("it names a \"tag\" or a \"digest\", one of them")
        }
    }
}
