// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Content
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Registry

/// end-2 and end-10: blobs by digest.
extension Responder {
    func blob(_ exchange: Exchange, _ name: RepositoryName, _ digest: Digest) async throws -> Answer {
        try exchange.require([.get, .head, .delete])
        if exchange.request.method == .delete {
            try await registry.deleteBlob(digest, in: name, caller: exchange.caller)
            return Answer(.accepted)
        }
        try await registry.admitBlob(digest, in: name, caller: exchange.caller)
        let text = digest.description
        let entityTag = "\"\(text)\""
        var headers: HTTPFields = [
            .contentType: "application/octet-stream",
            Header.contentDigest: text,
            .eTag: entityTag,
            .acceptRanges: "bytes",
            .cacheControl: CacheControl.of(.digest(digest), for: exchange.identity),
            Header.securityPolicy: "sandbox; default-src 'none'",
        ]
        if exchange.isHead {
            let size =
                exchange.mayReadThrough
                ? try await registry.readSize(of: digest, in: name) : try await registry.statBlob(digest, in: name)
            if exchange.matches(entityTag) { return Answer(.notModified, headers: headers) }
            var answer = Answer(.ok, headers: headers, body: .blob(nil, 0..<size))
            answer.digest = text
            return answer
        }
        let (size, body) = try await span(of: digest, exchange, name)
        if exchange.matches(entityTag) { return Answer(.notModified, headers: headers) }
        let condition = exchange.headers[.ifRange]
        let header = condition == nil || condition == entityTag ? exchange.headers[.range] : nil
        var answer: Answer
        switch ByteRange(header: header, length: size) {
        case .whole:
            answer = Answer(.ok, headers: headers, body: body(0..<size))
        case .partial(let range):
            headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
            answer = Answer(.partialContent, headers: headers, body: body(range))
        case .unsatisfiable:
            answer =
                ErrorAnswer(
                    .rangeNotSatisfiable,
                    .rangeInvalid,
                    "the range lies outside the blob",
                    detail: [("size", .number(size))]
                ).answer
            answer.headers[.contentRange] = "bytes */\(size)"
        }
        answer.digest = text
        return answer
    }

    /// How large a blob is, and what sends a span of it: from the disk, or as it is fetched from another registry.
    ///
    /// A HEAD never fetches. It says of a blob that is elsewhere that it is not here, so that a push sends it; but not
    /// in a mirror, which takes no pushes.
    private func span(
        of digest: Digest,
        _ exchange: Exchange,
        _ name: RepositoryName
    ) async throws -> (Int64, (Range<Int64>) -> Answer.Body) {
        guard exchange.mayReadThrough else {
            let file = try await registry.openBlob(digest, in: name)
            return (file.size, { .blob(file, $0) })
        }
        let reading = try await registry.readBlob(digest, in: name) { blob in
            // For a client that has gone nothing is fetched: a reset tells, or else the next write does, or the fetch
            // ends for want of bytes.
            exchange.channel.closeFuture.whenComplete { [weak blob] _ in blob?.abandon() }
        }
        switch reading {
        case .here(let file): return (file.size, { .blob(file, $0) })
        case .arriving(let blob): return (blob.size, { .arriving(blob, $0) })
        }
    }
}

/// What caches may do with an answer (RFC 9111). Content by digest never changes.
enum CacheControl {
    /// Content by digest never changes; but what one caller was allowed to have is not for caches that others share.
    static func of(_ reference: Reference, for identity: Identity?) -> String {
        switch reference {
        case .digest: identity == nil ? "public, max-age=31536000, immutable" : "private, max-age=31536000, immutable"
        // By tag: to be asked for again each time, cheaply, with its entity tag.
        case .tag: "no-cache"
        }
    }
}

extension Responder.Exchange {
    /// Whether what is not here may be fetched for the caller: not for a registry that fetches from this one, which
    /// says so (RFC 9111, section 5.2.1.7), or two of them would ask each other without end.
    var mayReadThrough: Bool {
        !caller.isReplica && headers[.cacheControl]?.lowercased().contains("only-if-cached") != true
    }

    /// Whether `If-None-Match` lists this entity tag, so that 304 answers the request (RFC 9110, section 13.1.2).
    func matches(_ entityTag: String) -> Bool {
        guard let condition = headers[.ifNoneMatch] else { return false }
        return condition.split(separator: ",").contains { item in
            var tag = item.drop { $0 == " " }
            while tag.last == " " { tag = tag.dropLast() }
            if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
            return tag == "*" || tag == entityTag[...]
        }
    }
}
