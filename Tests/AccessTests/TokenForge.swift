// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Foundation
import JWTKit

/// Makes tokens by hand, right ones and wrong ones.
enum TokenForge {
    static func base64url(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }

    static func base64url(_ json: [String: Any]) throws -> String {
        try base64url(JSONSerialization.data(withJSONObject: json, options: [.sortedKeys]))
    }

    /// The claims of a token that somebody else made.
    static func claims(of token: String) throws -> [String: Any] {
        var text = token.split(separator: ".")[1].replacingOccurrences(of: "-", with: "+")
            .replacingOccurrences(of: "_", with: "/")
        while !text.count.isMultiple(of: 4) { text += "=" }
        let data = Data(base64Encoded: text) ?? Data()
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }

    /// A token with any header and any claims, signed with an Ed25519 key.
    static func token(
        header: [String: Any],
        claims: [String: Any],
        seed: [UInt8]
    ) async throws -> String {
        let signed = try base64url(header) + "." + base64url(claims)
        return try await signed + "." + base64url(sign(signed, seed: seed))
    }

    static func sign(_ text: String, seed: [UInt8]) async throws -> [UInt8] {
        let keys = JWTKeyCollection()
        await keys.add(eddsa: try EdDSA.PrivateKey(d: base64url(seed), curve: .ed25519), kid: "key")
        return try await keys.getKey(for: "key").sign(Array(text.utf8))
    }

    /// The message of a refusal; nil when there is none.
    static func refusal<Result>(_ work: () async throws(AccessError) -> Result) async -> AccessError? {
        do {
            _ = try await work()
            return nil
        } catch {
            return error
        }
    }
}
