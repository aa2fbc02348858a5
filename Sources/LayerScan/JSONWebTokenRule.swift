// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

extension SecretRule {
    /// A signed token in its compact form (RFC 7515, section 7.1): header and claims are JSON, and a signature follows.
    static let jsonWebToken = SecretRule(keywords: ["eyj"]) { around in
        let start = around.keyword.lowerBound
        guard around.has("eyJ", at: start), around.isWordStart(start), around[start - 1] != UInt8(ascii: ".") else {
            return nil
        }
        var parts: [Range<Int>] = []
        var index = start
        while parts.count < 3 {
            let end = around.end(ofRunFrom: index, limit: 4_096, .base64URL)
            parts.append(index..<end)
            index = end + 1
            guard around[end] == UInt8(ascii: ".") else { break }
        }
        // 43 digits hold 256 bits, the shortest signature in use.
        guard parts.count == 3, parts[2].count >= 43,
            let header = document(around.text(parts[0])), case .string(let algorithm)? = header["alg"],
            algorithm.lowercased() != "none",
            let claims = document(around.text(parts[1])), case .object = claims, !isOfManual(claims)
        else { return nil }
        return SecretMatch(
            kind: .jsonWebToken,
            range: start..<parts[2].upperBound,
            secret: Array(around.bytes[start..<parts[2].upperBound])
        )
    }

    private static func document(_ part: String) -> JSONValue? {
        guard let bytes = Base64.decodeEitherAlphabet(part) else { return nil }
        return try? JSONValue(parsing: bytes, nodesLimit: 256)
    }

    /// The token that every introduction shows.
    private static func isOfManual(_ claims: JSONValue) -> Bool {
        claims["sub"] == .string("1234567890") || claims["name"] == .string("John Doe")
    }
}
