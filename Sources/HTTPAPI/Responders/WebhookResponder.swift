// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import NIOCore
import OCI
import Observability
import Registry
import Webhooks

/// `/api/v1/webhooks`: how far those are who are told what happens, for who may `audit` or `admin`; what is done about
/// them is for who may `admin`.
extension Responder {
    func webhooks(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        var json = JSONWriter()
        var states: [(hook: Hook, behind: Int, dead: Int)] = []
        for hook in hooks { states.append((hook, try await hook.behind(), try await hook.deadLetterCount())) }
        json.object { json in
            json.key("webhooks")
            json.array { json in for state in states { Self.write(state, to: &json) } }
        }
        return Self.json(.ok, json)
    }

    private static func write(_ state: (hook: Hook, behind: Int, dead: Int), to json: inout JSONWriter) {
        let (hook, settings) = (state.hook, state.hook.settings)
        json.object { json in
            json.members([("name", settings.name), ("host", hookHost(of: settings.url))])
            json.list("events", settings.groups.map(\.rawValue).sorted())
            json.list("repositories", settings.repositories.map(\.description))
            json.key("signed")
            json.bool(settings.secret != nil)
            json.integers([
                ("delivered", hook.delivered), ("behind", Int64(state.behind)),
                ("dead", Int64(state.dead)),
            ])
            guard let trouble = hook.trouble else { return }
            json.key("trouble")
            json.object { json in
                json.members([("message", trouble.message), ("reason", trouble.reason)])
                json.integers([("attempts", Int64(trouble.attempts))])
                json.members([("since", JSONWriter.time(trouble.since))])
            }
        }
    }

    /// The host of a URL, with its port: what stands before and after it may be a secret.
    package static func hookHost(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return "" }
        let authority = url[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
        return String(authority.split(separator: "@", omittingEmptySubsequences: false).last ?? "")
    }

    func webhook(_ exchange: Exchange, _ name: String, _ action: WebhookAction) async throws -> Answer {
        try exchange.require(action == .dead ? [.get, .head] : [.post])
        guard let hook = hooks.first(where: { $0.settings.name == name }) else {
            throw RegistryError.notInLog("no webhook is called '\(ParsingError.quotable(name))'")
        }
        var json = JSONWriter()
        switch action {
        case .dead: return try await deadLetters(exchange, hook)
        case .test:
            let reply = try await hook.test()
            json.object { json in
                json.members([("reply", reply.description)])
                json.key("accepted")
                json.bool(reply.isAccepted)
            }
        case .retry:
            let (accepted, left) = try await hook.retry()
            json.object { $0.integers([("accepted", Int64(accepted)), ("left", Int64(left))]) }
        }
        return Self.json(.ok, json)
    }

    private func deadLetters(_ exchange: Exchange, _ hook: Hook) async throws -> Answer {
        let limit = max(1, try exchange.pageLength() ?? 100)
        let letters = try await hook.deadLetters(after: exchange.number("after") ?? 0, limit: limit + 1)
        var json = JSONWriter()
        json.object { json in
            json.key("dead")
            json.array { json in
                for letter in letters.prefix(limit) {
                    json.object { json in
                        json.integers([("id", letter.id)])
                        json.members([
                            ("event", letter.message), ("kind", letter.kind),
                            ("reason", letter.reason), ("given_up_at", Timestamp(seconds: letter.at).description),
                        ])
                        json.integers([("attempts", Int64(letter.attempts))])
                    }
                }
            }
        }
        var answer = Self.json(.ok, json)
        if letters.count > limit {
            let path = "/api/v1/webhooks/\(PercentEncoding.encode(hook.settings.name))/dead"
            answer.headers[Header.link] = Self.nextPage(path, after: letters[limit - 1].id, limit: limit, [])
        }
        return answer
    }
}
