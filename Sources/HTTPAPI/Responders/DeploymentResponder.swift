// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry

/// `/api/v1/deployments`: what runs where.
///
/// `POST` with `{"env","target","service","deployment","image":{"repository","digest"},"config","expires"}` reports it,
/// `config` being the digest of the configuration artifact that it runs with. `DELETE` with `repository`, `env`,
/// `target`, `service` and `digest` in its query says that it runs there no more, `GET` lists what was reported.
/// Whoever may pull from the repository may report: what is protected without need costs space, and a report is kept by
/// the name of who sent it, so nobody ends another's without the right `retain`.
extension Responder {
    func deployments(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.get, .head, .post, .delete])
        switch exchange.request.method {
        case .post: return try await report(exchange, body: &body)
        case .delete: return try await endReport(exchange)
        default: return try await listDeployments(exchange)
        }
    }

    private func report(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        let members = ["env", "target", "image", "service", "deployment", "config", "expires"]
        let document = try await Self.order(exchange, &body, members)
        let repository = try exchange.repositoryName(document["image"]?.optionalText("repository"))
        guard let text = try document["image"]?.optionalText("digest") else {
            throw RequestError.badQuery("the image has no \"digest\": a tag does not say what runs")
        }
        let digest = try exchange.digest(text)
        let place = Deployment(
            environment: try exchange.requiredPlaceName(document.optionalText("env"), "env"),
            target: try exchange.requiredPlaceName(document.optionalText("target"), "target"),
            service: try exchange.placeName(document.optionalText("service"))
        )
        let deployment = try exchange.placeName(document.optionalText("deployment"))
        try require([.pull], in: repository, exchange)
        try requireName(exchange, for: repository)
        let receipt = try await registry.report(
            place,
            runs: digest,
            of: repository,
            deployment: deployment,
            configuration: document.optionalText("config").map { try exchange.digest($0) },
            expires: try Self.expires(document["expires"]),
            caller: exchange.caller
        )
        var json = JSONWriter()
        json.object { json in
            json.members(Self.members(of: place, repository, digest))
            json.members([
                ("stale_at", Timestamp(seconds: receipt.staleAt).description),
                ("expires_at", Timestamp(seconds: receipt.expiresAt).description),
            ])
            if receipt.isTrashed { json.members([("warning", Self.trashWarning)]) }
        }
        var answer = Answer(
            .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
        answer.headers[Header.warning] = WarningHeader.text(receipt.isTrashed ? [Self.trashWarning] : [])
        guard let event = receipt.event else { return answer }
        answer.headers[Header.event] = event
        try await addLogIndex(of: event, to: &answer, exchange)
        return answer
    }

    private static func expires(_ value: JSONValue?) throws(RequestError) -> Int64? {
        switch value {
        case nil, .null: return nil
        case .integer(let seconds): return seconds
        default: throw .badQuery("expires is a whole number of seconds")
        }
    }

    private func endReport(_ exchange: Exchange) async throws -> Answer {
        let query = exchange.query
        let repository = try exchange.repositoryName(query["repository"])
        let place = Deployment(
            environment: try exchange.requiredPlaceName(query["env"], "env"),
            target: try exchange.requiredPlaceName(query["target"], "target"),
            service: try exchange.placeName(query["service"])
        )
        let digest = try query["digest"].map { try exchange.digest($0) }
        try require([.pull], in: repository, exchange)
        try requireName(exchange, for: repository)
        let event = try await registry.end(
            place,
            of: repository,
            digest: digest,
            ofAnyone: exchange.identity?.allows(.retain, repository) ?? true,
            caller: exchange.caller
        )
        guard let event else { throw RegistryError.notInLog("you have not reported that anything runs there") }
        var answer = Answer(.noContent, headers: [Header.event: event])
        try await addLogIndex(of: event, to: &answer, exchange)
        return answer
    }

    private func listDeployments(_ exchange: Exchange) async throws -> Answer {
        let environment = try exchange.placeName(exchange.query["env"])
        let repository = try listedRepository(exchange)
        let limit = max(1, try exchange.pageLength() ?? 100)
        let page = try await registry.deployments(
            in: repository,
            environment: environment,
            after: exchange.number("after") ?? 0,
            limit: limit
        )
        let now = dates.seconds()
        var json = JSONWriter()
        json.object { json in
            json.key("deployments")
            json.array { json in
                for note in page.elements { Self.write(note, at: now, to: &json) }
            }
        }
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        if page.hasMore, let last = page.elements.last?.id {
            let filters = [("repository", repository?.description), ("env", environment?.description)]
            headers[Header.link] = Self.nextPage("/api/v1/deployments", after: last, limit: limit, filters)
        }
        return Answer(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: json.bytes)))
    }

    static func write(_ note: Deployment.Note, at now: Int64, to json: inout JSONWriter) {
        json.object { json in
            json.members(members(of: note.place, note.repository, note.digest))
            if let deployment = note.deployment { json.members([("deployment", deployment.description)]) }
            json.members([("state", state(of: note, at: now)), ("reporter", note.reporter)])
            let times: [(String, Int64?)] = [
                ("reported_at", note.reportedAt), ("stale_at", note.staleAt), ("expires_at", note.expiresAt),
                ("ended_at", note.endedAt), ("last_pull", note.lastPull),
            ]
            json.members(times.compactMap { key, time in time.map { (key, Timestamp(seconds: $0).description) } })
            if !note.isLive { json.members([("warning", "the manifest is deleted")]) }
        }
    }

    /// `running`; `stale` where the reporter has been silent for too long; `ended`.
    static func state(of note: Deployment.Note, at now: Int64) -> String {
        if note.endedAt != nil { return "ended" }
        return note.staleAt <= now ? "stale" : "running"
    }

    private static func members(
        of place: Deployment,
        _ repository: RepositoryName,
        _ digest: Digest
    ) -> [(String, String)] {
        var members = [("env", place.environment.description), ("target", place.target.description)]
        if let service = place.service { members.append(("service", service.description)) }
        return members + [("repository", repository.description), ("digest", digest.description)]
    }
}
