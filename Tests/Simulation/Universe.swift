// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import Foundation
import OCI

/// Everything that is ever pushed: so little that everyone meets everyone.
struct Universe: Sendable {
    struct Blob: Sendable {
        let digest: Digest
        let bytes: [UInt8]
    }

    struct Image: Sendable {
        let digest: Digest
        let bytes: [UInt8]
        /// Indexes of its config and layers among the blobs, or of its children among the images.
        let blobs: [Int]
        let children: [Int]
    }

    let blobs: [Blob]
    let images: [Image]
    let repositories: [RepositoryName]
    let tags: [Tag]
    /// The bytes of every blob, those of manifests among them.
    let bytes: [Digest: [UInt8]]

    init() throws {
        let blobs = try (0..<5).map { number in
            let bytes = Array(repeating: UInt8(ascii: "a") + UInt8(number), count: 10 + number)
            return Blob(digest: try Digest.of(bytes), bytes: bytes)
        }
        var images: [Image] = []
        for parts in [[0, 1], [0, 2], [1, 2], [3, 1, 4]] {
            let bytes = try Self.image(parts.map { blobs[$0] })
            images.append(Image(digest: try Digest.of(bytes), bytes: bytes, blobs: parts, children: []))
        }
        let index = try Self.index([images[0], images[1]])
        images.append(Image(digest: try Digest.of(index), bytes: index, blobs: [], children: [0, 1]))
        self.blobs = blobs
        self.images = images
        repositories = try ["a", "b", "c"].map { try RepositoryName(parsing: $0) }
        tags = try ["v1", "v2"].map { try Tag(parsing: $0) }
        var bytes: [Digest: [UInt8]] = [:]
        for blob in blobs { bytes[blob.digest] = blob.bytes }
        for image in images { bytes[image.digest] = image.bytes }
        self.bytes = bytes
    }

    private static func image(_ parts: [Blob]) throws -> [UInt8] {
        let prefix = "application/vnd.oci.image"
        return try encode([
            "schemaVersion": 2, "mediaType": "\(prefix).manifest.v1+json",
            "config": descriptor(parts[0].digest, parts[0].bytes, "\(prefix).config.v1+json"),
            "layers": parts.dropFirst().map { descriptor($0.digest, $0.bytes, "\(prefix).layer.v1.tar") },
        ])
    }

    private static func index(_ images: [Image]) throws -> [UInt8] {
        let prefix = "application/vnd.oci.image"
        return try encode([
            "schemaVersion": 2, "mediaType": "\(prefix).index.v1+json",
            "manifests": images.map { descriptor($0.digest, $0.bytes, "\(prefix).manifest.v1+json") },
        ])
    }

    private static func descriptor(_ digest: Digest, _ bytes: [UInt8], _ type: String) -> [String: Any] {
        ["mediaType": type, "digest": digest.description, "size": bytes.count]
    }

    private static func encode(_ object: [String: Any]) throws -> [UInt8] {
        try Array(JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes]))
    }
}
