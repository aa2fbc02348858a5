// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import RegistryClient
import Yams

/// A region that is added to a configuration file: the text of the file with one more element of `regions`.
struct RegionAddition {
    let name: String
    let url: String
    let keys: RegionClient.Keys
    /// Further members, in the order in which they are written; values are written as they are given.
    var members: [(key: String, value: String)] = []
    var repositories: [String] = []

    /// The element, without indentation.
    var lines: [String] {
        var lines = ["- name: \(Self.quoted(name))", "  url: \(Self.quoted(url))"]
        lines.append("  log-keys: [\(keys.log.map(Self.quoted).joined(separator: ", "))]")
        if let cosigner = keys.cosigner { lines.append("  cosigner-key: \(Self.quoted(cosigner))") }
        for (key, value) in members { lines.append("  \(key): \(Self.quoted(value))") }
        if !repositories.isEmpty {
            lines.append("  repositories: [\(repositories.map(Self.quoted).joined(separator: ", "))]")
        }
        return lines
    }

    /// The text of a configuration file with the region in it. Everything else stays as it is written.
    ///
    /// - Parameters:
    ///   - text: The file's text.
    ///   - directory: Where its paths are taken from.
    /// - Returns: The new text, which was read once more.
    /// - Throws: `.usage` where the file has a region of that name, or a form that is not changed by a program.
    func added(to text: String, directory: String) throws(ClientError) -> String {
        var rows = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while rows.last?.allSatisfy(\.isWhitespace) == true { rows.removeLast() }
        if let start = rows.firstIndex(where: { $0.hasPrefix("\(RegionSettings.section):") }) {
            let rest = rows[start].dropFirst(RegionSettings.section.count + 1).drop { $0 == " " }
            guard rest.isEmpty || rest.hasPrefix("#") else {
                throw ClientError(.usage, "'regions' is written in one line there: add the region by hand\n\(snippet)")
            }
            // The section ends before the next line that begins with something else.
            let end =
                rows[(start + 1)...].firstIndex { row in
                    guard let first = row.first else { return false }
                    return first != " " && first != "-" && first != "#"
                } ?? rows.endIndex
            let indent =
                rows[(start + 1)..<end].first { $0.drop { $0 == " " }.hasPrefix("-") }
                .map { $0.prefix { $0 == " " } } ?? "  "
            rows.insert(contentsOf: lines.map { indent + $0 }, at: end)
        } else {
            rows += ["\(RegionSettings.section):"] + lines.map { "  " + $0 }
        }
        let result = rows.joined(separator: "\n") + "\n"
        try check(result, directory: directory)
        return result
    }

    /// The section as it would be written alone.
    var snippet: String { (["\(RegionSettings.section):"] + lines.map { "  " + $0 }).joined(separator: "\n") }

    private func check(_ text: String, directory: String) throws(ClientError) {
        do {
            guard let section = try Yams.compose(yaml: text)?.mapping?[Node(RegionSettings.section)] else {
                throw ClientError(.usage, "the file would have no 'regions'; add the region by hand\n\(snippet)")
            }
            let regions = try RegionSettings.list(section, directory: directory)
            guard regions.contains(where: { $0.name == name }) else {
                throw ClientError(.usage, "the region would not be read; add it by hand\n\(snippet)")
            }
        } catch let error as ClientError {
            throw error
        } catch let error as SectionError {
            throw ClientError(.usage, "\(error.reason)")
        } catch {
            throw ClientError(.usage, "the file is not YAML: \(error)")
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\""
    }
}
