// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import Journal
import NIOCore
import OCI
import Observability
import Registry
import Replication
import Transparency

/// `/log/…`: checkpoints, tiles and entries as C2SP tlog-tiles has them; and what the log says of a tag or digest.
extension Responder {
    func log(
        _ exchange: Exchange,
        _ resource: Route.LogResource,
        body: inout IncomingBody
    ) async throws -> Answer {
        guard let journal = registry.journal else { throw RegistryError.notInLog("this registry keeps no log") }
        if case .witness = resource { return try await cosign(exchange, body: &body) }
        try exchange.require([.get, .head])
        switch resource {
        case .checkpoint:
            if let size = try exchange.number("after") { _ = await journal.waitForCheckpoint(over: size) }
            guard let published = journal.published else {
                throw RegistryError.notInLog("nothing has been written to the log yet")
            }
            return Self.text(published.note)
        case .keys:
            return Self.text(Array(journal.keys.map { $0 + "\n" }.joined().utf8))
        case .mirror(let resource): return try await mirrored(exchange, resource)
        case .regionKey:
            guard let mirrors = regions?.mirrors else {
                throw RegistryError.notInLog("this registry follows no other region")
            }
            return Self.text(Array("\(mirrors.key)\n".utf8))
        case .witnessKey:
            guard let witness = registry.witness else {
                throw RegistryError.notInLog("this registry cosigns no other log")
            }
            return Self.text(Array("\(witness.key)\n".utf8))
        case .tile(let path), .entries(let path):
            guard let tile = try? TilePath(parsing: path) else {
                throw RegistryError.notInLog("'\(path.prefix(80))' is not the path of a tile")
            }
            var answer = Self.tile(try await journal.tile(tile), exchange)
            if tile.content == .entries { answer.headers[Header.traces] = journal.traceText(of: tile) }
            return answer
        case .witness: throw RegistryError.notInLog("nothing is there")
        }
    }

