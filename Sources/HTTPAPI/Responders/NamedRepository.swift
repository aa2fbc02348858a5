// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import NIOCore
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

    /// Tags that name a manifest, at most as many, without those of which the caller may not learn what they name.
    func readableTags(
        of digest: Digest,
        in name: RepositoryName,
        limit: Int,
        _ exchange: Exchange
    ) async throws -> Page<Tag> {
        let found = try await registry.tags(of: digest, in: name, limit: HTTPLimits.page)
        let readable = found.elements.filter { exchange.mayRead($0, in: name) }
        return Page(elements: Array(readable.prefix(limit)), hasMore: found.hasMore || readable.count > limit)
    }

    /// The body of a request that orders or reports something, with members of these names; an `image` has `repository`
    /// and `digest`. What is left out means something there, so a mistyped name is not taken for that. `mayBeEmpty` is
    /// whether no body at all is an object without members.
    ///
    /// - Throws: `RequestError.badQuery` for a member of another name, and for any parameter in the query.
    static func order(
        _ exchange: Exchange,
        _ body: inout IncomingBody,
        _ members: [String],
        mayBeEmpty: Bool = false
    ) async throws -> JSONValue {
        try exchange.query.require(only: [])
        let bytes = try await body.collect(limit: HTTPLimits.smallBody)
        if mayBeEmpty, bytes.readableBytes == 0 { return .object([]) }
        guard let document = try? JSONValue(parsing: Array(bytes.readableBytesView)), document.members != nil else {
            throw RequestError.badQuery("the body is a JSON object with \(members.joined(separator: ", "))")
        }
        try document.require(only: members)
        try document["image"]?.require(only: ["repository", "digest"])
        return document
    }

    /// `<path?n=…&…&after=ID>; rel="next"`
    static func nextPage(_ path: String, after id: Int64, limit: Int, _ filters: [(String, String?)]) -> String {
        var next = "\(path)?n=\(limit)&after=\(id)"
        for case (let key, let value?) in filters { next += "&\(key)=\(PercentEncoding.encode(value))" }
        return "<\(next)>; rel=\"next\""
    }
}

extension Query {
    /// - Throws: `RequestError.badQuery` for a parameter of another name.
    func require(only known: [String]) throws(RequestError) {
        guard let other = items.first(where: { !known.contains($0.key) }) else { return }
        let names = known.isEmpty ? "none" : known.joined(separator: ", ")
        throw .badQuery("there is no parameter \"\(ParsingError.quotable(other.key))\": it takes \(names)")
    }
}

extension JSONValue {
    /// - Throws: `RequestError.badQuery` for a member of another name.
    func require(only known: [String]) throws(RequestError) {
        guard let other = members?.first(where: { !known.contains($0.key) }) else { return }
        let names = known.joined(separator: ", ")
        throw .badQuery("\"\(ParsingError.quotable(other.key))\" is not one of \(names)")
    }

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

    /// Whether an object's member is true; nil where there is none, and for null.
    ///
    /// - Throws: As `optionalText`.
    func optionalFlag(_ key: String) throws(RequestError) -> Bool? {
        switch self[key] {
        case nil, .null?: return nil
        case .bool(let flag)?: return flag
        case let value?: throw .badQuery("\"\(key)\" is true or false, not \(value.kindName)")
        }
    }
}

extension Responder.Exchange {
    /// Whether the caller may learn what a tag names: he may read its history, which tells the same.
    func mayRead(_ tag: Tag, in repository: RepositoryName) -> Bool {
        identity?.allows(.pull, repository, tag: tag) ?? true
    }

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
