// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import Foundation
package import NIOCore
package import OCI

/// Values that tests share.
package enum Sample {
    package static let imageType = "application/vnd.oci.image.manifest.v1+json"
    package static let indexType = "application/vnd.oci.image.index.v1+json"
    package static let layerType = "application/vnd.oci.image.layer.v1.tar+gzip"
    package static let configType = "application/vnd.oci.image.config.v1+json"

    /// Bytes that look random and are the same for the same seed.
    package static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB &+ 1
            withUnsafeBytes(of: state) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Many bytes, quickly: one random piece of 1 MiB over and over, each time with its number at its start, so that no
    /// two pieces are the same.
    package static func large(_ count: Int) -> ByteBuffer {
        let piece = ByteBuffer(bytes: bytes(1024 * 1024))
        var whole = ByteBufferAllocator().buffer(capacity: count + piece.readableBytes)
        var number: UInt64 = 0
        while whole.readableBytes < count {
            whole.writeInteger(number)
            whole.writeImmutableBuffer(piece)
            number += 1
        }
        return whole.getSlice(at: 0, length: count) ?? ByteBuffer()
    }

    package static func digest(_ bytes: [UInt8], _ algorithm: Digest.Algorithm = .sha256) throws -> Digest {
        try Digest.of(bytes, algorithm: algorithm)
    }

    package static func digest(_ buffer: ByteBuffer) throws -> Digest {
        var hasher = try DigestHasher(.sha256)
        try buffer.withUnsafeReadableBytes { try hasher.update($0) }
        return try hasher.finalize()
    }

    package static func repository(_ name: String = "team/app") throws -> RepositoryName {
        try RepositoryName(parsing: name)
    }

    package static func tag(_ name: String) throws -> Tag { try Tag(parsing: name) }

    /// The bytes of an image manifest.
    package static func image(
        config: [UInt8] = Array("{}".utf8),
        layers: [[UInt8]] = [],
        subject: [UInt8]? = nil,
        artifactType: String? = nil,
        annotations: [String: String] = [:]
    ) throws -> [UInt8] {
        var object: [String: Any] = [
            "schemaVersion": 2, "mediaType": imageType,
            "config": try descriptor(config, configType),
            "layers": try layers.map { try descriptor($0, layerType) },
        ]
        if let artifactType { object["artifactType"] = artifactType }
        if let subject { object["subject"] = try descriptor(subject, imageType) }
        if !annotations.isEmpty { object["annotations"] = annotations }
        return try encode(object)
    }

    /// The bytes of an image index, of images or of other indexes.
    package static func index(_ children: [[UInt8]], of type: String = imageType) throws -> [UInt8] {
        try encode([
            "schemaVersion": 2, "mediaType": indexType,
            "manifests": try children.map { try descriptor($0, type) },
        ])
    }

    private static func encode(_ object: [String: Any]) throws -> [UInt8] {
        try Array(JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes]))
    }

    private static func descriptor(_ content: [UInt8], _ type: String) throws -> [String: Any] {
        ["mediaType": type, "digest": try digest(content).description, "size": content.count]
    }
}
