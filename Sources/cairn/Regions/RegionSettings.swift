// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
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
///     username: robot+replica          # who may 'replicate' there
///     password-file: us.password
///     ca-file: us.pem                  # of its certificate, where the system does not trust it
/// ```
struct RegionSettings: Sendable, Hashable {
    static let section = "regions"
    private static let regionsLimit = 32
    private static let keysLimit = 4
    private static let secretBytesLimit = 4_096

    let name: String
    let origin: Origin
    /// Of one log: they have one name.
    let keys: [NoteVerifier]
    /// What it says that it has of this registry's log is checked with it; nil where nobody waits for it.
    let cosigner: NoteVerifier?
    let credentials: Credentials?
    let authorities: String?

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

    private init(_ node: Node, directory: String) throws(SectionError) {
        let fields = try YAMLFields<SectionError>(
            node,
            "a region",
            keys: ["name", "url", "log-keys", "cosigner-key", "username", "password-file", "ca-file"]
        )
        name = try fields.word(try fields.required("name"), "name")
        // It is the name of a directory.
        guard !name.hasPrefix(".") else { throw fields.error("name", "does not begin with '.'") }
        let url = try fields.required("url")
        let isPlain = url.hasPrefix("http://")
        guard isPlain || url.hasPrefix("https://") else { throw fields.error("url", "begins with https://") }
        do {
            let authority = String(url.dropFirst(isPlain ? 7 : 8))
            origin = try Origin(parsing: authority, tls: isPlain ? .nowhere : .everywhere)
        } catch {
            throw fields.error("url", "is https://host or https://host:port")
        }
        keys = try fields.list("log-keys") { text throws(SectionError) in
            do throws(TransparencyError) {
                return try NoteVerifier(parsing: text)
            } catch {
                throw SectionError(.invalid, "one is no key of a log: \(error.reason)", line: nil)
            }
        }
        guard (1...Self.keysLimit).contains(keys.count), Set(keys.map(\.name)).count == 1 else {
            throw fields.error("log-keys", "names 1 to \(Self.keysLimit) keys of one log, as /log/vkey lists them")
        }
        if let text = try fields.text("cosigner-key") {
            do throws(TransparencyError) { cosigner = try NoteVerifier(parsing: text) } catch {
                throw fields.error("cosigner-key", "is the line of its /log/region/vkey: \(error.reason)")
            }
        } else {
            cosigner = nil
        }
        authorities = try fields.text("ca-file").map { Self.path($0, directory) }
        guard let user = try fields.text("username") else {
            guard !fields.has("password-file") else { throw fields.error("password-file", "needs a 'username'") }
            credentials = nil
            return
        }
        let file = Self.path(try fields.required("password-file"), directory)
        guard let data = FileManager.default.contents(atPath: file), data.count <= Self.secretBytesLimit else {
            throw fields.error("password-file", "names a file that cannot be read: \(file)")
        }
        let password = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
        do { credentials = try Credentials(user: user, password: password) } catch {
            throw fields.error("username", "cannot be sent: \(error.reason)")
        }
    }

    private static func path(_ path: String, _ directory: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }
}
