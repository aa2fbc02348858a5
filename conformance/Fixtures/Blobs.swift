// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI

/// Content of a check: bytes and their digest.
struct Blob: Sendable {
    let bytes: [UInt8]
    let digest: Digest

    init(_ bytes: [UInt8], _ algorithm: Digest.Algorithm = .sha256) throws {
        self.bytes = bytes
        self.digest = try Digest.of(bytes, algorithm: algorithm)
    }

    /// A descriptor of this content.
    func descriptor(_ mediaType: String, _ more: [(String, JSONText)] = []) -> JSONText {
        .object(
            [
                ("mediaType", .string(mediaType)), ("digest", .string(digest.description)),
                ("size", .integer(bytes.count)),
            ] + more
        )
    }

    /// The first bytes up to an offset, or those between two.
    func slice(_ start: Int, _ end: Int) -> [UInt8] {
        Array(bytes[start..<end])
    }
}

extension Session {
    func blobTarget(_ blob: Blob, in repository: String? = nil) -> String {
        blobTarget(blob.digest, in: repository)
    }

    func blobTarget(_ digest: Digest, in repository: String? = nil) -> String {
        "/v2/\(repository ?? self.repository)/blobs/\(digest)"
    }

    func uploadsTarget(_ repository: String? = nil) -> String {
        "/v2/\(repository ?? self.repository)/blobs/uploads/"
    }

    /// Opens an upload session and gives its location; any answer that a client could work with will do.
    func startUpload(in repository: String? = nil, query: String? = nil) async throws -> String {
        try await setUp("open an upload session") {
            let target = query.map { uploadsTarget(repository).appending(query: $0) } ?? uploadsTarget(repository)
            return try location(of: try await send("POST", target).expectSuccess())
        }
    }

    /// Closes an upload session, with the content, or the rest of it, in the closing request.
    func finishUpload(_ location: String, _ digest: Digest, body: Body = .none, headers: Headers = [:]) async throws
        -> Response
    {
        try await send("PUT", location.appending(query: "digest=\(digest)"), headers: headers, body: body)
    }

    /// Appends to an upload session without saying where, as docker does.
    func append(_ bytes: [UInt8], to location: String) async throws -> Response {
        try await send("PATCH", location, headers: Self.octets, body: .bytes(bytes))
    }

    /// Appends to an upload session at an offset.
    func append(_ bytes: [UInt8], at offset: Int, to location: String) async throws -> Response {
        let range: Headers = ["Content-Range": "\(offset)-\(offset + bytes.count - 1)"]
        return try await send("PATCH", location, headers: Self.octets.adding(range), body: .bytes(bytes))
    }

    /// Appends, as a step to build on, and gives the location to go on with.
    func appended(_ bytes: [UInt8], at offset: Int, to location: String) async throws -> String {
        try await setUp("append a chunk") {
            try self.location(of: try await append(bytes, at: offset, to: location).expectSuccess())
        }
    }

    /// Stores a blob, as a step to build on.
    @discardableResult
    func store(_ blob: Blob, in repository: String? = nil) async throws -> Blob {
        let location = try await startUpload(in: repository)
        try await setUp("push a blob") {
            try await finishUpload(location, blob.digest, body: .bytes(blob.bytes), headers: Self.octets)
                .expectSuccess()
        }
        return blob
    }

    /// Stores new content, as a step to build on.
    func storedBlob(_ count: Int = 512, _ algorithm: Digest.Algorithm = .sha256, in repository: String? = nil)
        async throws -> Blob
    {
        try await store(try Blob(random(count), algorithm), in: repository)
    }

    static let octets: Headers = ["Content-Type": MediaTypes.octetStream]
}
