// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import Journal
import Maintenance
import NIOCore
import OCI
import Observability
import Registry

/// `/api/v1/scrub`: how the reading of all blobs stands, and asking for one at once.
extension Responder {
    /// `GET` tells, for those who may `audit` or `admin`; `POST` begins or joins a run, for those who may `admin`. Its
    /// body is a JSON object, in which `repository` and `rate` (bytes in a second) may be left out.
    func scrub(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.get, .head, .post])
        guard let scrubber else { throw RegistryError.notInLog("this registry reads no blobs over") }
        var status = HTTPResponse.Status.ok
        if exchange.request.method == .post {
            let members = ["repository", "rate"]
            let request = try Self.scrubRequest(await Self.order(exchange, &body, members, mayBeEmpty: true))
            guard registry.catalogTakesChanges else {
                throw RegistryError.readOnly("what a scrub finds could not be noted")
            }
            _ = try await scrubber.start(over: request.repository, rate: request.rate)
            status = .accepted
        }
        let json = Self.json(try await scrubber.status(), log: registry.journal?.lastScrub)
        return Answer(
            status,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
    }

    private static func scrubRequest(
        _ document: JSONValue
    ) throws(RequestError) -> (repository: RepositoryName?, rate: Int64?) {
        var repository: RepositoryName?
        if let text = try document.optionalText("repository") {
            do { repository = try RepositoryName(parsing: text) } catch { throw .badName(error) }
        }
        switch document["rate"] {
        case nil, .null: return (repository, nil)
        case .integer(let rate) where ScrubLimits.rates.contains(rate): return (repository, rate)
        default:
            let (least, most) = (ScrubLimits.rates.lowerBound, ScrubLimits.rates.upperBound)
            throw .badQuery("\"rate\" is a number of bytes in a second, \(least) to \(most)")
        }
    }

    private static func json(_ status: ScrubStatus, log: Journal.Scrubbed?) -> JSONWriter {
        var json = JSONWriter()
        json.object { json in
            json.key("enabled")
            json.bool(status.settings.isEnabled)
            json.numbers([("rate", status.rate), ("every_seconds", status.settings.every)])
            if let pass = status.pass { json.figures("pass", pass) }
            if let pass = status.lastPass { json.figures("last_pass", pass) }
            if let oldest = status.oldestVerification {
                json.members([("oldest_verification", Timestamp(seconds: oldest).description)])
                json.numbers([("oldest_verification_seconds", max(0, status.now - oldest))])
            }
            json.numbers([
                ("found", status.found), ("healed", status.healed), ("bytes_per_second", status.bytesPerSecond),
                ("damaged", Int64(status.damaged.count)),
            ])
            json.list("damaged_digests", status.damaged.prefix(ScrubLimits.namedDamaged).map(\.description))
            if let since = status.stalledSince {
                json.members([("stalled_since", Timestamp(seconds: since).description)])
            }
            if let problem = status.problem { json.members([("problem", problem)]) }
            if let run = status.run { json.run(run) }
            if let log {
                json.key("log")
                json.object { json in
                    json.members([("finished", Timestamp(seconds: log.finishedAt).description)])
                    json.numbers([
                        ("entries", log.report.entries), ("files", Int64(log.report.files)),
                        ("checkpoints", Int64(log.report.checkpoints)), ("problems", Int64(log.report.problemCount)),
                    ])
                }
            }
        }
        return json
    }
}

extension JSONWriter {
    /// Members of an object whose values are numbers.
    fileprivate mutating func numbers(_ members: [(String, Int64)]) {
        for (key, value) in members {
            self.key(key)
            integer(value)
        }
    }

    fileprivate mutating func figures(_ key: String, _ figures: ScrubFigures) {
        self.key(key)
        object { $0.members(of: figures) }
    }

    private mutating func members(of figures: ScrubFigures) {
        members([("started", Timestamp(seconds: figures.startedAt).description)])
        if let finished = figures.finishedAt { members([("finished", Timestamp(seconds: finished).description)]) }
        numbers([
            ("blobs", figures.blobs), ("bytes", figures.bytes), ("total_blobs", figures.totalBlobs),
            ("total_bytes", figures.totalBytes), ("found", figures.found),
        ])
    }

    fileprivate mutating func run(_ run: ScrubRun.Snapshot) {
        key("run")
        object { json in
            json.numbers([("id", Int64(run.id)), ("rate", run.rate)])
            json.members([("state", run.state.rawValue)])
            if let repository = run.repository { json.members([("repository", repository.description)]) }
            json.members(of: run.figures)
            json.numbers([
                ("healed", run.healed), ("damaged", run.damaged), ("bytes_per_second", run.bytesPerSecond),
            ])
            if let problem = run.problem { json.members([("problem", problem)]) }
        }
    }
}
