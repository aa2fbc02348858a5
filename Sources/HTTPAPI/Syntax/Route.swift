// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

public import OCI

/// What a request's path asks for: the endpoints of the distribution specification and Cairn's own.
///
/// A repository name may itself contain words such as `manifests` or `tags`, so the path is read **from the right**:
/// the last components decide the endpoint and everything between `/v2/` and them is the name.
/// Percent-encoding is undone in each component after the split, so an encoded `/` can never make a component.
public enum Route: Hashable, Sendable {
    /// end-1: `GET /v2/`
    case base
    /// end-2, end-10: `/v2/<name>/blobs/<digest>`
    case blob(RepositoryName, Digest)
    /// end-4, end-11: `/v2/<name>/blobs/uploads/`
    case uploads(RepositoryName)
    /// end-5, end-6, end-13, end-14: `/v2/<name>/blobs/uploads/<session>`; the session id is checked by its owner.
    case upload(RepositoryName, String)
    /// end-3, end-7, end-9: `/v2/<name>/manifests/<tag or digest>`
    case manifest(RepositoryName, Reference)
    /// end-8: `/v2/<name>/tags/list`
    case tags(RepositoryName)
    /// end-12: `/v2/<name>/referrers/<digest>`
    case referrers(RepositoryName, Digest)
    /// `/v2/_catalog`
    case catalog
    case live
    case ready
    case metrics
    /// `/token`: where clients get tokens.
    case token
    /// `/api/v1/audit`: what was changed, by whom.
    case audit
    /// `/api/v1/denials`: what was refused, to whom.
    case denials

    /// The low-cardinality name of the route, for logs and metric labels.
    public var label: String {
        switch self {
        case .base: "base"
        case .blob: "blob"
        case .uploads: "uploads"
        case .upload: "upload"
        case .manifest: "manifest"
        case .tags: "tags"
        case .referrers: "referrers"
        case .catalog: "catalog"
        case .live: "livez"
        case .ready: "readyz"
        case .metrics: "metrics"
        case .token: "token"
        case .audit: "audit"
        case .denials: "denials"
        }
    }

    /// The repository that the path names, where it names one.
    public var repository: RepositoryName? {
        switch self {
        case .blob(let name, _), .uploads(let name), .upload(let name, _), .manifest(let name, _), .tags(let name),
            .referrers(let name, _):
            name
        case .base, .catalog, .live, .ready, .metrics, .token, .audit, .denials: nil
        }
    }
}

/// Why a path is not a route; each case has its own code in the specification.
public enum RouteError: Error, Sendable {
    /// No endpoint has this shape: 404.
    case notFound
    /// Malformed percent-encoding: 400.
    case malformedPath(String)
    case badName(ParsingError)
    case badDigest(ParsingError)
    case badTag(ParsingError)
}

extension Route {
    /// Parses the path component of a request target (no query).
    ///
    /// - Throws: `RouteError`, which says which part was wrong.
    public init(path: Substring) throws(RouteError) {
        switch path {
        case "/v2/", "/v2":
            self = .base
            return
        case "/v2/_catalog":
            self = .catalog
            return
        case "/livez":
            self = .live
            return
        case "/readyz":
            self = .ready
            return
        case "/metrics":
            self = .metrics
            return
        case "/token":
            self = .token
            return
        case "/api/v1/audit":
            self = .audit
            return
        case "/api/v1/denials":
            self = .denials
            return
        default:
            break
        }
        guard path.hasPrefix("/v2/") else { throw .notFound }
        let parts = path.dropFirst(4).split(separator: "/", omittingEmptySubsequences: false)
        self = try Route.resource(parts)
    }

    private static func resource(_ parts: [Substring]) throws(RouteError) -> Route {
        let count = parts.count
        guard count >= 3 else { throw .notFound }
        let last = parts[count - 1]
        switch parts[count - 2] {
        case "manifests":
            let name = try repositoryName(parts[..<(count - 2)])
            return .manifest(name, try reference(last))
        case "blobs":
            let name = try repositoryName(parts[..<(count - 2)])
            return last == "uploads" ? .uploads(name) : .blob(name, try digest(last))
        case "uploads" where count >= 4 && parts[count - 3] == "blobs":
            let name = try repositoryName(parts[..<(count - 3)])
            return last.isEmpty ? .uploads(name) : .upload(name, try decoded(last))
        case "referrers":
            let name = try repositoryName(parts[..<(count - 2)])
            return .referrers(name, try digest(last))
        case "tags" where last == "list":
            return .tags(try repositoryName(parts[..<(count - 2)]))
        default:
            throw .notFound
        }
    }

    private static func repositoryName(_ parts: ArraySlice<Substring>) throws(RouteError) -> RepositoryName {
        guard let first = parts.first, let last = parts.last else { throw .notFound }
        let whole = first.base[first.startIndex..<last.endIndex]
        let text = try decodedName(whole, parts)
        do {
            return try RepositoryName(parsing: text)
        } catch {
            throw .badName(error)
        }
    }

    /// An encoded slash inside a component must not make two of it: such a name is refused by its grammar, because
    /// the decoded component is joined with a character that no name can contain.
    private static func decodedName(_ whole: Substring, _ parts: ArraySlice<Substring>) throws(RouteError) -> Substring
    {
        guard whole.utf8.contains(UInt8(ascii: "%")) else { return whole }
        var pieces: [String] = []
        for part in parts {
            let piece = try decoded(part)
            pieces.append(piece.utf8.contains(UInt8(ascii: "/")) ? "%2F" : piece)
        }
        return Substring(pieces.joined(separator: "/"))
    }

    private static func reference(_ part: Substring) throws(RouteError) -> Reference {
        let text = try decoded(part)
        do {
            return try Reference(parsing: text)
        } catch {
            throw text.utf8.contains(UInt8(ascii: ":")) ? .badDigest(error) : .badTag(error)
        }
    }

    private static func digest(_ part: Substring) throws(RouteError) -> Digest {
        let text = try decoded(part)
        do {
            return try Digest(parsing: text)
        } catch {
            throw .badDigest(error)
        }
    }

    private static func decoded(_ part: Substring) throws(RouteError) -> String {
        guard let text = PercentEncoding.decode(part, plusIsSpace: false) else {
            throw .malformedPath(String(part.prefix(256)))
        }
        return text
    }
}
