// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// The figures of a release record, for people.
package enum FiguresText {
    private static let names = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m10"]

    /// A table, and below it the cases that deserve a look.
    package static func lines(_ document: JSONValue) -> [String] {
        let rows = names.compactMap { name in document[name].map { row(name, $0) } }
        var lines = TextTable.lines([["", "FIGURE", "VALUE", "TARGET", "MET", "OF"]] + rows)
        for name in names {
            for exemplar in document[name]?["exemplars"]?.elements ?? [] {
                lines.append("\(name.uppercased())  \(text(of: exemplar))")
            }
        }
        if number(document["uncounted"]) ?? 0 > 0 {
            lines.append("too much was open at once: these figures are not to be trusted")
        }
        return lines
    }

    private static func row(_ name: String, _ figure: JSONValue) -> [String] {
        let unit = figure["unit"]?.text ?? ""
        let bound = number(figure["target"]?["bound"]).map { shown($0, unit) } ?? "-"
        let comparison = ["at-least": ">=", "at-most": "<=", "below": "<"][figure["target"]?["comparison"]?.text ?? ""]
        let met = figure["met"] == .bool(true) ? "yes" : figure["met"] == .bool(false) ? "NO" : "-"
        let counts = (figure["counts"]?.members ?? []).compactMap { member in
            number(member.value).map { "\(rounded($0)) \(ShownText.line(member.key))" }
        }
        return [
            name.uppercased(), ShownText.line(figure["name"]?.text ?? "-"),
            number(figure["value"]).map { shown($0, unit) } ?? "-", "\(comparison ?? "") \(bound)", met,
            counts.joined(separator: ", "),
        ]
    }

    private static func text(of exemplar: JSONValue) -> String {
        let image = ["repository", "digest"].compactMap { exemplar[$0]?.text.map(ShownText.line) }
        let places = ["environment", "service", "deployment", "target"].compactMap { key in
            exemplar[key]?.text.map { "\(key) \(ShownText.line($0))" }
        }
        let value = number(exemplar["value"]).map { ": \(rounded($0))" } ?? ""
        return ([image.joined(separator: "@")] + places).joined(separator: ", ") + value
    }

    private static func shown(_ value: Double, _ unit: String) -> String {
        unit == "ratio" ? "\(rounded(value * 100)) %" : "\(rounded(value)) \(ShownText.line(unit))"
    }

    private static func rounded(_ value: Double) -> String {
        let hundredths = (value * 100).rounded() / 100
        return hundredths == hundredths.rounded() && abs(hundredths) < 1e15 ? "\(Int64(hundredths))" : "\(hundredths)"
    }

    private static func number(_ value: JSONValue?) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .decimal(let text): Double(text)
        default: nil
        }
    }
}
