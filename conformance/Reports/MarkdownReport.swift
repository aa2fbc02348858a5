// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The report to keep beside others: figures in tables, and every check that did not pass in a line.
struct MarkdownReport {
    let summary: Summary

    var text: String {
        var lines = [
            "# Conformance of \(summary.registry)", "",
            "\(summary.total.sentence); specification \(summary.edition.rawValue), \(summary.seconds) s.", "",
            "| | checks | passed | failed | blocked | not applicable |", "| --- | --- | --- | --- | --- | --- |",
        ]
        for category in Category.allCases {
            lines.append(row(category.rawValue, summary.tally { $0.check.category == category }))
        }
        for edition in Edition.allCases {
            lines.append(row("specification \(edition.rawValue)", summary.tally { $0.check.edition == edition }))
        }
        for level in Level.allCases {
            lines.append(row("level \(level.rawValue)", summary.tally { $0.check.level == level }))
        }
        lines += ["", "## By group", "", "| group | passed |", "| --- | --- |"]
        for group in summary.groups {
            lines.append("| \(group.name) | \(group.results.count { $0.outcome.isPassed }) of \(group.results.count) |")
        }
        let missed = summary.results.filter { !$0.outcome.isPassed }
        if !missed.isEmpty {
            lines += [
                "", "## Not passed", "",
                "| check | level | claim | expected | received |", "| --- | --- | --- | --- | --- |",
            ]
            lines += missed.map(row)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func row(_ name: String, _ tally: Tally) -> String {
        let figures = [tally.checks, tally.passed, tally.failed, tally.blocked, tally.notApplicable]
        return "| \(name) | " + figures.map(String.init).joined(separator: " | ") + " |"
    }

    private func row(_ result: CheckResult) -> String {
        let explanation = result.explanation
        let step = explanation?.step.map { "could not \($0): " } ?? ""
        let cells = [
            "`\(result.check.id)`", "\(result.check.level.rawValue), \(result.check.edition.rawValue)",
            result.check.claim, explanation?.expected ?? "", step + (explanation?.received ?? ""),
        ]
        let safe = cells.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }
        return "| " + safe.joined(separator: " | ") + " |"
    }
}
