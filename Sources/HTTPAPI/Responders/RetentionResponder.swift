// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry

/// `/api/v1/retention/…`: plans, what was made of them, and why an image stays or goes.
///
/// Work is handed over and done later: the answer, 202, names the run, which is then asked for until it is done. A
/// caller plans for the repositories that he may `retain`, and reads decisions about those, or about those that he may
/// `audit`.
extension Responder {
    func retention(
        _ exchange: Exchange,
        _ resource: RetentionResource,
        body: inout IncomingBody
    ) async throws -> Answer {
        try requirePrincipal(exchange)
        guard let runner = registry.retention else {
            throw RegistryError.retention(.noRules, "this registry keeps no rules of retention")
        }
        switch resource {
        case .runs:
            try exchange.require([.get, .head, .post])
            guard exchange.request.method == .post else { return try await runs(exchange, runner) }
            return try await plan(exchange, runner, body: &body)
        case .run(let id):
            try exchange.require([.get, .head])
            return Self.answer(.ok, try await visible(id, exchange, runner))
        case .decisions(let id):
            try exchange.require([.get, .head])
            return try await decisions(of: try await visible(id, exchange, runner).id, exchange, runner)
        case .apply(let id):
            try exchange.require([.post])
            return try await apply(id, exchange, runner, body: &body)
        case .restore(let id):
            try exchange.require([.post])
            try await requireRights(to: id, exchange, runner)
            return Self.answer(.accepted, try await runner.restore(id, caller: exchange.caller))
        case .explain:
            try exchange.require([.get, .head])
            return try await explain(exchange, runner)
        }
    }

    /// Nobody unknown looks at runs.
    func requirePrincipal(_ exchange: Exchange) throws {
        guard let identity = exchange.identity, identity.principal.kind == .anonymous else { return }
        throw AccessRefusal.unauthenticated(
            challenge: text(of: exchange.challenge(error: nil)),
            reason: "log in to see or change what retention does"
        )
    }

    // MARK: Runs

    private func runs(_ exchange: Exchange, _ runner: RetentionRunner) async throws -> Answer {
        let limit = max(1, try exchange.pageLength() ?? 100)
        let found = try await runner.reports(before: try exchange.number("before"), limit: limit)
        var json = JSONWriter()
        json.object { json in
            json.key("runs")
            json.array { json in
                for run in found where exchange.maySee(run) { Self.write(run, to: &json) }
            }
        }
        var answer = Self.json(.ok, json)
        if found.count == limit, let last = found.last?.id {
            answer.headers[Header.link] = "</api/v1/retention/runs?n=\(limit)&before=\(last)>; rel=\"next\""
        }
        return answer
    }

    private func plan(
        _ exchange: Exchange,
        _ runner: RetentionRunner,
        body: inout IncomingBody
    ) async throws -> Answer {
        let document = try await Self.order(exchange, &body, ["repositories"], mayBeEmpty: true)
        let pattern = try document.optionalText("repositories") ?? "**"
        let scope: Glob
        do {
            scope = try Glob(parsing: pattern)
        } catch {
            throw RequestError.badQuery("\"repositories\" is a pattern of names: \(error.reason)")
        }
        let identity = exchange.identity
        let run = try await runner.plan(
            scope: scope,
            mayRetain: { identity?.allows(.retain, $0) ?? true },
            caller: exchange.caller
        )
        return Self.answer(.accepted, run)
    }

    private func apply(
        _ id: Int64,
        _ exchange: Exchange,
        _ runner: RetentionRunner,
        body: inout IncomingBody
    ) async throws -> Answer {
        let document = try await Self.order(exchange, &body, ["hash", "confirm"])
        guard let hash = document["hash"]?.text else {
            throw RequestError.badQuery("the body is {\"hash\":\"…\"}: the hash of the plan that was read")
        }
        let isConfirmed = try document.optionalFlag("confirm") ?? false
        try await requireRights(to: id, exchange, runner)
        let run = try await runner.apply(
            id,
            hash: hash,
            isConfirmed: isConfirmed,
            caller: exchange.caller
        )
        return Self.answer(.accepted, run)
    }

    /// The right `retain` in every repository from which the run deletes.
    private func requireRights(to id: Int64, _ exchange: Exchange, _ runner: RetentionRunner) async throws {
        guard let identity = exchange.identity else { return }
        for name in try await runner.repositories(of: id) {
            let decision = identity.verdict(.retain, name)
            guard case .allowed = decision else {
                guard case .denied(let reason) = decision else {
                    throw AccessRefusal.unauthenticated(
                        challenge: text(of: exchange.challenge(error: "insufficient_scope")),
                        reason: "the token does not cover 'retain' in \(name)"
                    )
                }
                throw AccessRefusal.denied(reason)
            }
        }
    }

    func visible(_ id: Int64, _ exchange: Exchange, _ runner: RetentionRunner) async throws -> RetentionReport {
        let run = try await runner.report(id)
        guard exchange.maySee(run) else { throw RegistryError.retention(.unknownRun, "there is no run \(id)") }
        return run
    }

