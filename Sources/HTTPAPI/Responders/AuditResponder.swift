// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import NIOCore
import OCI
import Registry

/// `GET /api/v1/audit` and `GET /api/v1/denials`, for those who may `audit`.
///
/// Both page by id: `?after=ID` goes forward from there, else the newest come first and `?before=ID` goes on. `n`,
/// `principal` and `repository` narrow the page. `Link` names the next page.
extension Responder {
    func audit(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        let query = try exchange.auditQuery()
        let found = try await registry.auditPage(query)
        let records = found.elements.map { (id: $0.id, object: Self.object(of: $0)) }
        return page("audit", records, hasMore: found.hasMore, query)
    }

    func denials(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        let query = try exchange.auditQuery()
        let found = try await registry.denialPage(query)
        let records = found.elements.map { (id: $0.id, object: Self.object(of: $0)) }
        return page("denials", records, hasMore: found.hasMore, query)
    }

    private static func object(of record: AuditRecord) -> [(String, Field)] {
        [
            ("id", .number(record.id)), ("at", .number(record.at)), ("event", .text(record.event)),
            ("kind", .text(record.kind)), ("principal", .text(record.principal)), ("method", .text(record.method)),
            ("address", .text(record.address)), ("request", .text(record.request)),
            ("repository", .text(record.repository?.description)), ("subject", .text(record.subject)),
            ("digest", .text(record.digest)),
        ]
    }

    private static func object(of record: DenialRecord) -> [(String, Field)] {
        [
            ("id", .number(record.id)), ("at", .number(record.at)), ("principal", .text(record.principal)),
            ("method", .text(record.method)), ("address", .text(record.address)), ("request", .text(record.request)),
            ("action", .text(record.action)), ("repository", .text(record.repository?.description)),
            ("subject", .text(record.subject)), ("rule", .text(record.rule)), ("reason", .text(record.reason)),
            ("count", .number(record.count)),
        ]
    }

    private enum Field {
        case number(Int64)
        case text(String?)
    }

    private func page(
        _ name: String,
        _ records: [(id: Int64, object: [(String, Field)])],
        hasMore: Bool,
        _ query: AuditQuery
    ) -> Answer {
        var json = JSONWriter()
        json.object { json in
            json.key(name)
            json.array { json in
                for record in records {
                    json.object { json in
                        for (key, field) in record.object {
                            switch field {
                            case .number(let number):
                                json.key(key)
                                json.integer(number)
                            case .text(let text?):
                                json.key(key)
                                json.string(text)
                            case .text(nil): continue
                            }
                        }
                    }
                }
            }
        }
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        if hasMore, let last = records.last?.id {
            let direction = if case .after = query.order { "after" } else { "before" }
            var next = "/api/v1/\(name)?n=\(query.limit)&\(direction)=\(last)"
            if let principal = query.principal { next += "&principal=\(PercentEncoding.encode(principal))" }
            if let repository = query.repository { next += "&repository=\(repository)" }
            headers[Header.link] = "<\(next)>; rel=\"next\""
        }
        return Answer(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: json.bytes)))
    }
}

extension Responder.Exchange {
    fileprivate func auditQuery() throws(RequestError) -> AuditQuery {
        var order = AuditQuery.Order.before(nil)
        if let id = try number("after") {
            order = .after(id)
        } else if let id = try number("before") {
            order = .before(id)
        }
        var result = AuditQuery(order: order, limit: max(1, try pageLength() ?? 100))
        result.principal = query["principal"]
        if let text = query["repository"] {
            do {
                result.repository = try RepositoryName(parsing: text)
            } catch {
                throw .badName(error)
            }
        }
        return result
    }
}
