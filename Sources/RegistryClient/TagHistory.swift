// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// What a tag was, newest first, as a registry tells it. Nothing of it is proven here: `LogCheck` proves the present.
package struct TagHistory: Hashable, Sendable {
    package struct Item: Hashable, Sendable {
        /// What was done, such as `tag.set`.
        package let kind: String
        /// A time, as the registry writes it.
        package let time: String
        /// What the tag stood for from then on; nil where it was removed.
        package let digest: String?
        package let actor: String?
        package let reason: String?
        /// The entry of the log; nil where there is none yet.
        package let index: Int64?
        fileprivate let document: JSONValue
    }

    package let name: RepositoryName
    package let tag: Tag
    package private(set) var items: [Item] = []
    /// Whether there is more than was asked for.
    package private(set) var hasMore = false

    /// Lines of a table for people.
    package var lines: [String] {
        let rows =
            [["TIME", "CHANGE", "ENTRY", "BY", "DIGEST"]]
            + items.map { item in
                let digest = [item.digest, item.reason.map { "(\($0))" }].compactMap(\.self).joined(separator: " ")
                return [item.time, item.kind, item.index.map(String.init) ?? "-", item.actor ?? "-", digest]
                    .map(ShownText.line)
            }
        let lines = TextTable.lines(rows)
        return hasMore ? lines + ["there is more: see --limit"] : lines
    }

    /// The same as a JSON object; its items are as the registry gave them.
    package var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("name", name.description)
            writer.field("tag", tag.description)
            writer.key("history")
            writer.array { writer in
                for item in items { writer.value(item.document) }
            }
            writer.key("more")
            writer.bool(hasMore)
        }
        return writer.text
    }

    fileprivate init(_ name: RepositoryName, _ tag: Tag) {
        self.name = name
        self.tag = tag
    }

    /// Adds a page; false where there is enough.
    fileprivate mutating func add(_ body: [UInt8], limit: Int, hasNext: Bool) throws(ClientError) -> Bool {
        guard let elements = (try? JSONValue(parsing: body))?["history"]?.elements else {
            throw ClientError(.network, "the registry tells the history of \(name):\(tag) by what is none")
        }
        for element in elements {
            guard items.count < limit else {
                hasMore = true
                return false
            }
            guard let item = Item(element) else {
                throw ClientError(.network, "an entry of the history of \(name):\(tag) lacks its kind or time")
            }
            items.append(item)
        }
        hasMore = hasNext
        return hasNext && items.count < limit
    }
}

extension TagHistory.Item {
    fileprivate init?(_ value: JSONValue) {
        guard let kind = value["kind"]?.text, let time = value["time"]?.text else { return nil }
        let index: Int64? = if case .integer(let number)? = value["index"] { number } else { nil }
        self.init(
            kind: kind,
            time: time,
            digest: value["digest"]?.text,
            actor: value["actor"]?.text,
            reason: value["why"]?.text,
            index: index,
            document: value
        )
    }
}

extension RemoteRepository {
    /// The newest values of a tag.
    ///
    /// - Parameters:
    ///   - tag: Which may be gone by now.
    ///   - limit: Values, 1 to `ClientLimits.historyItems`.
    /// - Returns: They and whether there are more; fewer where the registry's pages do not end.
    /// - Throws: `.usage` for another limit, `.notFound` where the registry knows no such tag or keeps no history.
    package func history(of tag: Tag, limit: Int) async throws(ClientError) -> TagHistory {
        guard (1...ClientLimits.historyItems).contains(limit) else {
            throw ClientError(.usage, "a history has 1 to \(ClientLimits.historyItems) values")
        }
        var history = TagHistory(name, tag)
        var next: String? = target("_cairn/history/\(tag)?n=\(min(limit, 100))")
        for _ in 0..<ClientLimits.historyPages {
            guard let target = next else { break }
            let call = Call(target: target, purpose: "asking for the history of \(name):\(tag)")
            let (answer, body) = try await fetch(call, limit: ClientLimits.documentBytes)
            next = try answer.nextPage()
            guard try history.add(body, limit: limit, hasNext: next != nil) else { break }
        }
        return history
    }
}
