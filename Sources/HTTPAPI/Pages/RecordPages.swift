// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Journal
import OCI
import Registry
import Transparency
import WebUI

/// What was changed and refused, and the log.
extension Responder {
    func auditPage(_ exchange: Exchange) async throws -> Answer {
        let query = try exchange.pageQuery()
        let found = try await registry.auditPage(query)
        let rows = found.elements.map { record in
            AuditPage.Row(
                time: moment(record.at),
                kind: record.kind,
                who: record.principal,
                method: record.method,
                address: record.address,
                place: record.repository.map { LinkedText($0.description, href: PageAddress.repository($0)) },
                subject: record.subject.map(Self.cut),
                request: Self.cut(record.request)
            )
        }
        let page = AuditPage(
            principal: query.principal ?? "",
            repository: query.repository?.description ?? "",
            rows: rows,
            pager: Self.pager("/ui/audit", query, last: found.hasMore ? found.elements.last?.id : nil)
        )
        return html(page, exchange)
    }

    func denialsPage(_ exchange: Exchange) async throws -> Answer {
        let query = try exchange.pageQuery()
        let found = try await registry.denialPage(query)
        let rows = found.elements.map { record in
            DenialsPage.Row(
                time: moment(record.at),
                action: record.action,
                who: record.principal,
                method: record.method,
                address: record.address,
                place: record.repository?.description,
                subject: record.subject.map(Self.cut),
                reason: Self.cut(record.rule.map { "\(record.reason) (\($0))" } ?? record.reason),
                count: Self.count(record.count)
            )
        }
        let page = DenialsPage(
            principal: query.principal ?? "",
            repository: query.repository?.description ?? "",
            rows: rows,
            pager: Self.pager("/ui/denials", query, last: found.hasMore ? found.elements.last?.id : nil)
        )
        return html(page, exchange)
    }

    private static func pager(_ path: String, _ query: AuditQuery, last: Int64?) -> Pager {
        let filters = [("principal", query.principal), ("repository", query.repository?.description)]
        return Pager(
            what: "records",
            first: query.order == .before(nil) ? nil : PageAddress.with(filters, path),
            next: last.map { PageAddress.with(filters + [("before", String($0))], path) }
        )
    }

    /// The checkpoint is for everyone, as its file is; entries are for who may read them there.
    func logPage(_ exchange: Exchange) async throws -> Answer {
        guard let journal = registry.journal else { throw RegistryError.notInLog("this registry keeps no log") }
        let published = journal.published
        let size = published?.checkpoint.size ?? 0
        var (entries, next): ([LogPage.Row]?, Int64?) = (nil, nil)
        let before = try exchange.number("before")
        let end = min(before ?? size, size)
        if [.audit, .replicate].contains(where: { exchange.identity?.allows($0, nil) ?? true }) {
            let lines = try await registry.logLines(before: end, limit: HTTPLimits.pageRows)
            entries = lines.map { line in
                LogPage.Row(
                    index: String(line.index),
                    time: moment(line.milliseconds / 1_000),
                    kind: line.kind,
                    place: line.repository,
                    subject: line.subject.map(Self.cut),
                    leaf: Self.cut(String(decoding: line.leaf, as: UTF8.self))
                )
            }
            next = lines.last.flatMap { $0.index > 0 ? $0.index : nil }
        }
        var facts = [Fact("Origin", journal.origin), Fact("Entries", Self.count(size))]
        if let scrub = journal.lastScrub {
            facts.append(Fact("Last checked here", moment(scrub.finishedAt)))
            facts.append(Fact("Problems found then", Self.count(scrub.report.problemCount)))
        }
        let page = LogPage(
            facts: facts,
            checkpoint: published.map { String(decoding: $0.note, as: UTF8.self) },
            keys: journal.keys.joined(separator: "\n"),
            entries: entries,
            pager: Pager(
                what: "entries",
                first: before == nil || entries == nil ? nil : "/ui/log#entries",
                next: next.map { "/ui/log?before=\($0)#entries" }
            )
        )
        return html(page, exchange)
    }
}

extension Responder.Exchange {
    /// The part of the record that a page shows. Fields of a form that are empty narrow nothing.
    fileprivate func pageQuery() throws(RequestError) -> AuditQuery {
        var result = AuditQuery(order: .before(try number("before")), limit: HTTPLimits.pageRows)
        if let principal = query["principal"], !principal.isEmpty { result.principal = principal }
        if let text = query["repository"], !text.isEmpty { result.repository = try repositoryName(text) }
        return result
    }
}
