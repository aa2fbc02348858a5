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
    /// `/v2/<name>/_cairn/proof/<tag or digest>`: the entry of the log that put it there, with its proof.
    case proof(RepositoryName, Reference)
    /// `/v2/<name>/_cairn/history/<tag>`: all values that a tag had.
    case history(RepositoryName, Tag)
    /// `/v2/<name>/_cairn/trust/<tag or digest>`: what the trust policy says of it.
    case trust(RepositoryName, Reference)
    /// `/v2/<name>/_cairn/warm/<tag or digest>`: how much of an image is here, and fetching the rest.
    case warm(RepositoryName, Reference)
    /// `/v2/_catalog`
    case catalog
    /// `/log/…`: the transparency log.
    case log(LogResource)
    case live
    case ready
    case metrics
    /// `/token`: where clients get tokens.
    case token
    /// `/api/v1/audit`: what was changed, by whom.
    case audit
    /// `/api/v1/denials`: what was refused, to whom.
    case denials
    /// `/api/v1/quarantine`: what may not be pulled.
    case quarantines
    /// `/api/v1/quarantine/<digest>`
    case quarantine(Digest)
    /// `/api/v1/scrub`: the reading of all blobs against the decay of disks.
    case scrub
    /// `/api/v1/collection`: what waits to be collected, and what was.
    case collection
    /// `/api/v1/decide`: whether an image may run, with reasons.
    case decide
    /// `/api/v1/retention/…`: what the rules of retention say, and the runs that carry them out.
    case retention(RetentionResource)
    /// `/api/v1/usage`: what takes up the space.
    case usage
    /// `/api/v1/usage/storage`: what uses the disk, by what keeps it there.
    case storage
    /// `/api/v1/regions`, `/api/v1/homes` and `/api/v1/conflicts`
    case regions(RegionResource)
    /// `/api/v1/pins`: what is kept whatever the rules say.
    case pins
    /// `/api/v1/deployments`: what runs where.
    case deployments
    /// `/api/v1/builds`, `/api/v1/promotions` and so on: the release record.
    case releases(ReleaseResource)
    /// `/api/v1/webhooks`: who is told what happens.
    case webhooks
    /// `/api/v1/webhooks/<name>/<action>`: the dead letters of one, and what is done about it.
    case webhook(String, WebhookAction)
    /// `/v2/<name>/_cairn/inspect/<tag or digest>`: all that is known of an image.
    case inspect(RepositoryName, Reference)
    /// `/ui/…`: pages for people.
    case page(PageResource)
    /// `/api/v1/slo`: what the objectives have come to.
    case objectives
    /// `/api/v1/maintenance`: when a region is allowed to be away.
    case maintenance

    /// A file of the log (C2SP tlog-tiles), or a service beside it.
    public enum LogResource: Hashable, Sendable {
        /// `/log/checkpoint`
        case checkpoint
        /// `/log/vkey`: the log's keys, one a line.
        case keys
        /// `/log/tile/<level>/<index>`: the path after `/log/`, checked by whoever owns the tiles.
        case tile(String)
        /// `/log/tile/entries/<index>`: the same for bundles of entries.
        case entries(String)
        /// `/log/witness/vkey`: the key that other logs are cosigned with.
        case witnessKey
        /// `/log/witness/add-checkpoint` (C2SP tlog-witness): a cosignature on the checkpoint of another log.
        case witness
        /// `/log/region/vkey`: the key that says what of other regions' logs is here.
        case regionKey
        /// `/log/mirror/…`
        case mirror(MirrorResource)
    }

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
        case .proof: "proof"
        case .history: "history"
        case .trust: "trust"
        case .warm: "warm"
        case .log(let resource): resource.label
        case .quarantines, .quarantine: "quarantine"
        case .scrub: "scrub"
        case .collection: "collection"
        case .decide: "decide"
        case .retention: "retention"
        case .usage: "usage"
        case .storage: "storage"
        case .regions: "regions"
        case .pins: "pins"
        case .deployments: "deployments"
        case .releases: "releases"
        case .webhooks, .webhook: "webhooks"
        case .inspect: "inspect"
        case .page(let resource): resource.label
        case .objectives: "slo"
        case .maintenance: "maintenance"
        }
    }

    /// The repository that the path names, where it names one.
    public var repository: RepositoryName? {
        switch self {
        case .blob(let name, _), .uploads(let name), .upload(let name, _), .manifest(let name, _), .tags(let name),
            .referrers(let name, _), .proof(let name, _), .history(let name, _), .trust(let name, _),
            .warm(let name, _), .inspect(let name, _):
            name
        case .page(let resource): resource.repository
        case .base, .catalog, .live, .ready, .metrics, .token, .audit, .denials, .log, .quarantines, .quarantine,
            .decide, .retention, .usage, .pins, .deployments, .scrub, .collection,
            .storage, .regions, .releases, .webhooks, .webhook, .objectives, .maintenance:
            nil
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
        if let fixed = Route.fixed[String(path)] {
            self = fixed
            return
        }
        if let resource = MirrorResource(String(path)) {
            self = .log(.mirror(resource))
            return
        }
        if path.hasPrefix("/log/tile/") {
            let file = String(path.dropFirst(5))
            self = .log(file.hasPrefix("tile/entries/") ? .entries(file) : .tile(file))
            return
        }
        if PageResource.isPage(path) {
            self = .page(try Route.page(path))
            return
        }
        if path.hasPrefix(Route.quarantinePrefix) {
            self = .quarantine(try Route.digest(path.dropFirst(Route.quarantinePrefix.count)))
            return
        }
        if let resource = RegionResource(String(path)) {
            self = .regions(resource)
            return
        }
        if let (name, action) = WebhookAction.parse(path) {
            self = .webhook(name, action)
            return
        }
        if let resource = ReleaseResource(String(path)) {
            self = .releases(resource)
            return
        }
        if path.hasPrefix(RetentionResource.prefix) {
            guard let resource = RetentionResource(path.dropFirst(RetentionResource.prefix.count)) else {
                throw .notFound
            }
            self = .retention(resource)
            return
        }
        guard path.hasPrefix("/v2/") else { throw .notFound }
        let parts = path.dropFirst(4).split(separator: "/", omittingEmptySubsequences: false)
        self = try Route.resource(parts)
    }

    /// The paths that are one endpoint each.
    private static let fixed: [String: Route] = [
        "/v2/": .base, "/v2": .base, "/v2/_catalog": .catalog, "/livez": .live, "/readyz": .ready,
        "/metrics": .metrics, "/token": .token, "/api/v1/audit": .audit, "/api/v1/denials": .denials,
        "/api/v1/quarantine": .quarantines, "/api/v1/decide": .decide, "/api/v1/usage": .usage, "/api/v1/pins": .pins,
        "/api/v1/deployments": .deployments, "/api/v1/scrub": .scrub, "/log/checkpoint": .log(.checkpoint),
        "/api/v1/collection": .collection, "/api/v1/usage/storage": .storage, "/log/vkey": .log(.keys),
        "/api/v1/regions": .regions(.all), "/api/v1/conflicts": .regions(.conflicts),
        "/api/v1/state": .regions(.hashes), "/api/v1/homes": .regions(.homes),
        "/api/v1/webhooks": .webhooks,
        "/log/region/vkey": .log(.regionKey), "/log/witness/add-checkpoint": .log(.witness),
        "/log/witness/vkey": .log(.witnessKey), "/api/v1/slo": .objectives, "/api/v1/maintenance": .maintenance,
    ]
    private static let quarantinePrefix = "/api/v1/quarantine/"

    private static func page(_ path: Substring) throws(RouteError) -> PageResource {
        if let resource = PageResource(unnamed: path) { return resource }
        guard path.hasPrefix(PageResource.repositoriesPrefix) else { throw .notFound }
        let parts = path.dropFirst(PageResource.repositoriesPrefix.count)
            .split(separator: "/", omittingEmptySubsequences: false)
        guard let end = parts.firstIndex(of: "-") else { return .repository(try repositoryName(parts[...])) }
        let name = try repositoryName(parts[..<end])
        switch parts.count - end {
        case 2: return .image(name, try reference(parts[end + 1]))
        case 3 where parts[end + 2] == "proof": return .proof(name, try reference(parts[end + 1]))
        default: throw .notFound
        }
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
        case let module where count >= 4 && parts[count - 3] == "_cairn":
            let name = try repositoryName(parts[..<(count - 3)])
            return try cairnExtension(module, name, last)
        default:
            throw .notFound
        }
    }

    /// Cairn's extension of the specification: `/v2/<name>/_cairn/<module>/<tag or digest>`.
    private static func cairnExtension(
        _ module: Substring,
        _ name: RepositoryName,
        _ last: Substring
    ) throws(RouteError) -> Route {
        switch module {
        case "proof": return .proof(name, try reference(last))
        case "trust": return .trust(name, try reference(last))
        case "warm": return .warm(name, try reference(last))
        case "inspect": return .inspect(name, try reference(last))
        case "history":
            guard case .tag(let tag) = try reference(last) else { throw .notFound }
            return .history(name, tag)
        default: throw .notFound
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

extension Route.LogResource {

    fileprivate var label: String {
        switch self {
        case .checkpoint, .keys, .witnessKey, .regionKey: "log"
        case .tile: "log-tile"
        case .entries: "log-entries"
        case .witness: "log-witness"
        case .mirror: "log-mirror"
        }
    }
}
