// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry

/// `/api/v1/maintenance`: when a region, or an environment, is allowed to be away. `GET` lists what is declared, and
/// with `?all=true` what was in the last 35 days, for those who may `audit` or `admin`; `POST` declares and `DELETE`
/// ends, for those who may `admin`.
extension Responder {
    func maintenance(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.get, .head, .post, .delete])
        switch exchange.request.method {
        case .post: return try await startMaintenance(exchange, body: &body)
        case .delete: return try await endMaintenance(exchange)
        default: return try await listMaintenance(exchange)
        }
    }

    /// The body is `{"seconds":NUMBER,"reason":"…","environment":"…" or null}`. As maintenance without an environment
    /// is that of the whole region, what is mistyped is refused.
    private func startMaintenance(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        let document = try await Self.order(exchange, &body, ["seconds", "reason", "environment"])
        guard let seconds = document["seconds"]?.number else {
            throw RequestError.badQuery("'seconds' is a whole number: for how long")
        }
        let (note, event) = try await registry.startMaintenance(
            of: try document.optionalText("environment").map { try exchange.requiredPlaceName($0, "environment") },
            seconds: seconds,
            reason: try document.optionalText("reason") ?? "",
            caller: exchange.caller
        )
        await objectives?.maintenanceChanged()
        return try await answer([note], event, exchange, .created)
    }

    /// `?id=` or `?environment=`; neither for that of the whole region.
    private func endMaintenance(_ exchange: Exchange) async throws -> Answer {
        let query = exchange.query
        try query.require(only: ["id", "environment"])
        let (notes, event) = try await registry.endMaintenance(
            of: try query["environment"].map { try exchange.requiredPlaceName($0, "environment") },
            id: query["id"],
            caller: exchange.caller
        )
        await objectives?.maintenanceChanged()
        return try await answer(notes, event, exchange, .ok)
    }

    private func answer(
        _ notes: [MaintenanceNote],
        _ event: String,
        _ exchange: Exchange,
        _ status: HTTPResponse.Status
    ) async throws -> Answer {
        var answer = Self.json(status, json(notes))
        answer.headers[Header.event] = event
        try await addLogIndex(of: event, to: &answer, exchange)
        return answer
    }

    private func listMaintenance(_ exchange: Exchange) async throws -> Answer {
        try exchange.query.require(only: ["all", "n"])
        let now = dates.seconds()
        let isAll = exchange.query["all"] == "true"
        let since = isAll ? now - ObjectivesLimits.keptMinutes * 60 : now
        let limit = max(1, try exchange.pageLength() ?? HTTPLimits.page)
        let notes = try await registry.maintenance(endingAfter: since, limit: limit)
            .filter { isAll || ($0.start <= now && now < $0.end) }
        return Self.json(.ok, json(notes))
    }

    private func json(_ notes: [MaintenanceNote]) -> JSONWriter {
        let now = dates.seconds()
        var json = JSONWriter()
        json.object { json in
            json.key("maintenance")
            json.array { json in
                for note in notes {
                    json.object { json in
                        json.members([("id", note.id), ("region", note.region ?? objectives?.region ?? "here")])
                        if let environment = note.environment { json.members([("environment", environment)]) }
                        json.members([
                            ("start", Timestamp(seconds: note.start).description),
                            ("end", Timestamp(seconds: note.end).description), ("reason", note.reason),
                            ("actor", note.actor),
                        ])
                        json.integers([("seconds_left", max(0, note.end - now))])
                        json.key("active")
                        json.bool(note.start <= now && now < note.end)
                    }
                }
            }
        }
        return json
    }
}
