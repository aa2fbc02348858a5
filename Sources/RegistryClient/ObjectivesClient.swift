// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
internal import OCI

/// Asks a registry what its objectives have come to.
package struct ObjectivesClient: Sendable {
    /// What it says.
    package struct Report: Sendable {
        /// The whole answer as a JSON object.
        package let json: String
        /// A line for each objective and region, under a line of headings.
        package let lines: [String]
        /// Whether an objective has an alert that wants somebody now, or later.
        package let isPaging: Bool
        package let isAlerting: Bool
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// - Throws: `ClientError`.
    package func report() async throws(ClientError) -> Report {
        let call = RemoteRegistry.Call(target: "/api/v1/slo", purpose: "asking for the objectives")
        let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body), let objectives = document["objectives"]?.elements else {
            throw ClientError(.network, "\(registry.origin) answers with what says nothing of objectives")
        }
        let severities = objectives.compactMap { $0["alert"]?["severity"]?.text }
        return Report(
            json: JSONWriter.text(of: document),
            lines: Self.lines(document, objectives),
            isPaging: severities.contains("page"),
            isAlerting: !severities.isEmpty
        )
    }

    private static let windows = ["5m", "1h", "6h", "3d", "30d"]

    private static func lines(_ document: JSONValue, _ objectives: [JSONValue]) -> [String] {
        var rows = [["OBJECTIVE", "REGION", "TARGET"] + windows + ["BUDGET LEFT", "BURN 1h", "BURN 6h", "ALERT"]]
        for objective in objectives {
            let alert = objective["alert"].map { alert in
                ShownText.line("\(alert["severity"]?.text ?? "?") (\(alert["rule"]?.text ?? "?"))")
            }
            rows.append(
                [ShownText.line(objective["name"]?.text ?? "?"), ShownText.line(objective["region"]?.text ?? "?")]
                    + [percent(objective["target"])] + windows.map { percent(objective["ratios"]?[$0]) }
                    + [percent(objective["budget_left"])]
                    + ["1h", "6h"].map { fixed(objective["burn_rates"]?[$0]?.fraction, digits: 1) } + [alert ?? "-"]
            )
        }
        var lines = TextTable.lines(rows)
        for figure in document["availability"]?.elements ?? [] {
            let ratios = windows.map { "\($0) \(percent(figure["ratios"]?[$0]))" }.joined(separator: ", ")
            let place = "\(figure["region"]?.text ?? "?") by \(figure["source"]?.text ?? "?")"
            lines.append("availability of \(ShownText.line(place)): \(ratios)")
        }
        for span in document["maintenance"]?.elements ?? [] {
            let place = "\(span["region"]?.text ?? "?") \(span["environment"]?.text ?? "")"
            let text = "\(place) until \(span["end"]?.text ?? "?"): \(span["reason"]?.text ?? "")"
            lines.append("maintenance of \(ShownText.line(text))")
        }
        if document["warming_up"] == .bool(true) { lines.append("the registry warms up: nothing alerts yet") }
        return lines
    }

    private static func percent(_ value: JSONValue?) -> String {
        guard let fraction = value?.fraction else { return "-" }
        return fixed(fraction * 100, digits: 3) + " %"
    }

    /// A number with so many digits after the point, cut and not rounded up: 99.9996 % is not 100 %.
    static func fixed(_ value: Double?, digits: Int) -> String {
        guard let value, value.isFinite, abs(value) < 1e12 else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        // What a computation left of a whole digit is one.
        let units = Int64((value * scale + 1e-6).rounded(.down))
        let (whole, part) = units.magnitude.quotientAndRemainder(dividingBy: UInt64(scale))
        let fraction = String(part)
        let padding = String(repeating: "0", count: digits - fraction.utf8.count)
        return "\(units < 0 ? "-" : "")\(whole).\(padding)\(fraction)"
    }
}

extension JSONValue {
    /// A number, whole or not.
    fileprivate var fraction: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .decimal(let text): Double(text)
        default: nil
        }
    }
}
