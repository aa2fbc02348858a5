// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// The parts of a JSON Web Token in compact form (RFC 7515, section 7.1), read strictly. Nothing in it is true before
/// its signature was checked.
struct SignedToken: Sendable {
    let header: JSONValue
    let payload: JSONValue
    let signature: [UInt8]
    /// What the signature covers: the encoded header, a full stop and the encoded payload.
    let signedBytes: ArraySlice<UInt8>

    /// - Throws: `.invalidToken`; the reason quotes nothing of the token.
    init(parsing text: String, bytesLimit: Int) throws(AccessError) {
        guard text.utf8.count <= bytesLimit else {
            throw AccessError(.invalidToken, "the token is over \(bytesLimit) bytes")
        }
        let bytes = Array(text.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2]), !signature.isEmpty
        else { throw AccessError(.invalidToken, "a token is three parts in base64url, parted by full stops") }
        self.header = try Self.object(header)
        self.payload = try Self.object(payload)
        self.signature = signature
        signedBytes = bytes[..<(parts[1].endIndex)]
    }

    private static func object(_ bytes: [UInt8]) throws(AccessError) -> JSONValue {
        guard let value = try? JSONValue(parsing: bytes, nodesLimit: 2_000), case .object = value else {
            throw AccessError(.invalidToken, "a token's header and payload are JSON objects without doubled members")
        }
        return value
    }
}

extension JSONValue {
    /// A time of a token, in whole seconds since 1970: RFC 7519 allows fractions.
    var seconds: Int64? {
        switch self {
        case .integer(let seconds): seconds
        case .decimal(let text): Double(text).flatMap { Int64(exactly: $0.rounded(.down)) }
        default: nil
        }
    }
}
