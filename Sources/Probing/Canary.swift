// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// An image that says nothing and means nothing: random bytes, so that nothing on the way has seen them before.
package struct Canary: Sendable, Hashable {
    package let tag: Tag
    package let manifest: [UInt8]
    package let digest: Digest
    package let blobs: [Descriptor]

    static let tagPrefix = "probe-"
    /// In whose name is asked where nothing is pushed.
    static let anyRepository = "cairn-canary"

    /// What the tag of a canary is, of random bytes.
    static func tag(_ random: [UInt8]) -> Tag? {
        Tag(tagPrefix + random.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    }

    /// The manifest of a layer and a configuration that are there.
    static func manifest(config: Descriptor, layer: Descriptor) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("schemaVersion")
            json.integer(2)
            json.key("mediaType")
            json.string(MediaType.imageManifest.description)
            json.key("config")
            Self.write(config, "application/vnd.oci.image.config.v1+json", to: &json)
            json.key("layers")
            json.array { Self.write(layer, "application/vnd.oci.image.layer.v1.tar", to: &$0) }
        }
        return json.bytes
    }

    private static func write(_ blob: Descriptor, _ type: String, to json: inout JSONWriter) {
        json.object { json in
            json.key("mediaType")
            json.string(type)
            json.key("digest")
            json.string(blob.digest.description)
            json.key("size")
            json.integer(blob.size)
        }
    }
}
