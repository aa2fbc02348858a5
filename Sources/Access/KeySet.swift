// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import FoundationEssentials
internal import JWTKit
internal import OCI

/// The public keys of an issuer (RFC 7517), each under the algorithms that it may be used with.
///
/// Keys that are of no use here are passed over: an issuer may have some for other purposes, of kinds that jwt-kit does
/// not know.
struct KeySet: Sendable {
    /// Entries looked at.
    static let entriesLimit = 100
    /// Bytes of a key's identifier.
    static let identifierBytesLimit = 256
    /// The algorithms that tokens may be signed with: signatures by a key that only the issuer has, and nothing weaker.
    static let algorithms: Set<String> = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]

    private struct Identifier: Hashable {
        let key: String
        let algorithm: String
    }

    private var verifiers: [Identifier: any JWTAlgorithm] = [:]
    private var keys: Set<String> = []

    /// - Throws: `.invalidIssuer` for what is no set of keys, or has none that is of use.
    init(parsing bytes: [UInt8]) async throws(AccessError) {
        guard let document = try? JSONValue(parsing: bytes), case .array(let entries)? = document["keys"] else {
            throw AccessError(.invalidIssuer, "the issuer's set of keys is no JSON Web Key Set")
        }
        for entry in entries.prefix(Self.entriesLimit) { await add(entry) }
        guard !keys.isEmpty else {
            throw AccessError(.invalidIssuer, "the issuer's set of keys has none that is named and of a known kind")
        }
    }

    func contains(_ key: String) -> Bool { keys.contains(key) }

    /// What checks signatures of this key by this algorithm; nil if the key is not there, or not for the algorithm.
    func verifier(_ key: String, algorithm: String) -> (any JWTAlgorithm)? {
        verifiers[Identifier(key: key, algorithm: algorithm)]
    }

    private mutating func add(_ entry: JSONValue) async {
        guard let key = entry["kid"]?.text, (1...Self.identifierBytesLimit).contains(key.utf8.count),
            !keys.contains(key), entry["use"] == nil || entry["use"] == .string("sig")
        else { return }
        for algorithm in Self.algorithms(of: entry) {
            guard let jwk = Self.jwk(entry, algorithm), let verifier = await Self.verifier(jwk) else { continue }
            verifiers[Identifier(key: key, algorithm: algorithm)] = verifier
            keys.insert(key)
        }
    }

    /// The algorithms that an entry may be used with: its own, or those of its kind.
    private static func algorithms(of entry: JSONValue) -> [String] {
        let possible =
            switch (entry["kty"]?.text, entry["crv"]?.text) {
            case ("RSA", nil): ["RS256", "RS384", "RS512", "PS256"]
            case ("EC", "P-256"): ["ES256"]
            case ("EC", "P-384"): ["ES384"]
            case ("OKP", "Ed25519"): ["EdDSA"]
            default: [String]()
            }
        guard let stated = entry["alg"] else { return possible }
        return possible.filter { stated == .string($0) }
    }

    /// The key for one algorithm, made anew of its public members only.
    private static func jwk(_ entry: JSONValue, _ algorithm: String) -> JWK? {
        let name = JWK.Algorithm(rawValue: algorithm)
        let id = JWKIdentifier(string: algorithm)
        switch entry["kty"]?.text {
        case "RSA":
            return .rsa(name, identifier: id, modulus: entry["n"]?.text, exponent: entry["e"]?.text)
        case "EC":
            let curve = entry["crv"]?.text.flatMap { ECDSACurve(rawValue: $0) }
            return .ecdsa(name, identifier: id, x: entry["x"]?.text, y: entry["y"]?.text, curve: curve)
        case "OKP":
            return .octetKeyPair(name, identifier: id, x: entry["x"]?.text, y: nil, curve: .ed25519)
        default: return nil
        }
    }

    /// One collection for each key, so that none is ever taken for another. nil for a key that is none.
    private static func verifier(_ jwk: JWK) async -> (any JWTAlgorithm)? {
        let collection = JWTKeyCollection()
        do {
            try await collection.add(jwk: jwk)
            return try await collection.getKey(for: jwk.keyIdentifier)
        } catch {
            return nil
        }
    }
}
