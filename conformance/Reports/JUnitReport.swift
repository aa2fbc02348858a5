// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The report for continuous integration, in the XML form that JUnit made common: a suite for each group.
struct JUnitReport {
    let summary: Summary

    var text: String {
        let total = summary.total
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuites name=\"conformance\" tests=\"\(total.checks)\" failures=\"\(total.failed)\""
                + " errors=\"\(total.blocked)\" skipped=\"\(total.notApplicable)\" time=\"\(summary.seconds)\">",
        ]
        for group in summary.groups {
            var tally = Tally()
            group.results.forEach { tally.count($0.outcome) }
            lines.append(
                "  <testsuite name=\"\(group.name)\" tests=\"\(tally.checks)\" failures=\"\(tally.failed)\""
                    + " errors=\"\(tally.blocked)\" skipped=\"\(tally.notApplicable)\">"
            )
            for result in group.results {
                lines.append(testCase(result))
            }
            lines.append("  </testsuite>")
        }
        lines.append("</testsuites>")
        return lines.joined(separator: "\n") + "\n"
    }

    private func testCase(_ result: CheckResult) -> String {
        let check = result.check
        let head =
            "    <testcase classname=\"\(check.group)\" name=\"\(Self.escaped(check.id))\""
            + " time=\"\(result.duration.inSeconds)\""
        guard let explanation = result.explanation else {
            return head + "/>"
        }
        let element =
            switch result.outcome {
            case .notApplicable: "skipped"
            case .blocked: "error"
            default: "failure"
            }
        let message = Self.escaped("\(check.claim): received \(explanation.received)")
        let text = Self.escaped(explanation.lines("").joined(separator: "\n"))
        return head + ">\n      <\(element) message=\"\(message)\">\(text)</\(element)>\n    </testcase>"
    }

    /// Text for XML 1.0: markup escaped, characters that it cannot hold replaced.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || (0xFFFE...0xFFFF).contains(scalar.value): result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
