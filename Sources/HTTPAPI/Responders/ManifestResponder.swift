// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Registry
import Tracing

/// end-3, end-7 and end-9: manifests by tag and by digest.
extension Responder {
    func manifest(
        _ exchange: Exchange,
        _ name: RepositoryName,
        _ reference: Reference,
        body: inout IncomingBody
    ) async throws -> Answer {
        try exchange.require([.get, .head, .put, .delete])
        switch exchange.request.method {
        case .put: return try await putManifest(exchange, name, reference, body: &body)
        case .delete:
            let event = try await registry.deleteManifest(
                reference,
                in: name,
                condition: try exchange.precondition(),
                caller: exchange.caller
            )
            var answer = Answer(.accepted, headers: [Header.event: event])
            try await addLogIndex(of: event, to: &answer, exchange)
            return answer
        default: return try await getManifest(exchange, name, reference)
        }
    }

    private func getManifest(
        _ exchange: Exchange,
        _ name: RepositoryName,
        _ reference: Reference
    ) async throws -> Answer {
        let (manifest, staleness) = try await found(exchange, name, reference)
        var warnings: [String] = []
        if exchange.isHead {
            // It says what is there and gives nothing of it: who is to sign an image asks by it.
            try await registry.refuseQuarantined(manifest.digest)
        } else {
            warnings = try await registry.admit(manifest.digest, as: reference, in: name, caller: exchange.caller)
        }
        var headers: HTTPFields = [
            .contentType: manifest.mediaType.description,
            Header.contentDigest: manifest.digestText,
            .eTag: manifest.entityTag,
        ]
        headers[.cacheControl] = CacheControl.of(reference, for: exchange.identity)
        headers[Header.warning] = WarningHeader.text(warnings, staleness: staleness)
        var answer =
            exchange.matches(manifest.entityTag)
            ? Answer(.notModified, headers: headers)
            : Answer(.ok, headers: headers, body: .bytes(manifest.bytes))
        answer.digest = manifest.digestText
        if reference.countsAsPull(isHead: exchange.isHead), !exchange.caller.isReplica, !isCanary(name) {
            registry.notePull(of: manifest, in: name)
        }
        return answer
    }

    /// What is here, or in registries elsewhere.
    private func found(
        _ exchange: Exchange,
        _ name: RepositoryName,
        _ reference: Reference
    ) async throws -> (ServedManifest, staleness: String?) {
        guard exchange.mayReadThrough else { return (try await registry.manifest(reference, in: name), nil) }
        if let found = try await registry.mirroredManifest(reference, in: name, caller: exchange.caller) {
            return (found.manifest, found.staleness)
        }
        return (try await registry.readManifest(reference, in: name), nil)
    }

    private func putManifest(
        _ exchange: Exchange,
        _ name: RepositoryName,
        _ reference: Reference,
        body: inout IncomingBody
    ) async throws -> Answer {
        try requireConfirmer(exchange)
        var contentType: MediaType?
        if let text = exchange.headers[.contentType] {
            do {
                contentType = try MediaType(contentType: text)
            } catch {
                throw RequestError.unsupportedMediaType(error.value)
            }
        }
        let tags = try exchange.pushedTags(reference)
        let condition = try exchange.precondition()
        let span = ServiceContext.current.map { startSpan("body.receive", context: $0) }
        defer { span?.end() }
        let bytes = try await body.collect(limit: OCILimits.manifestBytesLimit)
        span?.end()
        var push = ManifestPush(
            reference: reference,
            contentType: contentType,
            bytes: Array(bytes.readableBytesView)
        )
        push.tags = tags
        push.condition = condition
        let stored: StoredPush
        switch try await store(push, in: name, exchange) {
        case .stored(let push): stored = push
        case .refused(let answer): return answer
        }
        var headers: HTTPFields = [
            .location: "/v2/\(name)/manifests/\(stored.digest)",
            Header.contentDigest: stored.digest.description,
            .eTag: "\"\(stored.digest)\"",
            Header.event: stored.event,
        ]
        if let subject = stored.subject { headers[Header.subject] = subject.description }
        if !tags.isEmpty { headers[Header.tag] = tags.map(\.description).joined(separator: ", ") }
        var answer = Answer(.created, headers: headers)
        answer.digest = stored.digest.description
        try await addLogIndex(of: stored.event, to: &answer, exchange)
        return answer
    }
}

extension Responder.Exchange {
    /// The tags of `?tag=`, which only a push by digest may carry (end-7b).
    fileprivate func pushedTags(_ reference: Reference) throws -> [Tag] {
        let texts = query.all("tag")
        guard !texts.isEmpty else { return [] }
        guard case .digest = reference else {
            throw RequestError.badQuery("?tag= goes with a push by digest")
        }
        guard texts.count <= HTTPLimits.tagsPerPush else {
            throw RequestError.tooManyTagsInPush(limit: HTTPLimits.tagsPerPush)
        }
        var tags: [Tag] = []
        for text in texts {
            do {
                let tag = try Tag(parsing: text)
                if !tags.contains(tag) { tags.append(tag) }
            } catch {
                throw RequestError.badTag(error)
            }
        }
        return tags
    }

    /// `If-Match` and `If-None-Match` of a change: compare-and-swap of a tag.
    fileprivate func precondition() throws -> TagCondition {
        if let text = headers[.ifNoneMatch] {
            guard text == "*" else {
                throw RequestError.badHeader(name: "If-None-Match", reason: "a change takes only '*': set it if absent")
            }
            return .absent
        }
        guard let text = headers[.ifMatch] else { return .none }
        if text == "*" { return .exists }
        guard text.count > 2, text.hasPrefix("\""), text.hasSuffix("\""),
            let digest = Digest(String(text.dropFirst().dropLast()))
        else {
            throw RequestError.badHeader(
                name: "If-Match",
                reason: "a change takes '*' or one quoted digest, as an ETag of this registry has it"
            )
        }
        return .matches(digest)
    }
}
