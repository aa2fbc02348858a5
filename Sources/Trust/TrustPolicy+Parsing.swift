// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Settings
package import Yams

typealias PolicyFields = YAMLFields<TrustError>

extension TrustPolicy {
    /// Reads a policy: `keys`, names to files or to texts in PEM, and `rules`.
    ///
    /// - Parameters:
    ///   - text: YAML.
    ///   - directory: Where relative paths of keys begin.
    ///   - readKey: Reads the file of a key.
    /// - Throws: `invalidPolicy`, `invalidKey` or `tooLarge`, with the line.
    package init(
        parsing text: String,
        directory: String,
        readKey: (String) throws -> [UInt8]
    ) throws(TrustError) {
        guard text.utf8.count <= TrustLimits.policyBytesLimit else {
            throw TrustError(.tooLarge, "a policy has at most \(TrustLimits.policyBytesLimit) bytes")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw TrustError(.invalidPolicy, "the policy is no YAML: \(error)")
        }
        guard let node else { throw TrustError(.invalidPolicy, "the policy is empty") }
        try self.init(node, directory: directory, readKey: readKey)
    }

    /// Reads a policy that is part of another file; otherwise as `init(parsing:)`.
    package init(_ node: Node, directory: String, readKey: (String) throws -> [UInt8]) throws(TrustError) {
        let fields = try PolicyFields(node, "the policy", keys: ["keys", "rules"])
        let keys = try Self.keys(fields, directory, readKey)
        let rules = try RuleReader(keys: keys).rules(fields)
        self.init(keys: keys, rules: rules, fingerprint: try Self.fingerprint(node, keys))
    }

    private static func keys(
        _ fields: PolicyFields,
        _ directory: String,
        _ readKey: (String) throws -> [UInt8]
    ) throws(TrustError) -> [TrustKey] {
        guard let node = fields.node("keys") else { return [] }
        guard let mapping = node.mapping, mapping.count <= TrustLimits.keysLimit else {
            throw fields.error("keys", "is a mapping of at most \(TrustLimits.keysLimit) names to files or PEM texts")
        }
        var names: [String] = []
        for (name, _) in mapping {
            names.append(try fields.word(name.scalar?.string ?? "", "keys", line: name.mark?.line))
        }
        let entries = try PolicyFields(node, "keys", keys: names, code: .invalidKey)
        var keys: [TrustKey] = []
        for name in names.sorted() {
            let key: TrustKey
            do {
                key = try TrustKey(name: name, pem: pem(entries, name, directory, readKey))
            } catch {
                throw TrustError(error.code, error.reason, line: error.line ?? entries.line(of: name))
            }
            if let twin = keys.first(where: { $0.key == key.key }) {
                throw entries.error(name, "is the same key as '\(twin.name)': one signer would count twice")
            }
            keys.append(key)
        }
        return keys
    }

    /// The text of a key: written in the policy, or in a file.
    private static func pem(
        _ entries: PolicyFields,
        _ name: String,
        _ directory: String,
        _ readKey: (String) throws -> [UInt8]
    ) throws(TrustError) -> String {
        if let text = entries.node(name)?.scalar?.string, text.hasPrefix("-----BEGIN ") { return text }
        let path = try entries.required(name, bytesLimit: 4096)
        do {
            let bytes = try readKey(path.hasPrefix("/") ? path : "\(directory)/\(path)")
            return String(decoding: bytes.prefix(TrustLimits.keyBytesLimit + 1), as: UTF8.self)
        } catch {
            throw TrustError(.invalidKey, "the file of the key '\(name)' cannot be read: \(error)")
        }
    }

    private static func fingerprint(_ node: Node, _ keys: [TrustKey]) throws(TrustError) -> Digest {
        var bytes: [UInt8]
        do {
            bytes = Array(try Yams.serialize(node: node).utf8)
        } catch {
            throw TrustError(.invalidPolicy, "the policy cannot be written: \(error)")
        }
        for key in keys { bytes += Array("\u{0}\(key.name)\u{0}\(key.hint)".utf8) }
        return try Digest.hashing(bytes)
    }
}
