// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import NIOCore
import OCI
import Observability
import Registry
import Releases

/// What the release record holds, as JSON.
extension Responder {
    /// `repository`, `env`, `n` and `before`: the newest first.
    func listReleases(_ exchange: Exchange) async throws -> Answer {
        let filter = ReleaseFilter(
            repository: try listedRepository(exchange),
            environment: try exchange.placeName(exchange.query["env"])
        )
        let limit = max(1, try exchange.pageLength() ?? 100)
        let page = try await registry.releases(filter, before: exchange.number("before"), limit: limit)
        var json = JSONWriter()
        json.object { json in
            json.key("releases")
            json.array { json in for record in page.elements { json.release(record) } }
        }
        var answer = Self.json(.ok, json)
        if page.hasMore, let last = page.elements.last?.id {
            var next = "/api/v1/releases?n=\(limit)&before=\(last)"
            if let name = filter.repository { next += "&repository=\(PercentEncoding.encode(name.description))" }
            if let name = filter.environment { next += "&env=\(PercentEncoding.encode(name.description))" }
            answer.headers[Header.link] = "<\(next)>; rel=\"next\""
        }
        return answer
    }

    /// `n` and `last`.
    func listEnvironments(_ exchange: Exchange) async throws -> Answer {
        try require([.audit], in: nil, exchange)
        let limit = max(1, try exchange.pageLength() ?? 100)
        let page = try await registry.environments(after: exchange.query["last"] ?? "", limit: limit)
        var json = JSONWriter()
        json.object { json in json.list("environments", page.elements.map(\.description)) }
        var answer = Self.json(.ok, json)
        if page.hasMore, let last = page.elements.last {
            let next = "/api/v1/environments?n=\(limit)&last=\(PercentEncoding.encode(last.description))"
            answer.headers[Header.link] = "<\(next)>; rel=\"next\""
        }
        return answer
    }

    /// `n`, `repository`, and `after`, the place after which the page begins: what is to run in an environment, with
    /// what each service could go back to, for agents that fetch ahead. Of repositories from which the caller may not
    /// pull he learns nothing; a page may be short for them, and go on all the same.
    func listImages(_ exchange: Exchange, of environment: PlaceName) async throws -> Answer {
        let position = try exchange.environmentPosition()
        let repository = try exchange.query["repository"].map { try exchange.repositoryName($0) }
        if let repository { try require([.pull, .audit], in: repository, exchange) }
        let limit = max(1, try exchange.pageLength() ?? 100)
        let page = try await registry.desiredImages(in: environment, after: position, limit: limit) { name in
            repository.map { $0 == name } ?? exchange.mayPull(name)
        }
        let now = dates.seconds()
        var json = JSONWriter()
        json.object { json in
            json.members([("env", environment.description)])
            json.key("images")
            json.array { json in for image in page.images { json.desired(image, at: now) } }
        }
        var answer = Self.json(.ok, json)
        if let position = page.next {
            let path = "/api/v1/environments/\(PercentEncoding.encode(environment.description))/images"
            var next = "\(path)?n=\(limit)&after=\(PercentEncoding.encode(position.text))"
            if let repository { next += "&repository=\(PercentEncoding.encode(repository.description))" }
            answer.headers[Header.link] = "<\(next)>; rel=\"next\""
        }
        return answer
    }
}

extension Responder.Exchange {
    /// Whether the caller may see what is of a repository: pull from it, or audit everything.
    func mayPull(_ repository: RepositoryName) -> Bool {
        guard let identity else { return true }
        return identity.allows(.pull, repository) || identity.allows(.audit, nil)
    }
}

extension JSONWriter {
    mutating func release(_ record: ReleaseRecord) {
        let entry = record.entry
        object { json in
            json.integers([("id", record.id)])
            json.members([("time", Self.time(entry.time)), ("repository", entry.repository.description)])
            if let digest = entry.digest { json.members([("digest", digest.description)]) }
            json.fact(entry.fact)
            json.members([("actor", record.actor), ("log", record.region)])
        }
    }

    /// Milliseconds since 1970, as a time of RFC 3339.
    static func time(_ milliseconds: Int64) -> String {
        Timestamp(milliseconds: milliseconds).description
    }

    private mutating func fact(_ fact: ReleaseFact) {
        var names: [(String, (any CustomStringConvertible)?)]
        switch fact {
        case .build(let build):
            names = [
                ("kind", "build"), ("outcome", build.succeeded ? "succeeded" : "failed"), ("source", build.source),
                ("revision", build.revision), ("builder", build.builder), ("build", build.build),
                ("started_at", build.startedAt.map(Self.time)),
            ]
        case .promotion(let promotion):
            names = [
                ("kind", "promotion"), ("env", promotion.environment), ("service", promotion.service),
                ("from", promotion.from),
            ]
        case .step(let step):
            names = [
                ("kind", "step"), ("phase", step.phase.rawValue), ("deployment", step.deployment),
                ("env", step.environment), ("service", step.service), ("target", step.target),
                ("config", step.configuration),
            ]
        case .running(let report):
            names = [
                ("kind", report.isRunning ? "running" : "ended"), ("env", report.environment),
                ("service", report.service), ("target", report.target), ("deployment", report.deployment),
                ("config", report.configuration), ("reporter", report.reporter), ("until", Self.time(report.until)),
            ]
        case .scan(let counts):
            names = [("kind", "scan")]
            integers([("critical", Int64(counts.critical)), ("high", Int64(counts.high))])
        }
        members(names.compactMap { key, value in value.map { (key, $0.description) } })
    }

    mutating func desired(_ image: DesiredImage, at now: Int64) {
        object { json in
            json.members([("repository", image.repository.description)])
            if let service = image.service { json.members([("service", service.description)]) }
            json.members([("digest", image.digest.description), ("since", Self.time(image.since))])
            if let config = image.configuration { json.members([("config", config.description)]) }
            if let deployment = image.deployment { json.members([("deployment", deployment.description)]) }
            json.members([("actor", image.actor)])
            json.list("rollback", image.rollback.map(\.description))
            if !image.isLive { json.members([("warning", "the manifest is deleted")]) }
            json.key("targets")
            json.array { json in
                for target in image.targets { json.target(target, of: image, at: now) }
            }
        }
    }

    private mutating func target(_ target: RunningTarget, of image: DesiredImage, at now: Int64) {
        object { json in
            json.members([
                ("target", target.target.description), ("digest", target.digest.description),
                ("state", target.state(of: image, at: now)), ("reporter", target.reporter),
                ("reported_at", Timestamp(seconds: target.reportedAt).description),
            ])
            if let config = target.configuration { json.members([("config", config.description)]) }
        }
    }
}
