// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// The file `token-keys.json` with the keys that sign tokens. Everything here blocks.
package struct TokenKeysFile: Sendable {
    static let bytesLimit = 64 * 1024
    static let version: Int64 = 1

    private let file: OwnerOnlyFile
    private let random: @Sendable (Int) -> [UInt8]

    /// `random` gives as many random bytes as it is asked for: keys are made of them.
    package init(path: String, random: @escaping @Sendable (Int) -> [UInt8] = { SecureRandom.bytes($0) }) {
        file = OwnerOnlyFile(path: path)
        self.random = random
    }

    /// Reads the keys, and makes the file with a first one where there is none. `now` is in seconds since 1970.
    ///
    /// - Throws: `.storage`, also for a file that others may use; `.invalidToken` for content that was not written
    ///   here.
    package func loadOrCreate(now: Int64) throws(AccessError) -> TokenKeys {
        if let keys = try load() { return keys }
        return try file.locked { () throws(AccessError) in
            if let keys = try load() { return keys }
            let keys = try TokenKeys(random: random(32), now: now)
            try file.replace(with: Self.encode(keys))
            return keys
        }
    }

    /// Puts a new key in the place of the one that signs.
    ///
    /// - Parameters:
    ///   - droppingOthers: Also end every token that is out: for when a key was stolen.
    ///   - now: Seconds since 1970.
    /// - Returns: The keys with the new one.
    /// - Throws: As `loadOrCreate`.
    package func rotate(droppingOthers: Bool = false, now: Int64) throws(AccessError) -> TokenKeys {
        try file.locked { () throws(AccessError) in
            let fresh = random(32)
            let keys =
                if let former = try load() {
                    try former.rotated(random: fresh, droppingOthers: droppingOthers, now: now)
                } else {
                    try TokenKeys(random: fresh, now: now)
                }
            try file.replace(with: Self.encode(keys))
            return keys
        }
    }

    package func load() throws(AccessError) -> TokenKeys? {
        guard let bytes = try file.read(limit: Self.bytesLimit) else { return nil }
        guard let document = try? JSONValue(parsing: bytes, depthLimit: 8, nodesLimit: 1_000),
            document["version"] == .integer(Self.version), case .array(let entries)? = document["keys"]
        else { throw AccessError(.invalidToken, "the file of token keys is not of version \(Self.version)") }
        var keys: [TokenKey] = []
        for entry in entries { keys.append(try Self.key(entry)) }
        guard let first = keys.first else { throw AccessError(.invalidToken, "the file of token keys has no key") }
        return try TokenKeys(signing: first, retired: Array(keys.dropFirst()))
    }

    private static func key(_ entry: JSONValue) throws(AccessError) -> TokenKey {
        guard let publicKey = entry["x"]?.text.flatMap({ Base64URL.decode($0.utf8) }),
            let created = entry["created"]?.seconds
        else { throw AccessError(.invalidToken, "an entry of the file of token keys is no key") }
        guard let privateKey = entry["d"]?.text else {
            guard let retired = entry["retired"]?.seconds else {
                throw AccessError(.invalidToken, "a key without private half has to be retired")
            }
            return try TokenKey(publicKey: publicKey, privateKey: nil, created: created, retired: retired)
        }
        let key = try TokenKey(privateKey: Base64URL.decode(privateKey.utf8) ?? [], created: created)
        guard key.publicKey == publicKey else {
            throw AccessError(.invalidToken, "the halves of a key do not belong together")
        }
        return key
    }

    private static func encode(_ keys: TokenKeys) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("version")
            writer.integer(version)
            writer.key("keys")
            writer.array { writer in
                for key in keys.all { write(key, to: &writer) }
            }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// The members are those of a JSON Web Key (RFC 8037), and the times.
    private static func write(_ key: TokenKey, to writer: inout JSONWriter) {
        writer.object { writer in
            for (name, value) in [("kty", "OKP"), ("crv", "Ed25519"), ("kid", key.id)] {
                writer.key(name)
                writer.string(value)
            }
            writer.key("x")
            writer.string(Base64URL.encode(key.publicKey))
            if let privateKey = key.privateKey {
                writer.key("d")
                writer.string(Base64URL.encode(privateKey))
            }
            writer.key("created")
            writer.integer(key.created)
            if let retired = key.retired {
                writer.key("retired")
                writer.integer(retired)
            }
        }
    }
}
