// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Settings
import Yams

/// The section `upstreams` of the configuration file: the registries of others that are mirrored.
///
/// ```yaml
/// upstreams:
///   - name: docker.io                      # its repositories are here as docker.io/…, and by ?ns=docker.io
///     url: https://registry-1.docker.io
///     username: someone                    # where it is asked by a name
///     password-file: docker.password
///     ca-file: docker.pem                  # of its certificate, where the system does not trust it
///     repositories: ["library/*"]          # what may be fetched, as named there; everything where it is left out
///     fresh: 5m                            # for how long an answer about a tag counts
/// ```
struct UpstreamSettings: Sendable {
    static let section = "upstreams"
    private static let upstreamsLimit = 32
    private static let freshSeconds: Int64 = 300
    /// What its clients put before names of one component.
    private static let defaultPrefixes = ["docker.io": "library"]

    /// One component of a repository's name.
    let name: RepositoryName
    let remote: RemoteSettings
    let repositories: [Glob]
    let freshSeconds: Int64

    var defaultPrefix: String? { Self.defaultPrefixes[name.description] }

    static func list(_ node: Node, directory: String) throws(SectionError) -> [UpstreamSettings] {
        guard let elements = node.sequence, elements.count <= upstreamsLimit else {
            throw SectionError(
                .invalid,
                "'\(section)' is a list of at most \(upstreamsLimit) registries",
                line: node.mark?.line
            )
        }
        var upstreams: [UpstreamSettings] = []
        for element in elements {
            let upstream = try UpstreamSettings(element, directory: directory)
            guard !upstreams.contains(where: { $0.name == upstream.name }) else {
                throw SectionError(.invalid, "two upstreams are called '\(upstream.name)'", line: element.mark?.line)
            }
            upstreams.append(upstream)
        }
        return upstreams
    }

    private init(_ node: Node, directory: String) throws(SectionError) {
        let fields = try YAMLFields<SectionError>(
            node,
            "an upstream",
            keys: ["name", "repositories", "fresh"] + RemoteSettings.keys
        )
        guard let name = RepositoryName(try fields.required("name")), !name.description.contains("/") else {
            throw fields.error("name", "is the first component of repositories' names, such as docker.io")
        }
        self.name = name
        remote = try RemoteSettings(fields, directory: directory)
        freshSeconds = try fields.seconds("fresh") ?? Self.freshSeconds
        var globs: [Glob] = []
        for pattern in try fields.texts("repositories") ?? [] {
            do { globs.append(try Glob(parsing: pattern.text)) } catch {
                throw SectionError(.invalid, "'repositories' of an upstream: \(error.reason)", line: pattern.line)
            }
        }
        repositories = globs
    }

    /// Whether a repository, as it is named there, may be fetched from.
    func mayFetch(_ path: String) -> Bool { repositories.isEmpty || repositories.contains { $0.matches(path) } }
}
