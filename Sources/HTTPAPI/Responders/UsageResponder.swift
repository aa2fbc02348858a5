// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Registry

/// `/api/v1/usage`: what takes up the space, by repository; with a `repository` that one, and with a `reference` too an
/// image of it.
///
/// A caller sees the repositories that he may `audit`, `retain` or pull from. Who shares a blob is told of those alone.
extension Responder {
    func usage(_ exchange: Exchange) async throws -> Answer {
        try exchange.require([.get, .head])
        let identity = exchange.identity
        let isVisible: @Sendable (RepositoryName) -> Bool = { name in
            guard let identity else { return true }
            return [.audit, .retain, .pull].contains { identity.allows($0, name) }
        }
        guard let text = exchange.query["repository"] else { return try await usages(exchange, isVisible) }
        guard let name = RepositoryName(text) else {
            throw RequestError.badQuery("'repository' is no name of a repository")
        }
        guard isVisible(name) else { throw RegistryError.nameUnknown(name) }
        var json = JSONWriter()
        if let text = exchange.query["reference"] {
            guard let reference = try? Reference(parsing: text) else {
                throw RequestError.badQuery("'reference' is a tag or a digest")
            }
            Self.write(try await registry.usage(of: reference, in: name, isVisible: isVisible), name, to: &json)
        } else {
            Self.write(try await registry.usage(of: name), to: &json)
        }
        return Self.json(.ok, json)
    }

    private func usages(_ exchange: Exchange, _ isVisible: (RepositoryName) -> Bool) async throws -> Answer {
        if let identity = exchange.identity, identity.principal.kind == .anonymous {
            throw AccessRefusal.unauthenticated(
                challenge: text(of: exchange.challenge(error: nil)),
                reason: "log in to see what takes up the space"
            )
        }
        let limit = max(1, try exchange.pageLength() ?? HTTPLimits.page)
        let after = exchange.query["after"].flatMap { RepositoryName($0) }
        let (found, next) = try await registry.usage(after: after, limit: limit, isVisible: isVisible)
        var json = JSONWriter()
        json.object { json in
            json.key("repositories")
            json.array { json in for usage in found { Self.write(usage, to: &json) } }
        }
        var answer = Self.json(.ok, json)
        if let next { answer.headers[Header.link] = "</api/v1/usage?n=\(limit)&after=\(next)>; rel=\"next\"" }
        return answer
    }

    private static func write(_ usage: RepositoryUsage, to json: inout JSONWriter) {
        json.object { json in
            json.members([("repository", usage.name.description)])
            let figures = [
                ("tags", usage.tags), ("manifests", usage.manifests), ("blobs", usage.blobs), ("bytes", usage.bytes),
                ("unique_bytes", usage.unique), ("trash_bytes", usage.trash),
                ("unreferenced_bytes", usage.unreferenced), ("uploads", usage.uploads),
                ("upload_bytes", usage.uploadBytes),
            ]
            for (key, figure) in figures {
                json.key(key)
                json.integer(figure)
            }
        }
    }

    private static func write(_ usage: ImageUsage, _ name: RepositoryName, to json: inout JSONWriter) {
        json.object { json in
            json.members([("repository", name.description), ("digest", usage.digest.description)])
            json.key("bytes")
            json.integer(usage.bytes)
            json.key("unique_bytes")
            json.integer(usage.unique)
            if let former = usage.former {
                json.key("former")
                json.object { json in
                    json.members([("digest", former.digest.description)])
                    json.key("bytes")
                    json.integer(former.bytes)
                }
            }
            json.key("blobs")
            json.array { json in
                for blob in usage.blobs {
                    json.object { json in
                        json.members([("digest", blob.digest.description), ("role", blob.role)])
                        json.members([("mediaType", blob.mediaType)])
                        if let platform = blob.platform { json.members([("platform", platform)]) }
                        json.key("size")
                        json.integer(blob.size)
                        json.key("shared_by")
                        json.integer(Int64(blob.sharedBy))
                        json.list("shared_with", blob.examples)
                        guard let isNew = blob.isNew else { return }
                        json.key("new")
                        json.bool(isNew)
                    }
                }
            }
        }
    }
}