    private func decisions(of run: Int64, _ exchange: Exchange, _ runner: RetentionRunner) async throws -> Answer {
        let limit = max(1, try exchange.pageLength() ?? HTTPLimits.page)
        let after = try exchange.number("after") ?? 0
        let page = try await runner.lines(of: run, after: after, limit: limit)
        var json = JSONWriter()
        json.object { json in
            json.key("decisions")
            json.array { json in
                for item in page where exchange.maySee(item.repository) { Self.write(item, to: &json) }
            }
        }
        var answer = Self.json(.ok, json)
        if page.count == limit, let last = page.last?.item {
            let next = "/api/v1/retention/runs/\(run)/decisions?n=\(limit)&after=\(last)"
            answer.headers[Header.link] = "<\(next)>; rel=\"next\""
        }
        return answer
    }

    // MARK: One image

    private func explain(_ exchange: Exchange, _ runner: RetentionRunner) async throws -> Answer {
        guard let name = exchange.query["repository"].flatMap({ RepositoryName($0) }),
            let reference = exchange.query["reference"].flatMap({ try? Reference(parsing: $0) })
        else { throw RequestError.badQuery("the query names a repository and a reference, which is a tag or digest") }
        if let identity = exchange.identity, !exchange.maySee(name), !identity.allows(.pull, name) {
            throw RegistryError.manifestUnknown(reference)
        }
        let explanation = try await runner.explain(reference, in: name)
        var json = JSONWriter()
        json.object { json in
            json.members([("repository", name.description)])
            json.key("rules")
            json.bool(explanation.hasRules)
            json.key("verdicts")
            json.array { json in
                for verdict in explanation.verdicts {
                    json.object { json in
                        if let tag = verdict.tag { json.members([("tag", tag.description)]) }
                        json.members([("digest", verdict.digest.description)])
                        json.members([("verdict", verdict.stays ? "keep" : "delete")])
                        if let rule = verdict.rule { json.members([("rule", rule)]) }
                        json.members([("reason", verdict.reason)])
                    }
                }
            }
            json.list("protections", explanation.protections)
            json.list("past", explanation.past)
        }
        return Self.json(.ok, json)
    }

    // MARK: Forms

    static func json(_ status: HTTPResponse.Status, _ json: JSONWriter) -> Answer {
        Answer(
            status,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
    }

    private static func answer(_ status: HTTPResponse.Status, _ run: RetentionReport) -> Answer {
        var json = JSONWriter()
        write(run, to: &json)
        var answer = Self.json(status, json)
        if status == .accepted { answer.headers[.location] = "/api/v1/retention/runs/\(run.id)" }
        return answer
    }

    private static func write(_ run: RetentionReport, to json: inout JSONWriter) {
        json.object { json in
            json.key("id")
            json.integer(run.id)
            json.members([("state", run.state), ("repositories", run.scope), ("policy", run.policy)])
            if let hash = run.planHash {
                json.members([("plan", "\(run.id)-\(hash.prefix(RetentionRunner.shortHash))"), ("hash", hash)])
            }
            json.members([("actor", run.actor), ("planned_at", Timestamp(seconds: run.plannedAt).description)])
            let times = [("applied_at", run.appliedAt), ("restored_at", run.restoredAt)]
            json.members(times.compactMap { key, time in time.map { (key, Timestamp(seconds: $0).description) } })
            for (key, count) in run.counts {
                json.key(key)
                json.integer(count)
            }
            json.key("rules")
            json.array { json in
                for rule in run.rules {
                    json.object { json in
                        if let name = rule.name { json.members([("rule", name)]) }
                        json.integers([("tags", rule.tags), ("manifests", rule.manifests), ("bytes", rule.bytes)])
                    }
                }
            }
            json.list("warnings", run.warnings)
            if let progress = run.progress {
                json.key("progress")
                json.object { json in
                    json.members([("work", progress.work.rawValue)])
                    json.key("done")
                    json.integer(progress.done)
                    guard let total = progress.total else { return }
                    json.key("total")
                    json.integer(total)
                }
            }
            guard !run.outcomes.isEmpty else { return }
            json.key("decisions")
            json.object { json in
                for (state, count) in run.outcomes {
                    json.key(state)
                    json.integer(count)
                }
            }
        }
    }

    private static func write(_ item: RetentionLine, to json: inout JSONWriter) {
        json.object { json in
            json.key("item")
            json.integer(item.item)
            json.members([("repository", item.repository.description)])
            if let tag = item.tag { json.members([("tag", tag.description)]) }
            json.members([("digest", item.digest.description), ("verdict", item.isKept ? "keep" : "delete")])
            if let rule = item.rule { json.members([("rule", rule)]) }
            json.members([("reason", item.reason), ("state", item.state)])
            if let outcome = item.outcome { json.members([("outcome", outcome)]) }
        }
    }
}

extension Responder.Exchange {
    /// Whether the caller may read decisions about a repository.
    func maySee(_ name: RepositoryName) -> Bool {
        guard let identity else { return true }
        return identity.allows(.retain, name) || identity.allows(.audit, name)
    }

    /// Whether the caller may read of a run: it is his own, or he may audit or retain everything.
    func maySee(_ run: RetentionReport) -> Bool {
        guard let identity else { return true }
        return run.actor == caller.principal || identity.allows(.audit, nil) || identity.allows(.retain, nil)
    }
}
