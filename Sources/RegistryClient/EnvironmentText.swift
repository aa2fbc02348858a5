// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What is to run in an environment, for people.
package enum EnvironmentText {
    /// Lines about one image of the list.
    package static func lines(_ image: JSONValue) -> [String] {
        func text(_ key: String) -> String { ShownText.line(image[key]?.text ?? "-") }
        let service = image["service"]?.text.map { " (\(ShownText.line($0)))" } ?? ""
        var lines = ["\(text("repository"))\(service)  \(text("digest"))"]
        let rollout = image["deployment"]?.text.map { ", by \(ShownText.line($0))" } ?? ""
        lines.append("  since \(text("since")), said \(text("actor"))\(rollout)")
        if let warning = image["warning"]?.text { lines.append("  warning: \(ShownText.line(warning))") }
        let former = (image["rollback"]?.elements ?? []).compactMap(\.text).map(ShownText.line)
        lines.append("  to go back to: \(former.isEmpty ? "nothing that was reported healthy" : former[0])")
        lines += former.dropFirst().map { "                 \($0)" }
        let targets = image["targets"]?.elements ?? []
        let rows = targets.map { target in
            ["target", "state", "digest", "reported_at"].map { ShownText.line(target[$0]?.text ?? "-") }
        }
        return lines + TextTable.lines(rows).map { "  \($0)" }
    }
}
