// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOHTTP1
package import OCI

/// Records of a registry as it lists them, page by page, and as they are shown.
package struct RecordList: Sendable {
    /// Objects, as the registry gave them.
    package let records: [JSONValue]
    /// Whether there is more than was asked for.
    package let hasMore: Bool
    fileprivate let name: String

    /// The same as a JSON object.
    package var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key(name)
            writer.array { writer in for record in records { writer.value(record) } }
            writer.key("more")
            writer.bool(hasMore)
        }
        return writer.text
    }

    /// Lines of a table for people: the columns by their titles and the members that they show.
    package func lines(_ columns: [(title: String, member: String)]) -> [String] {
        let rows =
            [columns.map(\.title)]
            + records.map { record in columns.map { ShownText.line(record[$0.member]?.text ?? "-") } }
        let lines = TextTable.lines(rows)
        return hasMore ? lines + ["there is more: see --limit"] : lines
    }
}

extension RemoteRegistry {
    /// Reads a list of `/api/v1`, whose pages hold an array of that name and go on by `Link`. Its path is the name
    /// unless it is given.
    ///
    /// - Throws: `.network` for what is no such list.
    func records(
        _ name: String,
        at path: String? = nil,
        _ filters: [(key: String, value: String?)],
        limit: Int,
        _ scope: TokenScope
    ) async throws(ClientError) -> RecordList {
        var target = "/api/v1/\(path ?? name)?n=\(min(limit, ClientLimits.recordsOfPage))"
        for case (let key, let value?) in filters { target += "&\(key)=\(WebAddress.encoded(value))" }
        var records: [JSONValue] = []
        for _ in 0..<ClientLimits.historyPages {
            let call = Call(target: target, purpose: "listing the \(name)")
            let (answer, body) = try await fetch(call, scope, limit: ClientLimits.documentBytes)
            guard let elements = (try? JSONValue(parsing: body, nodesLimit: ClientLimits.recordNodes))?[name]?.elements,
                elements.allSatisfy({ $0.members != nil })
            else { throw ClientError(.network, "\(origin) answers with what is no list of \(name)") }
            records += elements
            let next = try answer.nextPage()
            guard records.count <= limit, let next else {
                let hasMore = records.count > limit || next != nil
                return RecordList(records: Array(records.prefix(limit)), hasMore: hasMore, name: name)
            }
            target = next
        }
        return RecordList(records: records, hasMore: true, name: name)
    }
}
