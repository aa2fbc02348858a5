// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import JWTKit

/// The keys of an issuer in tests: made for each test, but for that of RSA, which takes long to make and is published
/// in the tests of jwt-kit.
struct IssuerKeys: Sendable {
    private let collection = JWTKeyCollection()
    private var published: [[String: String]] = []

    private struct Claims: JWTPayload {
        let json: [String: JSON]
        func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
        init(_ json: [String: JSON]) { self.json = json }
        init(from decoder: any Decoder) throws { json = try [String: JSON](from: decoder) }
        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    enum JSON: Codable, Sendable, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
        case text(String)
        case number(Int64)
        case fraction(Double)
        case bool(Bool)
        case list([String])

        init(stringLiteral value: String) { self = .text(value) }
        init(arrayLiteral elements: String...) { self = .list(elements) }
        init(from decoder: any Decoder) throws { self = .text(try String(from: decoder)) }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .text(let value): try value.encode(to: encoder)
            case .number(let value): try value.encode(to: encoder)
            case .fraction(let value): try value.encode(to: encoder)
            case .bool(let value): try value.encode(to: encoder)
            case .list(let value): try value.encode(to: encoder)
            }
        }
    }

    /// The set of keys as it is published; some entries are of no use to the registry.
    func set(besides others: [[String: String]] = []) -> [String: Any] { ["keys": others + published] }

    mutating func addP256(_ kid: String, alg: String? = "ES256") async throws {
        let key = ES256PrivateKey()
        await collection.add(ecdsa: key, kid: JWKIdentifier(string: kid))
        guard let (x, y) = key.parameters else { return }
        publish(["kty": "EC", "crv": "P-256", "kid": kid, "x": Self.url(x), "y": Self.url(y)], alg)
    }

    mutating func addEd25519(_ kid: String, alg: String? = "EdDSA") async throws {
        let key = try EdDSA.PrivateKey(curve: .ed25519)
        await collection.add(eddsa: key, kid: JWKIdentifier(string: kid))
        let x = TokenForge.base64url(key.publicKey.rawRepresentation)
        publish(["kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x, "use": "sig"], alg)
    }

    /// The key signs by the algorithms that are named as well, under the same `kid`.
    mutating func addRSA(_ kid: String, alg: String?, signing: String) async throws {
        let key = try Insecure.RSA.PrivateKey(modulus: Self.modulus, exponent: "AQAB", privateExponent: Self.exponent)
        let id = JWKIdentifier(string: kid)
        switch signing {
        case "PS256": await collection.add(pss: key, digestAlgorithm: .sha256, kid: id)
        case "RS512": await collection.add(rsa: key, digestAlgorithm: .sha512, kid: id)
        default: await collection.add(rsa: key, digestAlgorithm: .sha256, kid: id)
        }
        publish(["kty": "RSA", "kid": kid, "n": Self.modulus, "e": "AQAB"], alg)
    }

    private mutating func publish(_ entry: [String: String], _ alg: String?) {
        published.append(alg.map { entry.merging(["alg": $0]) { $1 } } ?? entry)
    }

    /// jwt-kit gives coordinates in plain base64.
    private static func url(_ text: String) -> String {
        text.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    func token(_ claims: [String: JSON], kid: String, header: JWTHeader = JWTHeader()) async throws -> String {
        try await collection.sign(Claims(claims), kid: JWKIdentifier(string: kid), header: header)
    }

    /// Public since it was written: it protects nothing.
    private static let modulus = """
        vTHHoCaR0tlYfvapRv94hUTMrdSymIrWIIZ5Kmv5bIYWtK0TMX0icLkB0PzR2IDLj1L7hzBKUljBGzjf6ujfZwru5-odDZ344A6A\
        hH5B5Zie1ALUTnizD-8XtWcdOtv4aF5NwgRJns0YY-HVr_KKfPZurfMf7JI2wSCt0TRRUixkfJgypnLNZNMowcMiGD9GYdCb2mC4\
        3V8DKNpUIIIUJK_auxqAxdEnY6GwI4zYnQdCv8ULai_LcB2CQhj5gm9PeKI6K1qkKs5_F1N2-2y9srrSk7pYPU0xxrj5Ap5GsTaJ\
        JJhV9QV1bgDiJaakWhh2m9jSs6SsufHCPT5RiCVh5Q
        """
    private static let exponent = """
        B0fVIMqbLfwDNc-UMBFAuBAvuDjJLqmZF-NU4lcJYC3Aze8jH_Jq0t-rvDkecjBypO9Skp8_HPAhbkTACTAw-KwpCW-u8okzvJuS\
        QocBTi6TXiFFvkdSzLgst2RicZNpecq3P1Ie6yeFWsKkEINK5Qguti72-Yme5cu2JKjYwEq37c94_hNdD4CPY7XebgcXeb8dnqr4\
        0--WVIbyxSYl5uV6ZRx7vQGXyZwFezhgoyYMhkoRs88iukTeOjs_MRfmTr-akfYm67Pzwm0bC7gHU0aNS_apl7KDNfIO2MOE11WD\
        YKmul1VmH6N0mEaxdOa_Mw5S0JlB9szX3lAEd5-buQ
        """
}
