// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What was found about one line of the checklist, and what to do about it.
package struct ProductionFinding: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        case ok, warning, problem
        /// Only a person can see it.
        case manual
    }

    package let check: ProductionCheck
    package let state: State
    package let found: String
    /// nil where nothing is to be done.
    package let action: String?

    init(_ check: ProductionCheck, _ state: State, _ found: String, do action: String?) {
        self.check = check
        self.state = state
        self.found = found
        self.action = action
    }

    /// Lines for people.
    var lines: [String] {
        let name = check.rawValue.padding(to: Self.nameWidth)
        let head = "\(state.rawValue.padding(to: Self.stateWidth))  \(name)  \(found)"
        guard let action else { return [head] }
        return [head, "\(String(repeating: " ", count: Self.stateWidth))  do: \(action) (docs/\(check.document))"]
    }

    /// The same for programs.
    fileprivate var members: [(key: String, value: String)] {
        let told = [
            ("check", check.rawValue), ("state", state.rawValue), ("demand", check.demand), ("found", found),
        ]
        return told + (action.map { [("do", $0)] } ?? []) + [("document", "docs/\(check.document)")]
    }

    private static let stateWidth = 7
    private static let nameWidth = ProductionCheck.allCases.map(\.rawValue.count).max() ?? 0
}

/// All findings, in the order of the checklist.
package struct ProductionReport: Sendable {
    package let findings: [ProductionFinding]

    init(_ findings: [ProductionFinding]) {
        let order = ProductionCheck.allCases
        self.findings = order.flatMap { check in findings.filter { $0.check == check } }
    }

    package var hasProblems: Bool { findings.contains { $0.state == .problem } }

    private var totals: [(state: String, count: Int)] {
        ProductionFinding.State.allCases.map { state in
            (state.rawValue, findings.count { $0.state == state })
        }
    }

    var text: String {
        let sum = totals.map { "\($0.count) \($0.state)" }.joined(separator: ", ")
        return (findings.flatMap(\.lines) + ["\(findings.count) lines: \(sum)"]).joined(separator: "\n")
    }

    var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("lines")
            writer.array { writer in
                for finding in findings {
                    writer.object { writer in
                        for (key, value) in finding.members {
                            writer.key(key)
                            writer.string(value)
                        }
                    }
                }
            }
            for (state, count) in totals {
                writer.key(state)
                writer.integer(count)
            }
        }
        return writer.text
    }
}

extension String {
    /// The text with spaces after it, up to a width.
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