    /// `POST /log/witness/add-checkpoint` (C2SP tlog-witness): a cosignature, where the checkpoint goes on from the
    /// last.
    private func cosign(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.post])
        guard let witness = registry.witness else {
            throw RegistryError.notInLog("this registry cosigns no other log")
        }
        let bytes = try await body.collect(limit: TransparencyLimits.requestBytesLimit)
        let (status, text): (HTTPResponse.Status, String) =
            switch try await witness.answer(Array(bytes.readableBytesView)) {
            case .cosigned(let lines): (.ok, lines)
            case .malformed(let reason): (.badRequest, "\(reason)\n")
            case .notSigned(let reason): (.forbidden, "\(reason)\n")
            case .unknownLog: (.notFound, "the log is not cosigned here\n")
            case .conflict(let size): (.conflict, "\(size)\n")
            case .notConsistent(let reason): (.unprocessableContent, "\(reason)\n")
            }
        var answer = Self.text(Array(text.utf8))
        answer.status = status
        if status == .conflict { answer.headers[.contentType] = "text/x.tlog.size" }
        return answer
    }

    /// A text that changes with the log.
    static func text(_ bytes: [UInt8]) -> Answer {
        Answer(
            .ok,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-cache"],
            body: .bytes(ByteBuffer(bytes: bytes))
        )
    }

    /// `GET /v2/<name>/_cairn/proof/<tag or digest>`: a `.tlog-proof` whose `extra` is the entry.
    func proof(_ exchange: Exchange, _ name: RepositoryName, _ reference: Reference) async throws -> Answer {
        try exchange.require([.get, .head])
        return Self.text(try await registry.proof(of: reference, in: name))
    }

    /// `GET /v2/<name>/_cairn/history/<tag>`: what a tag was, newest first; `n` and `before` page.
    func history(_ exchange: Exchange, _ name: RepositoryName, _ tag: Tag) async throws -> Answer {
        try exchange.require([.get, .head])
        let limit = max(1, try exchange.pageLength() ?? 100)
        let before = try exchange.number("before").map(String.init)
        let items = try await registry.history(of: tag, in: name, before: before, limit: limit + 1)
        var json = JSONWriter()
        json.object { json in
            json.key("name")
            json.string(name.description)
            json.key("tag")
            json.string(tag.description)
            json.key("history")
            json.array { json in
                for item in items.prefix(limit) { Self.write(item, to: &json) }
            }
        }
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-cache"]
        if items.count > limit {
            let next = "/v2/\(name)/_cairn/history/\(tag)?n=\(limit)&before=\(items[limit - 1].event)"
            headers[Header.link] = "<\(next)>; rel=\"next\""
        }
        return Answer(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: json.bytes)))
    }

    private static func write(_ item: TagHistoryItem, to json: inout JSONWriter) {
        json.object { json in
            json.key("kind")
            json.string(item.kind)
            if let index = item.index {
                json.key("index")
                json.integer(index)
            }
            json.key("event")
            json.string(item.event)
            json.key("time")
            json.string(
                Timestamp(seconds: item.milliseconds / 1_000, milliseconds: Int(item.milliseconds % 1_000)).description
            )
            let texts = [
                ("digest", item.digest), ("former", item.former), ("why", item.reason), ("actor", item.principal),
                ("request", item.request),
            ]
            for (key, text) in texts {
                guard let text else { continue }
                json.key(key)
                json.string(text)
            }
        }
    }

    /// `Prefer: wait=checkpoint` (RFC 7240): the answer waits until a signed checkpoint covers the change, and names
    /// the index of its entry. `wait=replicated` waits until another region has said, by its cosignature, that it has
    /// the change and all its bytes.
    ///
    /// - Throws: `RegistryError.notReplicated` where none has said so in time. The change is made all the same.
    func addLogIndex(of event: String, to answer: inout Answer, _ exchange: Exchange) async throws {
        let isReplicated = mustBeReplicated(exchange)
        guard isReplicated || exchange.prefers("wait=checkpoint") else { return }
        let index = try await registry.waitForCheckpoint(ofEvent: event)
        if let index { answer.headers[Header.logIndex] = String(index) }
        guard isReplicated else {
            if index != nil { answer.headers[Header.preferenceApplied] = "wait=checkpoint" }
            return
        }
        var names: [String] = []
        if let index, let confirmations = regions?.confirmations {
            names = await confirmations.wait(for: index) {
                try await Task.sleep(for: ReplicationLimits.confirmationWait)
            }
        }
        guard !names.isEmpty else {
            throw RegistryError.notReplicated(
                "it is stored here, and no other region has confirmed it yet; the same request again waits on"
            )
        }
        answer.headers[Header.preferenceApplied] = "wait=replicated"
        answer.headers[Header.regions] = names.joined(separator: ", ")
    }

    /// Whether the answer waits for another region: the client asks for it, or the repository is one of those.
    func mustBeReplicated(_ exchange: Exchange) -> Bool {
        if exchange.prefers("wait=replicated") { return true }
        guard let name = exchange.route.repository else { return false }
        return regions?.confirmations.isAwaited(in: name) == true
    }

    /// Refuses a request that wants to wait for another region where none could say that it has anything.
    func requireConfirmer(_ exchange: Exchange) throws {
        guard mustBeReplicated(exchange), regions?.confirmations.canBeAwaited != true else { return }
        throw RequestError.badQuery(
            "waiting for another region, which the request or 'wait-replicated' wants, takes one with a 'cosigner-key'"
        )
    }
}

extension Journal {
    /// The traces of a bundle's entries, for whoever goes on with them; nil where none of them is kept.
    fileprivate func traceText(of bundle: TilePath) -> String? {
        let first = bundle.index * Int64(TilePath.fullWidth)
        let texts = traces.contexts(of: first..<first + Int64(bundle.width)).compactMap { index, context in
            context.trace.map { "\(index)=\($0.traceparent)" }
        }
        return texts.isEmpty ? nil : texts.suffix(HTTPLimits.tracesPerBundle).joined(separator: ",")
    }
}

extension Responder.Exchange {
    /// Whether a `Prefer` field asks for this.
    func prefers(_ preference: String) -> Bool {
        headers[values: Header.prefer].contains { value in
            value.split(separator: ",").contains { part in
                part.filter { $0 != " " && $0 != "\t" && $0 != "\"" } == preference
            }
        }
    }
}
