// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The report for people: a line for each group, each check that did not pass with its reason, a summary.
struct HumanReport {
    let summary: Summary
    let isColored: Bool
    /// Name the checks that passed too.
    let isVerbose: Bool

    private enum Color: String {
        case green = "32"
        case red = "31"
        case yellow = "33"
        case bold = "1"
        case dim = "2"
    }

    private func painted(_ text: String, _ color: Color) -> String {
        isColored ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
    }

    var text: String {
        var lines: [String] = []
        for category in Category.allCases {
            let groups = summary.groups.filter { $0.name.hasPrefix(category.rawValue + ".") }
            guard !groups.isEmpty else { continue }
            lines.append(painted(category.rawValue, .bold))
            for group in groups {
                lines += self.lines(of: group.name, group.results)
            }
            lines.append("")
        }
        lines += closing
        return lines.joined(separator: "\n") + "\n"
    }

    private func lines(of name: String, _ results: [CheckResult]) -> [String] {
        let passed = results.count { $0.outcome.isPassed }
        let isWhole = passed == results.count
        let mark = isWhole ? painted("✔", .green) : painted("✘", .red)
        var lines = ["  \(mark) \(name)  \(passed) of \(results.count)"]
        for result in results {
            lines += self.lines(of: result)
        }
        return lines
    }

    private func lines(of result: CheckResult) -> [String] {
        let check = result.check
        guard let explanation = result.explanation else {
            return isVerbose ? ["      \(painted("✔", .green)) \(check.id)  \(painted(check.claim, .dim))"] : []
        }
        let mark =
            switch result.outcome {
            case .notApplicable: painted("–", .yellow)
            case .blocked: painted("?", .yellow)
            default: painted("✘", .red)
            }
        let label = "\(check.level.rawValue), \(check.edition.rawValue), \(check.reference)"
        return ["      \(mark) \(painted(check.id, .bold))", "        \(check.claim) (\(label))"]
            + explanation.lines("          ")
    }

    private var closing: [String] {
        var lines: [String] = []
        for category in Category.allCases {
            let tally = summary.tally { $0.check.category == category }
            if tally.checks > 0 { lines.append("\(category.rawValue): \(tally.sentence)") }
        }
        for edition in Edition.allCases {
            let tally = summary.tally { $0.check.edition == edition }
            if tally.checks > 0 { lines.append("specification \(edition.rawValue): \(tally.sentence)") }
        }
        let total = summary.total
        let verdict = total.passed == total.checks ? painted("conforms", .green) : painted("does not conform", .red)
        lines.append("\(summary.registry) \(verdict): \(total.sentence), in \(summary.seconds) s, seed \(summary.seed)")
        return lines
    }
}
