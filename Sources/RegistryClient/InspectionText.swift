// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// All that a registry knows of an image, on one screen.
package struct InspectionText {
    private let document: JSONValue
    private var result: [String] = []

    /// The lines of an answer of the registry.
    package static func lines(_ document: JSONValue) -> [String] {
        var text = InspectionText(document: document)
        text.write()
        return text.result
    }

    /// The text of a registry as one line that is safe to show.
    package static func shown(_ text: String) -> String { ShownText.line(text) }

    private init(document: JSONValue) { self.document = document }

    private mutating func write() {
        result.append("\(Self.text(document, "name"))@\(Self.text(document, "digest"))")
        line("pushed", "\(Self.text(document, "pushed_at")), last pulled \(Self.text(document, "last_pull"))")
        if let held = document["quarantine"]?.text { line("quarantine", ShownText.line(held)) }
        writeTrust()
        writeOrigin()
        writeVulnerabilities()
        section("attached", list("attachments")) { Self.cells($0, ["artifact_type", "digest"]) }
        writeTags()
        section("runs", list("runs")) { Self.cells($0, ["env", "target", "service", "state", "reported_at"]) }
        for place in list("desired") {
            let service = place["service"]?.text.map { " (\(ShownText.line($0)))" } ?? ""
            line("is to run", "\(Self.text(place, "env"))\(service)")
            let isProven = place["proven"] == .bool(true)
            let former = place["former"]?.text.map { ShownText.line($0) + (isProven ? "" : ", never reported healthy") }
            line("before it", former ?? "no image that was good there")
        }
        section("record", list("releases")) {
            [Self.text($0, "time"), Self.event($0)] + Self.cells($0, ["env", "target", "deployment", "actor"])
        }
        if document["more"] == .bool(true) { result.append("there is more: see 'cairn releases' and the API") }
    }

    private mutating func writeTrust() {
        let outcomes = list("rules").flatMap { $0["requirements"]?.elements ?? [] }
        guard !outcomes.isEmpty else { return line("trust", "no rule of the trust policy is about it") }
        line("trust", document["allowed"] == .bool(true) ? "may be pulled" : "may not be pulled")
        for outcome in outcomes {
            let mark = outcome["satisfied"] == .bool(true) ? "yes" : "no "
            line("", "\(mark) \(Self.text(outcome, "requirement")): \(Self.text(outcome, "reason"))")
        }
    }

    private mutating func writeOrigin() {
        for claim in list("provenance") {
            let revision = claim["revision"]?.text.map { " at \(ShownText.line($0))" } ?? ""
            line("built by", "\(Self.text(claim, "builder")) from \(Self.text(claim, "source"))\(revision)")
        }
        for build in list("builds") {
            let names = ["builder", "build", "source", "revision"].compactMap { build[$0]?.text.map(ShownText.line) }
            line("reported", "\(names.joined(separator: " ")) by \(Self.text(build, "actor"))")
        }
    }

    private mutating func writeVulnerabilities() {
        guard let found = document["vulnerabilities"] else { return line("scanned", "no report is attached") }
        let counts = ["critical", "high", "unknown", "medium", "low"].map { severity in
            if case .integer(let count)? = found[severity] { "\(count) \(severity)" } else { "0 \(severity)" }
        }
        let scanners = (found["scanners"]?.elements ?? []).compactMap(\.text).map(ShownText.line)
        line("scanned", "\(counts.joined(separator: ", ")) (\(scanners.joined(separator: ", ")))")
    }

    private mutating func writeTags() {
        let tags = list("tags")
        if tags.isEmpty { line("tags", "none names it now") }
        for tag in tags {
            line("tag", Self.text(tag, "tag"))
            for change in tag["history"]?.elements ?? [] {
                line("", Self.cells(change, ["time", "kind", "digest", "principal"]).joined(separator: "  "))
            }
        }
    }

    private mutating func section(_ title: String, _ elements: [JSONValue], _ cells: (JSONValue) -> [String]) {
        guard !elements.isEmpty else { return line(title, "-") }
        for (index, row) in TextTable.lines(elements.map(cells)).enumerated() { line(index == 0 ? title : "", row) }
    }

    private mutating func line(_ title: String, _ text: String) {
        result.append(title + String(repeating: " ", count: max(1, 12 - title.count)) + text)
    }

    private func list(_ key: String) -> [JSONValue] { document[key]?.elements ?? [] }

    private static func text(_ value: JSONValue, _ key: String) -> String { ShownText.line(value[key]?.text ?? "-") }

    private static func cells(_ value: JSONValue, _ keys: [String]) -> [String] { keys.map { text(value, $0) } }

    /// What an entry of the record says, in a word.
    private static func event(_ value: JSONValue) -> String {
        ShownText.line(value["phase"]?.text ?? value["outcome"]?.text ?? value["kind"]?.text ?? "-")
    }
}
