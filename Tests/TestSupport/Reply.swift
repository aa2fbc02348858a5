// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import AsyncHTTPClient
import Foundation
package import NIOCore
package import NIOHTTP1
package import OCI

/// A response, read to its end.
package struct Reply: Sendable {
    package let status: Int
    package let headers: HTTPHeaders
    package let body: ByteBuffer

    package subscript(_ name: String) -> String? { headers.first(name: name) }

    package var text: String { String(buffer: body) }

    /// The body, if it is a JSON object.
    package var object: [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(body.readableBytesView))) as? [String: Any]
    }

    /// The one error in the body.
    private var error: [String: Any]? {
        let errors = object?["errors"] as? [[String: Any]]
        return errors?.count == 1 ? errors?.first : nil
    }

    /// The code of the one error in the body.
    package var errorCode: String? { error?["code"] as? String }
    package var errorMessage: String? { error?["message"] as? String }

    /// The detail of the one error in the body, as JSON with sorted keys; nil where it has none.
    package var errorDetail: String? {
        guard let detail = error?["detail"] else { return nil }
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        return (try? JSONSerialization.data(withJSONObject: detail, options: options)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The target of the `Link` header, whose form is that of the distribution specification.
    package var next: String? {
        guard let link = self["Link"], link.hasPrefix("<"), link.hasSuffix(">; rel=\"next\"") else { return nil }
        return String(link.dropFirst().dropLast(">; rel=\"next\"".count))
    }
}

extension TestServer {
    package typealias Fields = [(String, String)]

    /// Sends a request on a pooled connection, and reads the whole answer.
    package func send(
        _ method: HTTPMethod,
        _ path: String,
        headers: Fields = [],
        body: ByteBuffer? = nil
    ) async throws -> Reply {
        try await execute(method, path, headers, body.map { .bytes($0) })
    }

    /// The same with a body in pieces, whose length nobody says beforehand.
    package func send(_ method: HTTPMethod, _ path: String, pieces: [[UInt8]]) async throws -> Reply {
        let stream = AsyncStream { continuation in
            for piece in pieces { continuation.yield(ByteBuffer(bytes: piece)) }
            continuation.finish()
        }
        return try await execute(method, path, [], .stream(stream, length: .unknown))
    }

    private func execute(
        _ method: HTTPMethod,
        _ path: String,
        _ headers: Fields,
        _ body: HTTPClientRequest.Body?
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        request.headers = HTTPHeaders(headers)
        request.body = body
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        return Reply(
            status: Int(response.status.code),
            headers: response.headers,
            body: try await response.body.collect(upTo: 256 * 1024 * 1024)
        )
    }

    package func send(_ method: HTTPMethod, _ path: String, headers: Fields = [], text: String) async throws -> Reply {
        try await send(method, path, headers: headers, body: ByteBuffer(string: text))
    }

    /// Pushes a blob with one POST.
    @discardableResult
    package func push(_ bytes: [UInt8], in name: String = "team/app") async throws -> Digest {
        let digest = try Sample.digest(bytes)
        let path = "/v2/\(name)/blobs/uploads/?digest=\(digest)"
        let reply = try await send(.POST, path, body: ByteBuffer(bytes: bytes))
        guard reply.status == 201 else { throw UnexpectedStatus(reply: reply) }
        return digest
    }

    /// Opens an upload session, and answers with its path.
    package func startUpload(in name: String = "team/app") async throws -> String {
        let reply = try await send(.POST, "/v2/\(name)/blobs/uploads/")
        guard reply.status == 202, let location = reply["Location"] else { throw UnexpectedStatus(reply: reply) }
        return location
    }

    /// Pushes an image with its config and layer. The config and the layer differ by seed.
    @discardableResult
    package func pushImage(
        seed: UInt64,
        tag: String? = nil,
        in name: String = "team/app"
    ) async throws -> (bytes: [UInt8], digest: Digest) {
        let (config, layer) = (Array("{}".utf8), Sample.bytes(100, seed: seed))
        try await push(config, in: name)
        try await push(layer, in: name)
        let manifest = try Sample.image(config: config, layers: [layer])
        let digest = try Sample.digest(manifest)
        let reply = try await put(manifest, at: tag ?? digest.description, in: name)
        guard reply.status == 201 else { throw UnexpectedStatus(reply: reply) }
        return (manifest, digest)
    }

    package func put(
        _ manifest: [UInt8],
        at reference: String,
        in name: String = "team/app",
        headers: Fields = []
    ) async throws -> Reply {
        try await send(
            .PUT,
            "/v2/\(name)/manifests/\(reference)",
            headers: [("Content-Type", Sample.imageType)] + headers,
            body: ByteBuffer(bytes: manifest)
        )
    }
}

/// A step that a test builds on was refused.
package struct UnexpectedStatus: Error, CustomStringConvertible {
    package let reply: Reply

    package init(reply: Reply) { self.reply = reply }

    package var description: String { "status \(reply.status): \(reply.text.prefix(300))" }
}
