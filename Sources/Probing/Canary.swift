// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// An image that says nothing and means nothing: random bytes, so that nothing on the way has seen them before.
package struct Canary: Sendable, Hashable {
    package let tag: Tag
    package let manifest: [UInt8]
    package let digest: Digest
    package let blobs: [Descriptor]

    private static let tagPrefix = "probe-"
    private static let randomLetters = 16
    /// In whose name is asked where nothing is pushed.
    static let anyRepository = "cairn-canary"

    /// The begin of the tags of one target. The canaries of all targets of a prober may meet in one registry, since
    /// regions follow one another: none may be taken for that of another one.
    private static func prefix(of target: String) -> String {
        let letters = target.utf8.prefix(64).map { byte in
            let isPlain = (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
            return isPlain ? String(UnicodeScalar(byte)) : "_"
        }
        return "\(tagPrefix)\(letters.joined())-"
    }

    /// What the tag of a canary is, of random bytes.
    static func tag(at target: String, _ random: [UInt8]) -> Tag? {
        let letters = random.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return Tag(prefix(of: target) + letters.prefix(randomLetters))
    }

    /// Whether a tag is that of a canary of one target.
    static func isTag(_ tag: Tag, at target: String) -> Bool {
        let (text, prefix) = (tag.description, prefix(of: target))
        return text.hasPrefix(prefix) && text.utf8.count == prefix.utf8.count + randomLetters
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
