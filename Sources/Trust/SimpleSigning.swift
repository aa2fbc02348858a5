// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
package import OCI

/// What cosign signs about an image where it keeps signatures under a tag: the payload that names the image's digest.
/// The signature stands in an annotation of the layer that holds the payload.
package struct SimpleSigning: Sendable, Hashable {
    /// The annotation of the layer with the signature in base64.
    package static let signatureAnnotation = "dev.cosignproject.cosign/signature"
    static let type = "cosign container image signature"

    /// The digest of the image's manifest.
    package let image: Digest
    /// What the signer calls the image: host and repository. It decides nothing.
    package let reference: String

    package init(image: Digest, reference: String) {
        self.image = image
        self.reference = reference
    }

    /// Reads a payload. The digest's name is taken in both spellings that exist, and not twice.
    ///
    /// - Throws: `invalidPayload` or `tooLarge`.
    package init(parsing bytes: [UInt8]) throws(TrustError) {
        let reader = try DocumentReader(
            parsing: bytes,
            "the payload",
            .invalidPayload,
            bytesLimit: TrustLimits.payloadBytesLimit
        )
        guard let critical = try reader.object("critical") else { throw reader.error("lacks 'critical'") }
        let type = try critical.required("type")
        guard type == Self.type else { throw critical.error("is of the type '\(type.quotable)', not '\(Self.type)'") }
        guard let image = try critical.object("image") else { throw critical.error("lacks 'image'") }
        let spellings = ["docker-manifest-digest", "Docker-manifest-digest"].filter { image.value[$0] != nil }
        guard let spelling = spellings.first, spellings.count == 1 else {
            throw image.error("names one 'docker-manifest-digest'")
        }
        guard let digest = Digest(try image.required(spelling)) else { throw image.error("names no digest") }
        self.image = digest
        reference = try critical.object("identity")?.text("docker-reference") ?? ""
    }

    /// The exact bytes that are signed, and that the layer holds.
    package var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("critical")
            writer.object { writer in
                writer.key("identity")
                writer.object { writer in
                    writer.key("docker-reference")
                    writer.string(reference)
                }
                writer.key("image")
                writer.object { writer in
                    writer.key("docker-manifest-digest")
                    writer.string(image.description)
                }
                writer.key("type")
                writer.string(Self.type)
            }
            writer.key("optional")
            writer.null()
        }
        return writer.bytes
    }

    /// The names of the given keys that made this signature over a payload's bytes.
    ///
    /// - Parameters:
    ///   - payload: The bytes of the layer.
    ///   - signature: The annotation's text: base64.
    ///   - keys: The keys that may have signed.
    /// - Returns: Names; none for a signature that is not base64.
    package static func signers(of payload: [UInt8], signature: String, among keys: [TrustKey]) -> [String] {
        guard signature.utf8.count <= TrustLimits.textBytesLimit, let bytes = Base64.decode(signature) else {
            return []
        }
        return keys.filter { $0.key.isValid(signature: bytes, for: payload) }.map(\.name)
    }
}
