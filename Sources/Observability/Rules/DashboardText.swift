// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Writes a dashboard as Grafana reads it (schema version 38).
package enum DashboardText {
    private static let rowHeight = 8
    private static let rowWidth = 24

    package static func json(_ dashboard: Dashboard) -> String {
        var panels: [JSONText] = []
        var (x, y) = (0, 0)
        for (index, panel) in dashboard.panels.enumerated() {
            if x + panel.width > rowWidth { (x, y) = (0, y + rowHeight) }
            panels.append(json(panel, id: index + 1, x: x, y: y))
            x += panel.width
        }
        let source = JSONText.object([
            ("name", .string("source")), ("label", .string("Prometheus")), ("type", .string("datasource")),
            ("query", .string("prometheus")), ("hide", .number(0)), ("refresh", .number(1)),
        ])
        return JSONText.object([
            ("uid", .string("cairn-\(dashboard.name)")), ("title", .string(dashboard.title)),
            ("description", .string(dashboard.help)), ("tags", .array([.string("cairn")])),
            ("schemaVersion", .number(38)), ("version", .number(1)), ("editable", .bool(true)),
            ("refresh", .string("30s")), ("timezone", .string("utc")),
            ("time", .object([("from", .string("now-6h")), ("to", .string("now"))])),
            ("templating", .object([("list", .array([source]))])), ("panels", .array(panels)),
        ]).text + "\n"
    }

    private static func json(_ panel: Dashboard.Panel, id: Int, x: Int, y: Int) -> JSONText {
        let source = JSONText.object([("type", .string("prometheus")), ("uid", .string("${source}"))])
        let isTable = panel.form == .table
        let targets = panel.queries.enumerated().map { index, query in
            JSONText.object([
                ("refId", .string(String(UnicodeScalar(UInt8(ascii: "A") + UInt8(index))))), ("datasource", source),
                ("expr", .string(query.expression)), ("legendFormat", .string(query.legend)),
                ("instant", .bool(panel.form != .timeseries)), ("range", .bool(panel.form == .timeseries)),
                ("format", .string(isTable ? "table" : "time_series")),
            ])
        }
        return JSONText.object([
            ("id", .number(id)), ("type", .string(panel.form.rawValue)), ("title", .string(panel.title)),
            ("description", .string(panel.help)), ("datasource", source),
            (
                "gridPos",
                .object([("x", .number(x)), ("y", .number(y)), ("w", .number(panel.width)), ("h", .number(rowHeight))])
            ), ("targets", .array(targets)),
            (
                "fieldConfig",
                .object([
                    (
                        "defaults",
                        .object([("unit", .string(panel.unit.rawValue)), ("thresholds", thresholds(panel))])
                    ), ("overrides", .array([])),
                ])
            ), ("options", .object([])),
        ])
    }

    private static func thresholds(_ panel: Dashboard.Panel) -> JSONText {
        let (first, second) = panel.isFloor ? ("red", "green") : ("green", "red")
        var steps = [JSONText.object([("color", .string(panel.limit == nil ? "green" : first)), ("value", .null)])]
        if let limit = panel.limit {
            steps.append(.object([("color", .string(second)), ("value", .decimal(limit))]))
        }
        return .object([("mode", .string("absolute")), ("steps", .array(steps))])
    }
}

/// JSON that is written out once: this target knows none of ours that could.
indirect enum JSONText {
    case null
    case bool(Bool)
    case number(Int)
    case decimal(Double)
    case string(String)
    case array([JSONText])
    case object([(String, JSONText)])

    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let value): String(value)
        case .decimal(let value): RuleText.number(value)
        case .string(let value): Self.quoted(value)
        case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { Self.quoted($0.0) + ": " + $0.1.text }.joined(separator: ", ") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
