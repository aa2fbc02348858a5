// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Registry
import Releases
import Trust

/// The release record: what CI builds, what is to run where, and how rollouts go.
///
/// A build takes the right `push`; what says which image is to run, or which one was good, takes `promote`; what an
/// agent observes takes `pull`. Each is kept by the name of who sends it, and is an entry of the log. Members and
/// parameters of other names are refused: what is left out, such as the service, is about something else.
extension Responder {
    func releases(
        _ exchange: Exchange,
        _ resource: ReleaseResource,
        body: inout IncomingBody
    ) async throws -> Answer {
        switch resource {
        case .builds:
            try exchange.require([.post])
            let members = ["image", "outcome", "source", "revision", "builder", "build", "started_at"]
            return try await reportBuild(exchange, Self.order(exchange, &body, members))
        case .promotions:
            try exchange.require([.post, .delete])
            if exchange.request.method == .delete { return try await withdraw(exchange) }
            let members = ["image", "from", "env", "service"]
            return try await promote(exchange, Self.order(exchange, &body, members))
        case .rollouts:
            try exchange.require([.post])
            let members = ["image", "deployment", "env", "service", "target", "phase", "config"]
            return try await reportStep(exchange, Self.order(exchange, &body, members))
        case .rollbacks:
            try exchange.require([.post])
            let members = ["env", "service", "repository", "digest", "deployment"]
            return try await rollBack(exchange, Self.order(exchange, &body, members))
        case .entries:
            try exchange.require([.get, .head])
            return try await listReleases(exchange)
        case .traffic:
            try exchange.require([.post])
            let members = ["repository", "env", "service", "deployment", "role", "requests", "errors"]
            return try await reportTraffic(exchange, Self.order(exchange, &body, members))
        case .verdict:
            try exchange.require([.get, .head])
            return try await verdict(exchange)
        case .figures:
            try exchange.require([.get, .head])
            return try await figures(exchange)
        case .flapping:
            try exchange.require([.get, .head])
            return try await listFlapping(exchange)
        case .environments:
            try exchange.require([.get, .head])
            return try await listEnvironments(exchange)
        case .images(let environment):
            try exchange.require([.get, .head])
            return try await listImages(exchange, of: environment)
        }
    }

    /// The body is `{"image":{"repository","digest"},"outcome":"succeeded"|"failed","source","revision","builder",
    /// "build","started_at"}`; a build that failed has no digest.
    private func reportBuild(_ exchange: Exchange, _ document: JSONValue) async throws -> Answer {
        let repository = try exchange.repositoryName(document["image"]?.optionalText("repository"))
        let succeeded: Bool
        switch document["outcome"]?.text {
        case "succeeded": succeeded = true
        case "failed": succeeded = false
        default: throw RequestError.badQuery("outcome is 'succeeded' or 'failed'")
        }
        let digest = try document["image"]?.optionalText("digest").map { try exchange.digest($0) }
        let build = BuildReport(
            succeeded: succeeded,
            source: try exchange.placeName(document.optionalText("source")),
            revision: try exchange.placeName(document.optionalText("revision")),
            builder: try exchange.placeName(document.optionalText("builder")),
            build: try exchange.placeName(document.optionalText("build")),
            startedAt: try Self.milliseconds(document["started_at"])
        )
        try require([.push], in: repository, exchange)
        try requireName(exchange, for: repository)
        let receipt = try await registry.recordBuild(build, of: digest, in: repository, caller: exchange.caller)
        return try await answer(event: receipt.event, exchange) { json in
            json.members([("repository", repository.description)])
            if let digest { json.members([("digest", digest.description)]) }
            json.key("reproducible")
            json.bool(receipt.variants.isEmpty)
            guard !receipt.variants.isEmpty else { return }
            json.list("other_digests", receipt.variants.map(\.description))
            json.members([("warning", "the same commit was built to other images before: it is not reproducible")])
        }
    }

    private static func milliseconds(_ value: JSONValue?) throws(RequestError) -> Int64? {
        switch value {
        case nil, .null: return nil
        case .string(let text):
            guard let seconds = try? RFC3339.seconds(text), seconds >= 0 else {
                throw .badQuery("started_at is a time of RFC 3339 like 2026-01-31T12:00:00Z")
            }
            return seconds * 1_000
        default: throw .badQuery("started_at is a time of RFC 3339 like 2026-01-31T12:00:00Z")
        }
    }

    /// The body is `{"image":{"repository","digest"},"from","env","service"}`.
    private func promote(_ exchange: Exchange, _ document: JSONValue) async throws -> Answer {
        let repository = try exchange.repositoryName(document["image"]?.optionalText("repository"))
        guard let text = try document["image"]?.optionalText("digest") else {
            throw RequestError.badQuery("the image has no \"digest\": a tag does not say what is to run")
        }
        let digest = try exchange.digest(text)
        let promotion = PromotionReport(
            from: try exchange.placeName(document.optionalText("from")),
            environment: try exchange.requiredPlaceName(document.optionalText("env"), "env"),
            service: try exchange.placeName(document.optionalText("service"))
        )
        return try await promote(digest, promotion, in: repository, exchange)
    }

