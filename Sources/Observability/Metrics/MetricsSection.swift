// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Families that are documented together.
package struct MetricsSection: Sendable {
    package let title: String
    package let families: [MetricFamily]

    package init(_ title: String, _ families: [MetricFamily]) {
        self.title = title
        self.families = families
    }

    /// The section as a table in Markdown.
    package var markdown: String {
        var text = "## \(title)\n\n| Name | Kind | Labels | What it says |\n| --- | --- | --- | --- |\n"
        for family in families {
            let labels = family.labels.map { label in
                let values = label.values.map { "`\($0)`" }.joined(separator: ", ")
                return "`\(label.name)`" + (values.isEmpty ? "" : ": \(values)")
            }
            let help = family.help.replacing("|", with: "\\|")
            let cells = ["`\(family.name)`", family.kind.rawValue, labels.joined(separator: "; "), help]
            text += "|" + cells.map { $0.isEmpty ? " |" : " \($0) |" }.joined() + "\n"
        }
        return text
    }
}
