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

    /// The code of the first error in the body.
    package var errorCode: String? {
        let object = try? JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any]
        return (object?["errors"] as? [[String: Any]])?.first?["code"] as? String
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
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        request.headers = HTTPHeaders(headers)
        if let body { request.body = .bytes(body) }
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
    package var description: String { "status \(reply.status): \(reply.text.prefix(300))" }
}
