// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry
import Replication

/// `/api/v1/homes`: in which regions the immutable tags of repositories are created.
extension Responder {
    /// `?repositories=PATTERN`, `n` and `last`.
    func listHomes(_ exchange: Exchange) async throws -> Answer {
        let limit = max(1, try exchange.pageLength() ?? 100)
        let text = exchange.query["repositories"] ?? "**"
        let pattern = try Self.pattern(text)
        let last = exchange.query["last"] ?? ""
        let page = try await regions?.homes.list(pattern, after: last, limit: limit + 1) ?? []
        var json = JSONWriter()
        json.object { json in
            json.key("homes")
            json.array { json in
                for home in page.prefix(limit) {
                    json.object { json in
                        json.members([("repository", home.repository.description)])
                        if let region = home.region, let log = home.log {
                            json.members([("region", region), ("log", log)])
                        }
                        json.integers([("epoch", home.epoch)])
                        json.key("here")
                        json.bool(home.isHere)
                    }
                }
            }
        }
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        if page.count > limit {
            let next = PercentEncoding.encode(page[limit - 1].repository.description)
            let filter = PercentEncoding.encode(text)
            headers[Header.link] = "</api/v1/homes?n=\(limit)&last=\(next)&repositories=\(filter)>; rel=\"next\""
        }
        return Answer(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: json.bytes)))
    }

    /// The body is `{"repositories":PATTERN,"region":NAME or null for this one,"takeover":BOOL}`.
    func setHomes(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        let document = try await Self.order(exchange, &body, ["repositories", "region", "takeover"])
        guard let text = document["repositories"]?.text else {
            throw RequestError.badQuery("'repositories' is a name or a pattern of names")
        }
        guard let homes = regions?.homes else { throw RequestError.badQuery("no other region is followed here") }
        let region = try document.optionalText("region")
        let report = try await homes.set(
            Self.pattern(text),
            to: region,
            isTakeover: document.optionalFlag("takeover") ?? false,
            context: exchange.caller.context
        )
        guard let report else {
            let name = ParsingError.quotable(region ?? "")
            throw RegistryError.notInLog("no region that is followed here is called '\(name)'; --here is this one")
        }
        var json = JSONWriter()
        json.object { json in
            json.integers([("changed", Int64(report.changed)), ("unchanged", Int64(report.unchanged))])
            json.key("refused")
            json.array { json in
                for (repository, reason) in report.refused {
                    json.object { $0.members([("repository", repository.description), ("reason", reason)]) }
                }
            }
        }
        return Self.json(.ok, json)
    }

    private static func pattern(_ text: String) throws -> Glob {
        do { return try Glob(parsing: text) } catch {
            throw RequestError.badQuery("'\(ParsingError.quotable(text))' is no pattern of repositories: \(error)")
        }
    }
}
