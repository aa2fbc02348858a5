// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import NIOCore
import OCI
import Registry
import Releases

/// What the release record comes to: figures, what flaps, and verdicts on rollouts.
extension Responder {
    private static let figureSeconds: Int64 = 30 * 86_400
    private static let figureSecondsLimit: Int64 = 400 * 86_400

    /// `seconds` (30 days), `repository` and `env`.
    func figures(_ exchange: Exchange) async throws -> Answer {
        let repository = try listedRepository(exchange)
        let seconds = try exchange.number("seconds") ?? Self.figureSeconds
        guard (1...Self.figureSecondsLimit).contains(seconds) else {
            throw RequestError.badQuery("seconds is a number from 1 to \(Self.figureSecondsLimit)")
        }
        let request = FigureRequest(
            span: seconds * 1_000,
            repository: repository,
            environment: try exchange.placeName(exchange.query["env"])
        )
        var json = JSONWriter()
        try await registry.figures(request, releases, at: endOfThisSecond).write(to: &json)
        return Self.json(.ok, json)
    }

    /// In milliseconds since 1970: what was recorded a moment ago is in the past.
    private var endOfThisSecond: Int64 { dates.seconds() * 1_000 + 999 }

    func listFlapping(_ exchange: Exchange) async throws -> Answer {
        let cases = try await registry.flapping(at: endOfThisSecond)
        var json = JSONWriter()
        json.object { json in
            json.key("flapping")
            json.array { json in
                for flapping in cases where exchange.mayPull(flapping.repository) {
                    json.object { json in
                        json.members([
                            ("repository", flapping.repository.description), ("digest", flapping.digest.description),
                            ("env", flapping.environment.description),
                            ("deployment", flapping.deployment.description),
                        ])
                        if let service = flapping.service { json.members([("service", service.description)]) }
                        if let target = flapping.target { json.members([("target", target.description)]) }
                        json.integers([("flips", Int64(flapping.flips))])
                        json.members([("last_flip", JSONWriter.time(flapping.lastFlip))])
                    }
                }
            }
        }
        return Self.json(.ok, json)
    }

    /// The body is `{"repository","env","service","deployment","role":"canary"|"baseline","requests","errors"}`: what
    /// the caller has counted since the rollout began.
    func reportTraffic(_ exchange: Exchange, _ document: JSONValue) async throws -> Answer {
        let repository = try exchange.repositoryName(document.optionalText("repository"))
        guard let role = document["role"]?.text.flatMap({ RolloutRole(rawValue: $0) }) else {
            throw RequestError.badQuery("role is 'canary' or 'baseline'")
        }
        guard case .integer(let requests)? = document["requests"], case .integer(let errors)? = document["errors"]
        else {
            throw RequestError.badQuery("requests and errors are whole numbers, counted since the rollout began")
        }
        let step = try step(exchange) { try document.optionalText($0) }
        try require([.pull], in: repository, exchange)
        try requireName(exchange, for: repository)
        try await registry.reportTraffic(
            requests: requests,
            errors: errors,
            as: role,
            of: repository,
            step,
            caller: exchange.caller
        )
        return Answer(.noContent)
    }

    /// `repository`, `env`, `service` and `deployment`; `minimum`, `ceiling_permille` and `ratio_percent` are what the
    /// canary has to keep to, as whole numbers.
    func verdict(_ exchange: Exchange) async throws -> Answer {
        try exchange.query.require(only: [
            "repository", "env", "service", "deployment", "minimum", "ceiling_permille", "ratio_percent",
        ])
        let repository = try exchange.repositoryName(exchange.query["repository"])
        let step = try step(exchange) { exchange.query[$0] }
        let limits = RolloutLimits(
            minimumRequests: Int(try exchange.number("minimum") ?? 100),
            errorCeiling: Double(try exchange.number("ceiling_permille") ?? 50) / 1_000,
            allowedRatio: Double(try exchange.number("ratio_percent") ?? 200) / 100
        )
        guard let limits else {
            throw RequestError.badQuery("minimum is above 0, ceiling_permille at most 1000, ratio_percent above 0")
        }
        try require([.pull], in: repository, exchange)
        let (verdict, traffic) = try await registry.verdict(on: repository, step, limits)
        var json = JSONWriter()
        json.object { json in
            json.members([("verdict", verdict.decision.rawValue), ("reason", verdict.reason)])
            for role in RolloutRole.allCases {
                json.key(role.rawValue)
                json.object { json in
                    let counts = traffic[role]
                    json.integers([
                        ("requests", Int64(counts?.requests ?? 0)), ("errors", Int64(counts?.errors ?? 0)),
                    ])
                }
            }
        }
        return Self.json(.ok, json)
    }

    /// The rollout that is meant.
    private func step(_ exchange: Exchange, _ text: (String) throws -> String?) throws -> DeploymentStep {
        DeploymentStep(
            deployment: try exchange.requiredPlaceName(text("deployment"), "deployment"),
            environment: try exchange.requiredPlaceName(text("env"), "env"),
            service: try exchange.placeName(text("service")),
            phase: .started
        )
    }
}
