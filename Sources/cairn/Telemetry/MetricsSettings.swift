// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPAPI
import OCI
import Settings
import Yams

/// The section `metrics` of the configuration file.
///
/// ```yaml
/// metrics:
///   repositories: [team, prod/payments]   # those, and all below them, are counted by name
/// ```
struct MetricsSettings: Sendable {
    static let section = "metrics"

    private(set) var repositories: [RepositoryName] = []

    init() {}

    init(_ node: Node) throws(SectionError) {
        let fields = try YAMLFields<SectionError>(node, "metrics", keys: ["repositories"])
        let names = try fields.list("repositories") { text throws(SectionError) in
            do throws(ParsingError) { return try RepositoryName(parsing: text) } catch {
                throw SectionError(.invalid, "one is no repository's name: \(error.reason)", line: nil)
            }
        }
        guard names.count <= RepositoryMetrics.limit else {
            throw fields.error("repositories", "names at most \(RepositoryMetrics.limit)")
        }
        guard Set(names).count == names.count else { throw fields.error("repositories", "names one twice") }
        guard !names.contains(where: { $0.description == RepositoryMetrics.other }) else {
            throw fields.error("repositories", "cannot name '\(RepositoryMetrics.other)': all others are called that")
        }
        repositories = names
    }
}
