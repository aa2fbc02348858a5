// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Writes a dashboard as Grafana reads it (schema version 38).
package enum DashboardText {
    private static let rowHeight = 8
    private static let rowWidth = 24

    /// A panel with its number and its place.
    private struct Placed {
        let panel: Dashboard.Panel
        let id: Int
        let x: Int
        let y: Int
    }

    package static func json(_ dashboard: Dashboard) -> String {
        // Nothing is cut off: half an expression is none.
        var json = OTLPJSON(textBytes: .max)
        json.object { json in
            append(
                [
                    "uid": "cairn-\(dashboard.name)", "title": dashboard.title, "description": dashboard.help,
                    "refresh": "30s", "timezone": "utc",
                ],
                to: &json
            )
            append(["schemaVersion": 38, "version": 1], to: &json)
            json.key("editable")
            json.flag(true)
            json.key("tags")
            json.array(CollectionOfOne("cairn")) { $0.string($1) }
            json.key("time")
            json.object { append(["from": "now-6h", "to": "now"], to: &$0) }
            json.key("templating")
            json.object { appendSource(to: &$0) }
            json.key("panels")
            json.array(placed(dashboard.panels)) { append($1, to: &$0) }
        }
        return String(decoding: json.bytes, as: UTF8.self) + "\n"
    }

    /// Panels side by side, in rows.
    private static func placed(_ panels: [Dashboard.Panel]) -> [Placed] {
        var placed: [Placed] = []
        var (x, y) = (0, 0)
        for panel in panels {
            if x + panel.width > rowWidth { (x, y) = (0, y + rowHeight) }
            placed.append(Placed(panel: panel, id: placed.count + 1, x: x, y: y))
            x += panel.width
        }
        return placed
    }

    /// The variable by which the reader chooses his Prometheus.
    private static func appendSource(to json: inout OTLPJSON) {
        json.key("list")
        json.array(CollectionOfOne("prometheus")) { json, kind in
            json.object { json in
                append(["name": "source", "label": "Prometheus", "type": "datasource", "query": kind], to: &json)
                append(["hide": 0, "refresh": 1], to: &json)
            }
        }
    }

    private static func append(_ placed: Placed, to json: inout OTLPJSON) {
        let panel = placed.panel
        json.object { json in
            append(["id": placed.id], to: &json)
            append(["type": panel.form.rawValue, "title": panel.title, "description": panel.help], to: &json)
            appendChosenSource(to: &json)
            json.key("gridPos")
            json.object { append(["x": placed.x, "y": placed.y, "w": panel.width, "h": rowHeight], to: &$0) }
            json.key("targets")
            json.array(panel.queries.enumerated()) { json, query in
                append(query.element, number: query.offset, of: panel, to: &json)
            }
            json.key("fieldConfig")
            json.object { json in
                json.key("defaults")
                json.object { json in
                    append(["unit": panel.unit.rawValue], to: &json)
                    appendThresholds(of: panel, to: &json)
                }
                json.key("overrides")
                json.array(EmptyCollection<String>()) { $0.string($1) }
            }
            json.key("options")
            json.object { _ in }
        }
    }

    private static func append(
        _ query: Dashboard.Query,
        number: Int,
        of panel: Dashboard.Panel,
        to json: inout OTLPJSON
    ) {
        let isSeries = panel.form == .timeseries
        json.object { json in
            append(
                [
                    "refId": String(UnicodeScalar(UInt8(ascii: "A") + UInt8(number))), "expr": query.expression,
                    "legendFormat": query.legend, "format": panel.form == .table ? "table" : "time_series",
                ],
                to: &json
            )
            appendChosenSource(to: &json)
            json.key("instant")
            json.flag(!isSeries)
            json.key("range")
            json.flag(isSeries)
        }
    }

    private static func appendChosenSource(to json: inout OTLPJSON) {
        json.key("datasource")
        json.object { append(["type": "prometheus", "uid": "${source}"], to: &$0) }
    }

    /// The first step holds from below, and so has no value.
    private static func appendThresholds(of panel: Dashboard.Panel, to json: inout OTLPJSON) {
        let (first, second) = panel.isFloor ? ("red", "green") : ("green", "red")
        var steps: [(color: String, value: Double?)] = [(panel.limit == nil ? "green" : first, nil)]
        if let limit = panel.limit { steps.append((second, limit)) }
        json.key("thresholds")
        json.object { json in
            append(["mode": "absolute"], to: &json)
            json.key("steps")
            json.array(steps) { json, step in
                json.object { json in
                    append(["color": step.color], to: &json)
                    json.key("value")
                    if let value = step.value { json.double(value) } else { json.null() }
                }
            }
        }
    }

    private static func append(_ members: KeyValuePairs<StaticString, String>, to json: inout OTLPJSON) {
        for (name, value) in members {
            json.key(name)
            json.string(value)
        }
    }

    private static func append(_ members: KeyValuePairs<StaticString, Int>, to json: inout OTLPJSON) {
        for (name, value) in members {
            json.key(name)
            json.number(value)
        }
    }
}
