// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import NIOCore
import OCI
import Registry

/// end-8, end-12 and the catalog: lists, paged by key.
extension Responder {
    func tags(_ exchange: Exchange, _ name: RepositoryName) async throws -> Answer {
        try exchange.require([.get, .head])
        if let count = try exchange.number("newest") { return try await newestTags(exchange, name, count) }
        let requested = try exchange.pageLength()
        var last: Tag?
        if let text = exchange.query["last"], !text.isEmpty {
            do {
                last = try Tag(parsing: text)
            } catch {
                throw RequestError.badTag(error)
            }
        }
        let page = try await registry.tags(in: name, after: last, limit: requested ?? HTTPLimits.page)
        return list(
            page.elements.map(\.description),
            hasMore: page.hasMore,
            requested: requested,
            path: "/v2/\(name)/tags/list"
        ) { json, tags in
            json.key("name")
            json.string(name.description)
            json.key("tags")
            json.array { json in for tag in tags { json.string(tag) } }
        }
    }

    /// `?newest=N`, which is not of the specification: the tags that were set last, the latest first, on one page.
    private func newestTags(_ exchange: Exchange, _ name: RepositoryName, _ count: Int64) async throws -> Answer {
        guard (1...Int64(HTTPLimits.page)).contains(count) else {
            throw RequestError.badQuery("newest is a number from 1 to \(HTTPLimits.page)")
        }
        let tags = try await registry.newestTags(in: name, limit: Int(count)).map(\.description)
        return list(tags, hasMore: false, requested: nil, path: "") { json, tags in
            json.key("name")
            json.string(name.description)
            json.key("tags")
            json.array { json in for tag in tags { json.string(tag) } }
        }
    }

    func catalog(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        let requested = try exchange.pageLength()
        var last: RepositoryName?
        if let text = exchange.query["last"], !text.isEmpty {
            do {
                last = try RepositoryName(parsing: text)
            } catch {
                throw RequestError.badName(error)
            }
        }
        let page = try await repositories(exchange.identity, after: last, limit: requested ?? HTTPLimits.page)
        return list(
            page.elements.map(\.description),
            hasMore: page.hasMore,
            requested: requested,
            path: "/v2/_catalog"
        ) { json, names in
            json.key("repositories")
            json.array { json in for name in names { json.string(name) } }
        }
    }

    /// A page of the repositories that the caller may pull from: of others he learns not even the names.
    private func repositories(
        _ identity: Identity?,
        after start: RepositoryName?,
        limit: Int
    ) async throws -> Page<RepositoryName> {
        guard let identity else { return try await registry.repositories(after: start, limit: limit) }
        var found: [RepositoryName] = []
        var last = start
        while true {
            let page = try await registry.repositories(after: last, limit: HTTPLimits.page)
            found += page.elements.filter { identity.decide(.pull, $0).allowed }
            last = page.elements.last
            guard page.hasMore, found.count <= limit else {
                return Page(elements: Array(found.prefix(limit)), hasMore: found.count > limit)
            }
        }
    }

    private func list(
        _ names: [String],
        hasMore: Bool,
        requested: Int?,
        path: String,
        body: (inout JSONWriter, [String]) -> Void
    ) -> Answer {
        var headers: HTTPFields = [.contentType: "application/json"]
        if hasMore, let last = names.last {
            let next = "\(path)?n=\(requested ?? HTTPLimits.page)&last=\(PercentEncoding.encode(last))"
            headers[Header.link] = "<\(next)>; rel=\"next\""
        }
        var json = JSONWriter()
        json.object { json in body(&json, names) }
        return Answer(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: json.bytes)))
    }

    func referrers(_ exchange: Exchange, _ name: RepositoryName, _ subject: Digest) async throws -> Answer {
        try exchange.require([.get, .head])
        var filter: MediaType?
        let filterText = exchange.query["artifactType"] ?? ""
        if !filterText.isEmpty {
            do {
                filter = try MediaType(parsing: filterText)
            } catch {
                throw RequestError.badQuery("artifactType is not a media type: \(error.reason)")
            }
        }
        var last: Digest?
        if let text = exchange.query["last"], !text.isEmpty {
            do {
                last = try Digest(parsing: text)
            } catch {
                throw RequestError.badDigest(error)
            }
        }
        let requested = try exchange.pageLength()
        let page = try await registry.referrers(
            of: subject,
            in: name,
            artifactType: filter,
            after: last,
            limit: requested ?? HTTPLimits.page
        )
        var headers: HTTPFields = [.contentType: MediaType.imageIndex.description]
        if filter != nil { headers[Header.filtersApplied] = "artifactType" }
        if page.hasMore, let last = page.elements.last?.digest {
            var next = "/v2/\(name)/referrers/\(subject)?n=\(requested ?? HTTPLimits.page)&last=\(last)"
            if !filterText.isEmpty { next += "&artifactType=\(PercentEncoding.encode(filterText))" }
            headers[Header.link] = "<\(next)>; rel=\"next\""
        }
        let bytes = Self.index(of: page.elements)
        return Answer(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: bytes)))
    }

    /// An image index whose descriptors carry what the specification asks for: media type, digest, size, artifact type
    /// and annotations of each referrer.
    private static func index(of referrers: [ReferrerEntry]) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("schemaVersion")
            json.integer(2)
            json.key("mediaType")
            json.string(MediaType.imageIndex.description)
            json.key("manifests")
            json.array { json in
                for referrer in referrers { descriptor(of: referrer, into: &json) }
            }
        }
        return json.bytes
    }

    private static func descriptor(of referrer: ReferrerEntry, into json: inout JSONWriter) {
        json.object { json in
            json.key("mediaType")
            json.string(referrer.mediaType.description)
            json.key("digest")
            json.string(referrer.digest.description)
            json.key("size")
            json.integer(referrer.size)
            if let type = referrer.artifactType {
                json.key("artifactType")
                json.string(type.description)
            }
            if let annotations = referrer.annotations {
                json.key("annotations")
                json.raw(annotations)
            }
        }
    }
}
