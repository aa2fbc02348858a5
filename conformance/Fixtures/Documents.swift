// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI

/// A manifest to be pushed: its exact bytes, how it is labelled, and its digest.
struct Document: Sendable {
    let bytes: [UInt8]
    let mediaType: String
    let digest: Digest

    init(_ bytes: [UInt8], _ mediaType: String, _ algorithm: Digest.Algorithm = .sha256) throws {
        self.bytes = bytes
        self.mediaType = mediaType
        self.digest = try Digest.of(bytes, algorithm: algorithm)
    }

    init(_ json: JSONText, _ mediaType: String, _ algorithm: Digest.Algorithm = .sha256) throws {
        try self.init(json.bytes, mediaType, algorithm)
    }

    /// A descriptor of this manifest.
    func descriptor(_ more: [(String, JSONText)] = []) -> JSONText {
        .object(
            [
                ("mediaType", .string(mediaType)), ("digest", .string(digest.description)),
                ("size", .integer(bytes.count)),
            ] + more
        )
    }
}

extension Session {
    func manifestTarget(_ reference: String, in repository: String? = nil) -> String {
        "/v2/\(repository ?? self.repository)/manifests/\(reference)"
    }

    func manifestTarget(_ digest: Digest, in repository: String? = nil) -> String {
        manifestTarget(digest.description, in: repository)
    }

    /// A PUT of a manifest.
    func put(_ document: Document, as reference: String, in repository: String? = nil) async throws -> Response {
        let headers: Headers = ["Content-Type": document.mediaType]
        let target = manifestTarget(reference, in: repository)
        return try await send("PUT", target, headers: headers, body: .bytes(document.bytes))
    }

    /// Stores a manifest under a tag, or else under its digest, as a step to build on.
    @discardableResult
    func store(_ document: Document, tag: String? = nil, in repository: String? = nil) async throws -> Document {
        try await setUp("push a manifest") {
            let reference = tag ?? document.digest.description
            try await put(document, as: reference, in: repository).expectSuccess()
        }
        return document
    }

    /// A GET of a manifest that accepts every kind.
    func getManifest(_ reference: String, in repository: String? = nil, headers: Headers = [:]) async throws -> Response
    {
        try await get(manifestTarget(reference, in: repository), headers: Self.acceptAll.adding(headers))
    }

    func headManifest(_ reference: String, in repository: String? = nil, headers: Headers = [:]) async throws
        -> Response
    {
        try await head(manifestTarget(reference, in: repository), headers: Self.acceptAll.adding(headers))
    }

    static let acceptAll: Headers = ["Accept": MediaTypes.all]

    /// An image manifest with one layer, whose blobs are stored.
    func imageJSON(
        _ algorithm: Digest.Algorithm = .sha256,
        in repository: String? = nil
    ) async throws -> JSONText {
        let config = try await store(try configBlob(algorithm), in: repository)
        let layer = try await storedBlob(256, algorithm, in: repository)
        return Self.image(config: config.descriptor(MediaTypes.config), [layer.descriptor(MediaTypes.layer)])
    }

    /// The configuration of an image, unlike any other.
    func configBlob(_ algorithm: Digest.Algorithm = .sha256) throws -> Blob {
        let json: JSONText = [
            "architecture": "amd64", "os": "linux", "author": .string(word(16)),
            "config": .object([]), "rootfs": ["type": "layers", "diff_ids": []],
        ]
        return try Blob(json.bytes, algorithm)
    }

    static func image(config: JSONText, _ layers: [JSONText]) -> JSONText {
        [
            "schemaVersion": 2, "mediaType": .string(MediaTypes.image), "config": config, "layers": .array(layers),
        ]
    }

    static func index(_ manifests: [JSONText]) -> JSONText {
        ["schemaVersion": 2, "mediaType": .string(MediaTypes.index), "manifests": .array(manifests)]
    }

    /// Stores an image with one layer, as a step to build on.
    func storedImage(
        _ algorithm: Digest.Algorithm = .sha256,
        tag: String? = nil,
        in repository: String? = nil
    ) async throws -> Document {
        let document = try Document(try await imageJSON(algorithm, in: repository), MediaTypes.image, algorithm)
        return try await store(document, tag: tag, in: repository)
    }

    /// A small artifact that refers to a subject: an empty configuration, no layer of weight.
    func artifactJSON(
        _ artifactType: String?,
        subject: JSONText? = nil,
        annotations: [(String, JSONText)] = [],
        in repository: String? = nil
    ) async throws -> JSONText {
        let empty = try await store(try Blob(Array("{}".utf8)), in: repository)
        let config = empty.descriptor(MediaTypes.empty)
        var json = Self.image(config: config, [config])
        if let artifactType {
            json = json.with("artifactType", .string(artifactType))
        }
        if let subject {
            json = json.with("subject", subject)
        }
        return json.with("annotations", .object(annotations + [("org.example.nonce", .string(word(16)))]))
    }
}
