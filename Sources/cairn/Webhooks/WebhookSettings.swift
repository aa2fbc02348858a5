// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import OCI
import Settings
import Webhooks
import Yams

/// The section `webhooks` of the configuration file: who is told what happens.
///
/// ```yaml
/// webhooks:
///   - name: deploys
///     url: https://hooks.example/cairn
///     secret-file: deploys.secret      # whsec_ and base64, of 24 to 64 bytes; deliveries are signed with it
///     events: [promotion, deployment]  # all where it is left out
///     repositories: ["prod/**"]        # all where it is left out
///     ca-file: hooks.pem               # of its certificate, where the system does not trust it
/// ```
extension HookSettings {
    static let section = "webhooks"
    private static let secretBytesLimit = 4_096

    static func list(_ node: Node, directory: String) throws(SectionError) -> [HookSettings] {
        guard let elements = node.sequence, elements.count <= HookLimits.hooks else {
            throw SectionError(
                .invalid,
                "'\(section)' is a list of at most \(HookLimits.hooks) receivers",
                line: node.mark?.line
            )
        }
        var hooks: [HookSettings] = []
        for element in elements {
            let hook = try HookSettings(element, directory: directory)
            guard !hooks.contains(where: { $0.name == hook.name }) else {
                throw SectionError(.invalid, "two webhooks are called '\(hook.name)'", line: element.mark?.line)
            }
            hooks.append(hook)
        }
        return hooks
    }

    private init(_ node: Node, directory: String) throws(SectionError) {
        let fields = try YAMLFields<SectionError>(
            node,
            "a webhook",
            keys: ["name", "url", "secret-file", "events", "repositories", "ca-file"]
        )
        func path(_ path: String) -> String { path.hasPrefix("/") ? path : "\(directory)/\(path)" }
        let url = try fields.required("url")
        guard url.hasPrefix("https://") || url.hasPrefix("http://"), let parsed = URL(string: url), parsed.host != nil
        else { throw fields.error("url", "begins with https:// and has a host") }
        var secret: HookSecret?
        let secretFile = try fields.text("secret-file").map(path)
        if let secretFile {
            guard let data = FileManager.default.contents(atPath: secretFile), data.count <= Self.secretBytesLimit
            else { throw fields.error("secret-file", "names a file that cannot be read: \(secretFile)") }
            let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            guard let read = HookSecret(text) else {
                let sizes = HookSecret.sizes
                throw fields.error(
                    "secret-file",
                    "holds \(HookSecret.prefix) and the base64 of \(sizes.lowerBound) to \(sizes.upperBound) bytes"
                )
            }
            secret = read
        }
        let groups = try fields.list("events") { text throws(SectionError) in
            guard let group = EventGroup(rawValue: text) else {
                let known = EventGroup.allCases.map(\.rawValue).joined(separator: ", ")
                throw SectionError(.invalid, "one is none of \(known)", line: nil)
            }
            return group
        }
        let repositories = try fields.list("repositories") { text throws(SectionError) in
            do throws(ParsingError) { return try Glob(parsing: text) } catch {
                throw SectionError(.invalid, "one is no pattern: \(error.reason)", line: nil)
            }
        }
        self.init(
            name: try fields.word(try fields.required("name"), "name"),
            url: url,
            secret: secret,
            secretFile: secretFile,
            groups: Set(groups),
            repositories: repositories,
            authorities: try fields.text("ca-file").map(path)
        )
    }
}
