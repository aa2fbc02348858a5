// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

public import OCI

/// The pages for people, below `/ui/`.
///
/// A component of a repository's name begins with a letter or a digit, so `-` ends the name wherever it stands.
public enum PageResource: Hashable, Sendable {
    /// `/`, for a browser: it is sent to the pages.
    case root
    /// `/ui/style-<digest>.css`
    case stylesheet
    /// `/ui/sign-in`: asks for a name and a password, then leads back.
    case signIn
    /// `/ui/`: the repositories.
    case repositories
    /// `/ui/repositories/<name>`
    case repository(RepositoryName)
    /// `/ui/repositories/<name>/-/<tag or digest>`
    case image(RepositoryName, Reference)
    /// `/ui/repositories/<name>/-/<tag or digest>/proof`
    case proof(RepositoryName, Reference)
    /// `/ui/retention`
    case retention
    /// `/ui/retention/<id>`
    case run(Int64)
    /// `/ui/retention/explain`
    case explain
    /// `/ui/regions`
    case regions
    /// `/ui/audit`
    case audit
    /// `/ui/denials`
    case denials
    /// `/ui/storage`
    case storage
    /// `/ui/log`
    case log
    /// `/ui/objectives`
    case objectives
    /// `/ui/environments`: the environments, or with `env` in its query one of them.
    case environments

    static let prefix = "/ui/"
    static let repositoriesPrefix = "/ui/repositories/"
    static let retentionPrefix = "/ui/retention/"
    private static let stylesheetPrefix = "/ui/style-"

    /// Whether a path is one of those that people look at, known or not.
    static func isPage(_ path: Substring) -> Bool { path == "/ui" || path.hasPrefix(prefix) }

    /// The paths that are one page each.
    static let fixed: [String: PageResource] = [
        "/ui": .repositories, "/ui/": .repositories, "/ui/sign-in": .signIn, "/ui/retention": .retention,
        "/ui/retention/explain": .explain, "/ui/regions": .regions, "/ui/audit": .audit, "/ui/denials": .denials,
        "/ui/storage": .storage, "/ui/log": .log, "/ui/objectives": .objectives,
        PageAddress.environments: .environments,
    ]

    /// Those whose path says no more: a stylesheet, whichever, and a run. nil for anything else.
    init?(unnamed path: Substring) {
        if let fixed = Self.fixed[String(path)] {
            self = fixed
        } else if path.hasPrefix(Self.stylesheetPrefix), path.hasSuffix(".css") {
            self = .stylesheet
        } else if path.hasPrefix(Self.retentionPrefix),
            let id = DecimalNumber.parse(String(path.dropFirst(Self.retentionPrefix.count)))
        {
            self = .run(id)
        } else {
            return nil
        }
    }

    /// The repository that the path names, where it names one.
    var repository: RepositoryName? {
        switch self {
        case .repository(let name), .image(let name, _), .proof(let name, _): name
        default: nil
        }
    }

    /// The tag or digest that the path names, where it names one.
    var reference: Reference? {
        switch self {
        case .image(_, let reference), .proof(_, let reference): reference
        default: nil
        }
    }

    /// The low-cardinality name, for logs and metric labels.
    var label: String {
        switch self {
        case .root: "ui"
        case .stylesheet: "ui-style"
        case .signIn: "ui-sign-in"
        case .repositories: "ui-repositories"
        case .repository: "ui-repository"
        case .image: "ui-image"
        case .proof: "ui-proof"
        case .retention, .run, .explain: "ui-retention"
        case .regions: "ui-regions"
        case .audit, .denials: "ui-audit"
        case .storage: "ui-storage"
        case .log: "ui-log"
        case .objectives: "ui-objectives"
        case .environments: "ui-environments"
        }
    }
}

/// Addresses of pages. Names, tags and digests have only characters that stand for themselves in a path.
enum PageAddress {
    static func repository(_ name: RepositoryName) -> String { "\(PageResource.repositoriesPrefix)\(name)" }

    static func image(_ name: RepositoryName, _ reference: Reference) -> String {
        "\(repository(name))/-/\(reference)"
    }

    static let environments = "/ui/environments"

    static func environment(_ name: PlaceName, after place: String? = nil) -> String {
        with([("env", name.description), ("after", place)], environments)
    }

    static func run(_ id: Int64) -> String { "\(PageResource.retentionPrefix)\(id)" }

    static func explanation(of reference: Reference, in name: RepositoryName) -> String {
        with([("repository", name.description), ("reference", reference.description)], "/ui/retention/explain")
    }

    /// A path with those members of a query that have a value.
    static func with(_ query: [(String, String?)], _ path: String) -> String {
        let items = query.compactMap { key, value in
            value.flatMap { $0.isEmpty ? nil : "\(key)=\(PercentEncoding.encode($0))" }
        }
        return items.isEmpty ? path : "\(path)?\(items.joined(separator: "&"))"
    }
}
