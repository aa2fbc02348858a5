// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
package import OCI

/// Which part of the audit record to read.
package struct AuditQuery: Sendable {
    /// Which end it is read from.
    package enum Order: Sendable, Hashable {
        /// Ascending, after this id; 0 is before the first.
        case after(Int64)
        /// Descending, before this id; nil begins with the newest.
        case before(Int64?)
    }

    package var order: Order
    /// Rows of a page.
    package var limit: Int
    package var principal: String?
    package var repository: RepositoryName?

    package init(order: Order, limit: Int, principal: String? = nil, repository: RepositoryName? = nil) {
        self.order = order
        self.limit = limit
        self.principal = principal
        self.repository = repository
    }

    fileprivate var pageOrder: PageOrder {
        switch order {
        case .after(let id): .after(id)
        case .before(let id): .before(id)
        }
    }
}

/// A change: who made it, how he was authenticated, from where, by which request.
package struct AuditRecord: Sendable, Hashable {
    package let id: Int64
    /// Seconds since 1970.
    package let at: Int64
    /// The id of the change's event, as its answer named it; nil where it has none.
    package let event: String?
    package let kind: String
    package let principal: String
    package let method: String
    package let address: String?
    package let request: String
    package let repository: RepositoryName?
    /// The tag, digest or name that changed.
    package let subject: String?
    package let digest: String?
}

/// Denials that were alike within a second.
package struct DenialRecord: Sendable, Hashable {
    package let id: Int64
    /// Seconds since 1970.
    package let at: Int64
    package let principal: String
    package let method: String
    package let address: String?
    /// The id of the first of the requests.
    package let request: String
    package let action: String
    package let repository: RepositoryName?
    package let subject: String?
    /// The rule that denied it; nil where none allowed it.
    package let rule: String?
    package let reason: String
    package let count: Int64
}

extension Registry {
    /// A page of the changes that were made.
    package func auditPage(_ query: AuditQuery) async throws -> Page<AuditRecord> {
        try await translating {
            let rows = try await catalog.audit(
                query.pageOrder,
                limit: query.limit + 1,
                principal: query.principal,
                repository: query.repository
            )
            return Page(elements: rows.prefix(query.limit).map(AuditRecord.init), hasMore: rows.count > query.limit)
        }
    }

    /// A page of the requests that were denied. Rows are there a second after the denial, and the oldest are dropped.
    package func denialPage(_ query: AuditQuery) async throws -> Page<DenialRecord> {
        try await translating {
            let rows = try await catalog.denials(
                query.pageOrder,
                limit: query.limit + 1,
                principal: query.principal,
                repository: query.repository
            )
            return Page(elements: rows.prefix(query.limit).map(DenialRecord.init), hasMore: rows.count > query.limit)
        }
    }
}

extension AuditRecord {
    fileprivate init(_ row: AuditRow) {
        self.init(
            id: row.id,
            at: row.at,
            event: row.event?.description,
            kind: row.kind,
            principal: row.principal,
            method: row.method,
            address: row.address,
            request: row.request,
            repository: row.repository,
            subject: row.subject,
            digest: row.digest
        )
    }
}

extension DenialRecord {
    fileprivate init(_ row: DenialRow) {
        self.init(
            id: row.id,
            at: row.at,
            principal: row.principal,
            method: row.method,
            address: row.address,
            request: row.request,
            action: row.action,
            repository: row.repository,
            subject: row.subject,
            rule: row.rule,
            reason: row.reason,
            count: row.count
        )
    }
}
