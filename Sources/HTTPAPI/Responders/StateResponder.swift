// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import NIOCore
import OCI
import Observability
import Registry
import Replication

/// `/api/v1/state` and `/api/v1/regions/<name>/audit`: how regions find out whether they are the same.
extension Responder {
    /// `{"origin":…,"size":…,"applied":{…}}`, `{"buckets":{"<number>":"<hash>"}}`, or
    /// `{"rows":[[repository or null, kind, key, value]]}`.
    func state(_ resource: RegionResource) async throws -> Answer {
        guard let regions else { throw RegistryError.notInLog("no other region is followed here") }
        var json = JSONWriter()
        switch resource {
        case .hashes:
            let hashes = try await regions.state.hashes().sorted { $0.key < $1.key }
            json.object { json in
                json.key("buckets")
                json.object { json in json.members(hashes.map { ("\($0.key)", $0.value.description) }) }
            }
        case .rows(let bucket):
            let rows = try await regions.state.rows(in: bucket)
            json.object { json in
                json.key("rows")
                json.array { json in
                    for placed in rows {
                        json.array { json in for field in placed.fields { json.string(field) } }
                    }
                }
            }
        default:
            let positions = try await regions.positions()
            json.object { json in
                json.members([("origin", regions.origin)])
                json.integers([("size", positions[regions.origin] ?? 0)])
                json.key("applied")
                json.object { json in json.integers(positions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }) }
            }
        }
        return Self.json(.ok, json)
    }

    /// `{"until":…,"pulls":[{"id":…,"repository":…,"digest":…,"at":…}]}` by `?since=…`, and after a page by
    /// `after_at` and `after`. Times are seconds since 1970.
    func tellPulls(_ exchange: Exchange) async throws -> Answer {
        guard let regions else { throw RegistryError.notInLog("no other region is followed here") }
        let since = try exchange.number("since") ?? 0
        let (until, pulls) = try await regions.pulls(
            since: since,
            afterTime: try exchange.number("after_at"),
            afterID: try exchange.number("after") ?? 0
        )
        var json = JSONWriter()
        json.object { json in
            json.integers([("until", until)])
            json.key("pulls")
            json.array { json in
                for pull in pulls {
                    json.object { json in
                        json.members([("repository", pull.repository.description), ("digest", pull.digest.description)])
                        json.integers([("id", pull.id), ("at", pull.at)])
                    }
                }
            }
        }
        return Self.json(.ok, json)
    }

    /// What the last comparison with a region has found; begins one where that is asked for and none is under way.
    func audit(_ name: String, begin: Bool) throws -> Answer {
        guard let audits = regions?.audits, begin ? audits.request(name) : audits.status(of: name) != nil,
            let status = audits.status(of: name)
        else { throw RegistryError.notInLog("no region is called '\(ParsingError.quotable(name))'") }
        var json = JSONWriter()
        json.object { json in
            json.members([("region", name)])
            json.key("running")
            json.bool(status.isRunning)
            if let failure = status.failure { json.members([("reason", failure)]) }
            guard let report = status.report else { return }
            json.members([
                ("outcome", report.outcome.rawValue),
                ("finished_at", Timestamp(seconds: report.finished).description),
            ])
            json.integers([
                ("buckets", Int64(report.buckets)), ("differences", Int64(report.count)),
                ("revisited", Int64(report.revisited)),
            ])
            json.list("findings", report.findings)
        }
        return Self.json(begin ? .accepted : .ok, json)
    }
}
