// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry

/// `/api/v1/slo`: what the objectives have come to, for those who may `audit` or `admin`.
extension Responder {
    func tellObjectives(_ exchange: Exchange) throws -> Answer {
        try exchange.require([.get, .head])
        guard let objectives else { throw RegistryError.notInLog("this registry has no objectives") }
        return Self.json(.ok, Self.json(objectives.report()))
    }

    static func json(_ report: ObjectivesReport) -> JSONWriter {
        var json = JSONWriter()
        json.object { json in
            json.members([("at", Timestamp(seconds: report.at).description), ("region", report.region)])
            json.key("warming_up")
            json.bool(report.isWarmingUp)
            json.key("objectives")
            json.array { json in for status in report.statuses { write(status, to: &json) } }
            json.key("availability")
            json.array { json in
                for figure in report.availability {
                    json.object { json in
                        json.members([("region", figure.region), ("source", figure.source)])
                        json.windows("ratios", figure.ratios.map { ($0.window.name, $0.ratio) })
                    }
                }
            }
            json.key("maintenance")
            json.array { json in
                for span in report.maintenance {
                    json.object { json in
                        json.members([("region", span.region)])
                        if let environment = span.environment { json.members([("environment", environment)]) }
                        json.members([
                            ("start", Timestamp(seconds: span.start).description),
                            ("end", Timestamp(seconds: span.end).description), ("reason", span.reason),
                        ])
                    }
                }
            }
        }
        return json
    }

    private static func write(_ status: ObjectivesReport.Status, to json: inout JSONWriter) {
        let objective = status.objective
        json.object { json in
            json.members([("name", objective.name), ("kind", objective.kindName), ("region", status.region)])
            switch objective.kind {
            case .availability(let source): json.members([("source", source.rawValue)])
            case .latency(let requests, let milliseconds):
                json.members([("class", requests.rawValue)])
                json.integers([("within_milliseconds", milliseconds)])
            case .freshness(let seconds): json.integers([("within_seconds", seconds)])
            case .durability: break
            }
            json.figure("target", objective.target)
            json.integers([("window_seconds", objective.windowMinutes * 60)])
            json.figure("value", status.value)
            json.figure("budget_left", status.budget)
            json.windows("ratios", status.ratios.map { ($0.window.name, $0.ratio) })
            json.windows("burn_rates", status.burnRates.map { ($0.window.name, $0.rate) })
            guard let alert = status.alert else { return }
            json.key("alert")
            json.object { json in
                json.members([
                    ("severity", alert.severity.rawValue), ("rule", alert.name), ("long_window", alert.long),
                    ("short_window", alert.short),
                ])
                json.figure("factor", alert.factor)
            }
        }
    }
}

extension JSONWriter {
    /// A number with a fraction; null for none, and for what JSON has no number for.
    mutating func figure(_ key: String, _ value: Double?) {
        self.key(key)
        guard let value, value.isFinite else { return null() }
        raw("\(value)")
    }

    /// Figures by window.
    fileprivate mutating func windows(_ key: String, _ figures: [(String, Double?)]) {
        self.key(key)
        object { json in for (window, value) in figures { json.figure(window, value) } }
    }
}
