// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry
import Replication

/// `/api/v1/regions` and `/api/v1/conflicts`: how other regions are followed, for those who may `audit` or `admin`, and
/// what is done about them, for those who may `admin`.
extension Responder {
    func regions(
        _ exchange: Exchange,
        _ resource: RegionResource,
        body: inout IncomingBody
    ) async throws -> Answer {
        switch resource {
        case .all:
            try exchange.require([.get, .head])
            return try await listRegions()
        case .region(let name):
            try exchange.require([.post])
            return try await setRegion(name, exchange, body: &body)
        case .audit(let name):
            try exchange.require([.get, .head, .post])
            return try audit(name, begin: exchange.request.method == .post)
        case .pulls:
            try exchange.require([.get, .head])
            return try await tellPulls(exchange)
        case .positions, .hashes, .rows:
            try exchange.require([.get, .head])
            return try await state(resource)
        case .homes:
            try exchange.require([.get, .head, .put])
            if exchange.request.method == .put { return try await setHomes(exchange, body: &body) }
            return try await listHomes(exchange)
        case .conflicts:
            try exchange.require([.get, .head])
            return try await listConflicts(exchange)
        case .conflict(let id):
            try exchange.require([.post])
            return try await resolve(id, exchange, body: &body)
        }
    }

    private func listRegions() async throws -> Answer {
        let (regions, summary) = (try await self.regions?.status() ?? [], try await self.regions?.summary())
        var json = JSONWriter()
        json.object { json in
            if let regions = self.regions { json.members([("origin", regions.origin)]) }
            json.key("regions")
            json.array { json in
                for region in regions { Self.write(region, to: &json) }
            }
            guard let summary else { return }
            json.integers([
                ("remote_blobs", summary.remoteBlobs), ("remote_bytes", summary.remoteBytes),
                ("conflicts_open", summary.conflictsOpen),
            ])
        }
        return Self.json(.ok, json)
    }

    private static func write(_ region: RegionStatus, to json: inout JSONWriter) {
        json.object { json in
            json.members([("region", region.name), ("origin", region.origin), ("state", region.phase)])
            if let reason = region.reason { json.members([("reason", reason)]) }
            let behind = max(0, region.log.shown - region.log.entries)
            json.integers([
                ("entries", region.log.entries), ("shown", region.log.shown), ("behind", behind),
                ("applied", region.applied), ("waiting", region.waiting), ("parked", region.parked),
                ("seconds_behind", region.secondsBehind), ("bytes_behind", region.bytesBehind),
                ("confirmed", region.confirmed),
            ])
            json.key("joining")
            json.bool(region.applied < region.joined)
            if let oldest = region.oldest { json.members([("oldest", oldest)]) }
            guard let time = region.log.verifiedAt else { return }
            json.members([("verified_at", Timestamp(seconds: time).description)])
        }
    }

    /// The body is `{"state":"following"|"paused"|"retired","reason":"…"}`.
    private func setRegion(_ name: String, _ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        let document = try await Self.order(exchange, &body, ["state", "reason"])
        guard let state = document["state"]?.text.flatMap(RegionWish.init(rawValue:)) else {
            let known = RegionWish.allCases.map(\.rawValue).joined(separator: ", ")
            throw RequestError.badQuery("state is one of \(known)")
        }
        let reason = try document.optionalText("reason") ?? ""
        guard try await regions?.set(name, state, reason: reason) == true else {
            throw RegistryError.notInLog("no region is called '\(ParsingError.quotable(name))'")
        }
        return Answer(.noContent)
    }

    private func listConflicts(_ exchange: Exchange) async throws -> Answer {
        let limit = max(1, try exchange.pageLength() ?? 100)
        let isAll = exchange.query["all"] == "true"
        let after = try exchange.number("after") ?? 0
        let page = try await regions?.conflicts(open: !isAll, after: after, limit: limit + 1) ?? []
        var json = JSONWriter()
        json.object { json in
            json.key("conflicts")
            json.array { json in
                for conflict in page.prefix(limit) { Self.write(conflict, to: &json) }
            }
        }
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        if page.count > limit {
            let filters = [("all", isAll ? "true" : nil)]
            headers[Header.link] = Self.nextPage("/api/v1/conflicts", after: page[limit - 1].id, limit: limit, filters)
        }
        return Answer(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: json.bytes)))
    }

    private static func write(_ conflict: RegionConflict, to json: inout JSONWriter) {
        json.object { json in
            json.integers([("id", conflict.id)])
            json.members([("repository", conflict.repository.description), ("tag", conflict.tag.description)])
            for (key, side) in [("winner", conflict.winner), ("loser", conflict.loser)] {
                json.key(key)
                json.object { json in
                    if let digest = side.digest { json.members([("digest", digest.description)]) }
                    json.members([("region", side.region), ("time", Timestamp(seconds: side.time).description)])
                }
            }
            json.members([("opened", Timestamp(seconds: conflict.opened).description)])
            guard let resolved = conflict.resolved else { return }
            json.members([("resolved", Timestamp(seconds: resolved).description)])
        }
    }

    /// The body is `{"decision":"keep"|"take-loser"}`.
    private func resolve(_ id: Int64, _ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        let takesLoser: Bool
        switch try await Self.order(exchange, &body, ["decision"])["decision"]?.text {
        case "keep": takesLoser = false
        case "take-loser": takesLoser = true
        default: throw RequestError.badQuery("decision is 'keep' or 'take-loser'")
        }
        let event = try await registry.resolveConflict(id, takesLoser: takesLoser, caller: exchange.caller)
        var answer = Answer(.noContent, headers: [Header.event: event])
        try await addLogIndex(of: event, to: &answer, exchange)
        return answer
    }
}
