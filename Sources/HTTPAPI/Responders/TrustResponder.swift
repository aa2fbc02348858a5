// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry
import Trust

/// `/v2/<name>/_cairn/trust/<tag or digest>` and `/api/v1/quarantine`: what may leave, and why not.
extension Responder {
    /// Each requirement that the policy has for an image, and what satisfied or failed it.
    func trust(_ exchange: Exchange, _ name: RepositoryName, _ reference: Reference) async throws -> Answer {
        try exchange.require([.get, .head])
        let manifest = try await registry.manifest(reference, in: name)
        let verdict = try await registry.verdict(on: manifest.digest, as: reference, in: name)
        var held: String?
        do {
            try await registry.refuseQuarantined(manifest.digest)
        } catch RegistryError.quarantined(_, let cause, let reason) {
            held = "\(cause): \(reason)"
        }
        var json = JSONWriter()
        json.object { json in
            json.members([("name", name.description), ("digest", manifest.digestText)])
            if case .tag(let tag) = reference { json.members([("tag", tag.description)]) }
            json.key("allowed")
            json.bool(held == nil && verdict?.failures(of: [.pull]).isEmpty ?? true)
            if let held { json.members([("quarantine", held)]) }
            json.key("rules")
            json.array { json in
                for rule in verdict?.rules ?? [] { Self.write(rule, to: &json) }
            }
        }
        return Answer(
            .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
    }

    static func write(_ rule: RuleVerdict, to json: inout JSONWriter) {
        json.object { json in
            json.members([("enforce", rule.enforcement.rawValue)])
            json.key("requirements")
            json.array { json in
                for outcome in rule.outcomes {
                    json.object { json in
                        json.members([("requirement", outcome.requirement)])
                        json.key("satisfied")
                        json.bool(outcome.isSatisfied)
                        json.members([("reason", outcome.reason)])
                        json.list("attachments", outcome.attachments.map(\.description))
                        json.list("keys", outcome.keys)
                        let times = [
                            ("not_before", outcome.window.notBefore), ("valid_until", outcome.window.validUntil),
                        ]
                        json.members(
                            times.compactMap { key, time in time.map { (key, Timestamp(seconds: $0).description) } }
                        )
                    }
                }
            }
        }
    }

    /// The list, for those who may `audit` or `admin`.
    func quarantines(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        let records = try await registry.quarantines()
        var json = JSONWriter()
        json.object { json in
            json.key("quarantine")
            json.array { json in
                for record in records {
                    json.object { json in
                        json.members([
                            ("digest", record.digest.description), ("reason", record.reason),
                            ("actor", record.actor), ("since", Timestamp(seconds: record.since).description),
                        ])
                    }
                }
            }
        }
        return Answer(
            .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
    }

    /// `PUT` with `{"reason":"…"}` keeps a digest back, `DELETE` with `?reason=…` lets it go.
    func quarantine(_ exchange: Exchange, _ digest: Digest, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.put, .delete])
        let event: String
        if exchange.request.method == .put {
            let document = try await Self.order(exchange, &body, ["reason"])
            guard let reason = document["reason"]?.text, !reason.isEmpty else {
                throw RequestError.badQuery("the body is a JSON object with a \"reason\" that is not empty")
            }
            event = try await registry.quarantine(digest, reason: reason, caller: exchange.caller)
        } else {
            let reason = exchange.query["reason"] ?? ""
            let ended = try await registry.endQuarantine(of: digest, reason: reason, caller: exchange.caller)
            guard let ended else { throw RegistryError.notInLog("\(digest) is not in quarantine") }
            event = ended
        }
        var answer = Answer(.noContent, headers: [Header.event: event])
        try await addLogIndex(of: event, to: &answer, exchange)
        return answer
    }
}

extension JSONWriter {
    /// Members of an object whose values are texts.
    mutating func members(_ members: [(String, String)]) {
        for (key, value) in members {
            self.key(key)
            string(value)
        }
    }

    /// A member that is a list of texts.
    mutating func list(_ key: String, _ items: [String]) {
        self.key(key)
        array { json in for item in items { json.string(item) } }
    }
}