    /// `repository`, `env` and `service` in the query: nothing of it is to run there any more.
    private func withdraw(_ exchange: Exchange) async throws -> Answer {
        try exchange.query.require(only: ["repository", "env", "service"])
        let repository = try exchange.repositoryName(exchange.query["repository"])
        let promotion = PromotionReport(
            environment: try exchange.requiredPlaceName(exchange.query["env"], "env"),
            service: try exchange.placeName(exchange.query["service"])
        )
        return try await promote(nil, promotion, in: repository, exchange)
    }

    private func promote(
        _ digest: Digest?,
        _ promotion: PromotionReport,
        in repository: RepositoryName,
        _ exchange: Exchange
    ) async throws -> Answer {
        try require([.promote], in: repository, exchange)
        try requireName(exchange, for: repository)
        let receipt = try await registry.promote(digest, promotion, in: repository, caller: exchange.caller)
        return try await answer(event: receipt.event, exchange) { json in
            json.members([("repository", repository.description)])
            if let digest { json.members([("digest", digest.description)]) }
            json.members([("env", promotion.environment.description)])
            if let service = promotion.service { json.members([("service", service.description)]) }
            if let former = receipt.former { json.members([("former", former.description)]) }
        }
    }

    /// The body is `{"image":{"repository","digest"},"deployment","env","service","target","phase","config"}`.
    private func reportStep(_ exchange: Exchange, _ document: JSONValue) async throws -> Answer {
        let repository = try exchange.repositoryName(document["image"]?.optionalText("repository"))
        guard let text = try document["image"]?.optionalText("digest") else {
            throw RequestError.badQuery("the image has no \"digest\": a tag does not say what runs")
        }
        let digest = try exchange.digest(text)
        guard let phase = document["phase"]?.text.flatMap({ DeploymentStep.Phase(rawValue: $0) }) else {
            let known = DeploymentStep.Phase.allCases.map(\.rawValue).joined(separator: ", ")
            throw RequestError.badQuery("phase is one of \(known)")
        }
        let step = DeploymentStep(
            deployment: try exchange.requiredPlaceName(document.optionalText("deployment"), "deployment"),
            environment: try exchange.requiredPlaceName(document.optionalText("env"), "env"),
            service: try exchange.placeName(document.optionalText("service")),
            target: try exchange.placeName(document.optionalText("target")),
            phase: phase,
            configuration: try document.optionalText("config").map { try exchange.digest($0) }
        )
        try require([step.decides ? .promote : .pull], in: repository, exchange)
        try requireName(exchange, for: repository)
        let receipt = try await registry.recordStep(step, of: digest, in: repository, caller: exchange.caller)
        return try await answer(event: receipt.event, exchange) { json in
            json.members([
                ("repository", repository.description), ("digest", digest.description),
                ("env", step.environment.description), ("deployment", step.deployment.description),
                ("phase", phase.rawValue),
            ])
        }
    }

    /// The body is `{"env","service","repository","digest","deployment"}`: without a repository the one whose image is
    /// to run in that service, of those in which the caller may promote; without a digest the last good image.
    private func rollBack(_ exchange: Exchange, _ document: JSONValue) async throws -> Answer {
        let environment = try exchange.requiredPlaceName(document.optionalText("env"), "env")
        let service = try exchange.placeName(document.optionalText("service"))
        let repository: RepositoryName
        if let text = try document.optionalText("repository") {
            repository = try exchange.repositoryName(text)
        } else {
            // Of others the caller does not learn that they run there.
            let identity = exchange.identity
            repository = try await registry.repository(of: service, in: environment) { name in
                identity?.allows(.promote, name) ?? true
            }
        }
        try require([.promote], in: repository, exchange)
        try requireName(exchange, for: repository)
        let rollback = try await registry.rollback(
            environment,
            service,
            in: repository,
            to: document.optionalText("digest").map { try exchange.digest($0) },
            deployment: try exchange.requiredPlaceName(document.optionalText("deployment"), "deployment"),
            caller: exchange.caller
        )
        return try await answer(event: rollback.event, exchange) { json in
            json.members([
                ("repository", repository.description), ("digest", rollback.digest.description),
                ("env", environment.description),
            ])
            if let former = rollback.former { json.members([("former", former.description)]) }
            if let service { json.members([("service", service.description)]) }
            json.key("proven")
            json.bool(rollback.isProven)
        }
    }

    private func answer(
        event: String?,
        _ exchange: Exchange,
        _ members: (inout JSONWriter) -> Void
    ) async throws -> Answer {
        var json = JSONWriter()
        json.object { json in
            members(&json)
            json.key("recorded")
            json.bool(event != nil)
        }
        var answer = Self.json(.ok, json)
        guard let event else { return answer }
        answer.headers[Header.event] = event
        try await addLogIndex(of: event, to: &answer, exchange)
        return answer
    }
}
