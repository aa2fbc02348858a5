// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Observability
import Registry
import Trust

/// `/api/v1/pins`: what is kept, whatever the rules say.
///
/// `POST` with `{"repository","tag" or "digest","kind","reason","until"}` sets one, `DELETE` with the same in its query
/// removes it, `GET` lists them by id. `kind` is `pin` (the default) or `lock`, which take the right `retain`, or
/// `hold`, which takes `admin`.
extension Responder {
    func pins(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.get, .head, .post, .delete])
        switch exchange.request.method {
        case .post: return try await setPin(exchange, body: &body)
        case .delete: return try await removePin(exchange)
        default: return try await listPins(exchange)
        }
    }

    private func setPin(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        let members = ["repository", "tag", "digest", "kind", "reason", "until"]
        let document = try await Self.order(exchange, &body, members)
        let repository = try exchange.repositoryName(document.optionalText("repository"))
        let subject = try exchange.pinned(tag: document.optionalText("tag"), digest: document.optionalText("digest"))
        let kind = try Self.kind(document.optionalText("kind"))
        try requirePinning(kind, subject, in: repository, exchange)
        var until: Int64?
        switch document["until"] {
        case nil, .null: break
        case .string(let text):
            do {
                until = try RFC3339.seconds(text)
            } catch {
                throw RequestError.badQuery("until: \(error.reason)")
            }
        default: throw RequestError.badQuery("until is a time of RFC 3339 like 2026-01-31T12:00:00Z")
        }
        let request = try PinRequest(
            kind: kind,
            repository: repository,
            subject: subject,
            until: until,
            reason: document.optionalText("reason") ?? ""
        )
        let (event, isTrashed) = try await registry.pin(request, caller: exchange.caller)
        var answer = Answer(.noContent, headers: [Header.event: event])
        answer.headers[Header.warning] = WarningHeader.text(isTrashed ? [Self.trashWarning] : [])
        try await addLogIndex(of: event, to: &answer, exchange)
        return answer
    }

    private func removePin(_ exchange: Exchange) async throws -> Answer {
        let query = exchange.query
        let repository = try exchange.repositoryName(query["repository"])
        let subject = try exchange.pinned(tag: query["tag"], digest: query["digest"])
        let kind = try Self.kind(query["kind"])
        try requirePinning(kind, subject, in: repository, exchange)
        let event = try await registry.unpin(kind, subject, in: repository, caller: exchange.caller)
        guard let event else { throw RegistryError.notInLog("there is no \(kind.rawValue) on \(subject)") }
        var answer = Answer(.noContent, headers: [Header.event: event])
        try await addLogIndex(of: event, to: &answer, exchange)
        return answer
    }

    private func requirePinning(
        _ kind: PinNote.Kind,
        _ subject: Reference,
        in repository: RepositoryName,
        _ exchange: Exchange
    ) throws {
        let tags: [Tag] = if case .tag(let tag) = subject { [tag] } else { [] }
        try require([kind == .hold ? .admin : .retain], in: repository, tags: tags, exchange)
    }

    private static func kind(_ text: String?) throws(RequestError) -> PinNote.Kind {
        guard let text else { return .pin }
        guard let kind = PinNote.Kind(rawValue: text) else {
            let known = PinNote.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badQuery("kind is one of \(known), not '\(ParsingError.quotable(text))'")
        }
        return kind
    }

    private func listPins(_ exchange: Exchange) async throws -> Answer {
        let repository = try listedRepository(exchange)
        let limit = max(1, try exchange.pageLength() ?? 100)
        let page = try await registry.pins(in: repository, after: exchange.number("after") ?? 0, limit: limit)
        var json = JSONWriter()
        json.object { json in
            json.key("pins")
            json.array { json in
                for pin in page.elements { json.object { $0.members(Self.members(of: pin)) } }
            }
        }
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        if page.hasMore, let last = page.elements.last?.id {
            let filters = [("repository", repository?.description)]
            headers[Header.link] = Self.nextPage("/api/v1/pins", after: last, limit: limit, filters)
        }
        return Answer(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: json.bytes)))
    }

    private static func members(of pin: PinNote) -> [(String, String)] {
        var members = [("repository", pin.repository.description)]
        switch pin.subject {
        case .tag(let tag): members.append(("tag", tag.description))
        case .digest(let digest): members.append(("digest", digest.description))
        }
        members += [
            ("kind", pin.kind.rawValue), ("reason", pin.reason), ("actor", pin.actor),
            ("since", Timestamp(seconds: pin.since).description),
        ]
        if let until = pin.until { members.append(("until", Timestamp(seconds: until).description)) }
        return members
    }

    /// For what is asked about a deleted manifest.
    static let trashWarning = "the manifest is deleted and goes for good when its undo window ends: push or restore it"
}
