// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How many checks came out how.
struct Tally: Sendable, Encodable {
    var checks = 0
    var passed = 0
    var failed = 0
    var blocked = 0
    var notApplicable = 0

    mutating func count(_ outcome: Outcome) {
        checks += 1
        switch outcome {
        case .passed: passed += 1
        case .failed: failed += 1
        case .blocked: blocked += 1
        case .notApplicable: notApplicable += 1
        }
    }

    /// For instance `417 checks: 400 passed, 12 failed, 5 blocked`.
    var sentence: String {
        var parts = ["\(passed) passed", "\(failed) failed"]
        if blocked > 0 { parts.append("\(blocked) blocked") }
        if notApplicable > 0 { parts.append("\(notApplicable) not applicable") }
        return "\(checks) checks: " + parts.joined(separator: ", ")
    }
}

/// A finished run: what was asked, what came out, and what is told about it in every form of report.
struct Summary: Sendable {
    /// The name given to the registry, or its URL.
    let registry: String
    let edition: Edition
    let seed: UInt64
    let prefix: String
    let duration: Duration
    let results: [CheckResult]

    var total: Tally { tally { _ in true } }

    func tally(where isCounted: (CheckResult) -> Bool) -> Tally {
        var tally = Tally()
        for result in results where isCounted(result) {
            tally.count(result.outcome)
        }
        return tally
    }

    var seconds: String { duration.inSeconds }

    /// Results by the group that their ids name, such as `push.chunked`, in the order in which groups begin.
    var groups: [(name: String, results: [CheckResult])] {
        var groups: [(name: String, results: [CheckResult])] = []
        var places: [String: Int] = [:]
        for result in results {
            let name = result.check.group
            if let place = places[name] {
                groups[place].results.append(result)
            } else {
                places[name] = groups.count
                groups.append((name, [result]))
            }
        }
        return groups
    }
}

extension Check {
    /// The first two parts of the id.
    var group: String {
        id.split(separator: ".").prefix(2).joined(separator: ".")
    }
}

extension CheckResult {
    /// Request, expected and received, or why the check does not apply; nil for a check that passed.
    var explanation: Explanation? {
        switch outcome {
        case .passed: nil
        case .failed(let failure): Explanation(failure, step: nil)
        case .blocked(let failure): Explanation(failure.cause, step: failure.step)
        case .notApplicable(let reason):
            Explanation(step: nil, expected: check.claim, received: reason, request: nil, response: nil)
        }
    }
}

/// Why a check did not pass.
struct Explanation: Sendable, Encodable {
    /// The step of preparation that failed, where it was not the check's own question.
    let step: String?
    let expected: String
    let received: String
    let request: String?
    let response: String?

    init(step: String?, expected: String, received: String, request: String?, response: String?) {
        self.step = step
        self.expected = expected
        self.received = received
        self.request = request
        self.response = response
    }

    init(_ failure: CheckFailure, step: String?) {
        let hasAnswer = (failure.response?.status ?? 0) != 0
        self.init(
            step: step,
            expected: failure.expected,
            received: failure.received,
            request: failure.response?.request.description,
            response: hasAnswer ? failure.response?.description : nil
        )
    }

    /// All of it, a line each, indented.
    func lines(_ indent: String) -> [String] {
        var lines: [String] = []
        if let step { lines.append("before it    could not \(step)") }
        lines.append("expected     \(expected)")
        lines.append("received     \(received)")
        for (label, text) in [("request      ", request), ("answer       ", response)] {
            for (index, line) in (text ?? "").split(separator: "\n", omittingEmptySubsequences: true).enumerated() {
                lines.append((index == 0 ? label : String(repeating: " ", count: label.count)) + line)
            }
        }
        return lines.map { indent + $0 }
    }
}

extension Duration {
    /// In seconds, with three decimals.
    var inSeconds: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
