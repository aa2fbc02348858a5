// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient
import Settings
import Transparency
import Yams

/// The section `regions` of the configuration file: the other regions whose logs are followed.
///
/// ```yaml
/// regions:
///   - name: us
///     url: https://us.registry.example
///     log-keys: [NAME+ID+KEY]          # the lines of its /log/vkey, compared over another channel
///     cosigner-key: NAME+ID+KEY        # the line of its /log/region/vkey, for pushes that wait for it
///     bandwidth: [08:00-18:00 5MiB]    # of blobs from there, in a second; times are UTC
///     username: robot+replica          # who may 'replicate' there
///     password-file: us.password
///     certificate-file: eu.pem         # who this registry is there, by TLS, and its key
///     key-file: eu.key
///     repositories: ["prod/**"]        # of which it is followed; all where it is left out
///     ca-file: us.pem                  # of its certificate, where the system does not trust it
/// ```
struct RegionSettings: Sendable, Hashable {
    static let section = "regions"
    private static let regionsLimit = 32
    private static let keysLimit = 4

    let name: String
    let remote: RemoteSettings
    /// Of one log: they have one name.
    let keys: [NoteVerifier]
    /// What it says that it has of this registry's log is checked with it; nil where nobody waits for it.
    let cosigner: NoteVerifier?
    /// Of blobs that are fetched from it.
    let bandwidth: Bandwidth
    /// Of which the region is followed; empty for all.
    let repositories: [Glob]

    /// Whether everything that the region has comes here: only then can be said that it is here.
    var isFollowedWhole: Bool { repositories.isEmpty }

    /// The name of its log.
    var log: String { keys.first?.name.description ?? "" }

    static func list(_ node: Node, directory: String) throws(SectionError) -> [RegionSettings] {
        guard let elements = node.sequence, elements.count <= regionsLimit else {
            throw SectionError(
                .invalid,
                "'\(section)' is a list of at most \(regionsLimit) regions",
                line: node.mark?.line
            )
        }
        var regions: [RegionSettings] = []
        for element in elements {
            let region = try RegionSettings(element, directory: directory)
            guard !regions.contains(where: { $0.name == region.name || $0.log == region.log }) else {
                throw SectionError(
                    .invalid,
                    "two regions are called '\(region.name)', or have the log '\(region.log)'",
                    line: element.mark?.line
                )
            }
            regions.append(region)
        }
        return regions
    }

    /// The keys of a log, as its `/log/vkey` lists them.
    static func logKeys(_ fields: YAMLFields<SectionError>) throws(SectionError) -> [NoteVerifier] {
        try fields.list("log-keys") { text throws(SectionError) in
            do throws(TransparencyError) {
                return try NoteVerifier(parsing: text)
            } catch {
                throw SectionError(.invalid, "one is no key of a log: \(error.reason)", line: nil)
            }
        }
    }

    private init(_ node: Node, directory: String) throws(SectionError) {
        let fields = try YAMLFields<SectionError>(
            node,
            "a region",
            keys: ["name", "log-keys", "cosigner-key", "bandwidth", "repositories"] + RemoteSettings.keys
        )
        name = try fields.word(try fields.required("name"), "name")
        // It is the name of a directory.
        guard !name.hasPrefix(".") else { throw fields.error("name", "does not begin with '.'") }
        remote = try RemoteSettings(fields, directory: directory)
        keys = try Self.logKeys(fields)
        guard (1...Self.keysLimit).contains(keys.count), Set(keys.map(\.name)).count == 1 else {
            throw fields.error("log-keys", "names 1 to \(Self.keysLimit) keys of one log, as /log/vkey lists them")
        }
        bandwidth = Bandwidth(
            windows: try fields.list("bandwidth") { text throws(SectionError) in try Bandwidth.Window(parsing: text) }
        )
        repositories = try fields.list("repositories") { text throws(SectionError) in
            do throws(ParsingError) { return try Glob(parsing: text) } catch {
                throw SectionError(.invalid, "one is no pattern: \(error.reason)", line: nil)
            }
        }
        if let text = try fields.text("cosigner-key") {
            do throws(TransparencyError) { cosigner = try NoteVerifier(parsing: text) } catch {
                throw fields.error("cosigner-key", "is the line of its /log/region/vkey: \(error.reason)")
            }
        } else {
            cosigner = nil
        }
    }
}
