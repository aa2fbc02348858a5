// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Cryptography
import Foundation
import JWTKit
import OCI
import TestSupport
import Testing

@Suite struct IssuerTrustTests {
    private typealias JSON = IssuerKeys.JSON
    private static let discoveryPath = "/.well-known/openid-configuration"

    private let clock = ManualClock()

    private func trust(_ issuer: String, jwks: String? = nil) throws -> IssuerTrust {
        let workloads = [
            IssuerConfiguration.Workload(
                name: "main",
                claims: ["repository": try Glob(parsing: "acme/*"), "ref": try Glob(parsing: "refs/heads/main")],
                groups: ["release"]
            ),
            IssuerConfiguration.Workload(name: "any", claims: ["repository": try Glob(parsing: "acme/*")]),
            IssuerConfiguration.Workload(name: "staff", claims: ["groups": try Glob(parsing: "team-?")]),
            IssuerConfiguration.Workload(name: "verified", claims: ["email_verified": try Glob(parsing: "true")]),
        ]
        let configuration = IssuerConfiguration(
            name: "forge",
            issuer: issuer,
            audience: "cairn",
            jwks: jwks,
            workloads: workloads
        )
        let clock = clock
        return IssuerTrust(configuration: configuration) {
            clock.wallSeconds
        } monotonic: {
            clock.monotonicNanoseconds
        }
    }

    private func claims(_ issuer: String, _ others: [String: JSON] = [:]) -> [String: JSON] {
        let time = clock.wallSeconds
        let claims: [String: JSON] = [
            "iss": .text(issuer), "aud": "cairn", "sub": "repo:acme/app", "iat": .number(time), "nbf": .number(time),
            "exp": .number(time + 300), "repository": "acme/app", "ref": "refs/heads/main",
        ]
        return claims.merging(others) { $1 }
    }

    private func publish(_ keys: IssuerKeys, on server: IssuerServer, besides others: [[String: String]] = []) throws {
        let document = ["issuer": server.url, "jwks_uri": server.url + "/keys"]
        server.publish(try .json(document), at: Self.discoveryPath)
        server.publish(try .json(keys.set(besides: others)), at: "/keys")
    }

    private func refusal(_ trust: IssuerTrust, _ token: String) async -> AccessError? {
        await TokenForge.refusal { () throws(AccessError) in try await trust.verify(token) }
    }

    /// A server that publishes one key, `one`, and the trust in it.
    private func withIssuer(_ body: (IssuerServer, IssuerKeys, IssuerTrust) async throws -> Void) async throws {
        var keys = IssuerKeys()
        try await keys.addP256("one")
        try await IssuerServer.with { [keys] server in
            try publish(keys, on: server)
            try await body(server, keys, try trust(server.url))
        }
    }

    // MARK: Right tokens

    @Test func namesTheFirstWorkloadThatMatches() async throws {
        try await withIssuer { server, keys, trust in
            let main = try await trust.verify(keys.token(claims(server.url), kid: "one"))
            #expect(main == Principal(kind: .workload, name: "forge/main", groups: ["release"], method: .token))
            let other = claims(server.url, ["ref": "refs/heads/x"])
            #expect(try await trust.verify(keys.token(other, kid: "one")).name == "forge/any")
            let list = claims(server.url, ["repository": "x", "groups": ["staff", "team-a"]])
            #expect(try await trust.verify(keys.token(list, kid: "one")).name == "forge/staff")
            let flag = claims(server.url, ["repository": "x", "email_verified": .bool(true)])
            #expect(try await trust.verify(keys.token(flag, kid: "one")).name == "forge/verified")
            let none = claims(server.url, ["repository": "acme2/app"])
            #expect(await refusal(trust, try await keys.token(none, kid: "one"))?.code == .invalidToken)
            #expect(server.asked == [Self.discoveryPath, "/keys"])
        }
    }

    @Test(arguments: ["RS256", "RS512", "PS256"]) func takesRSAByEachAlgorithm(_ algorithm: String) async throws {
        for stated in [algorithm, nil] {
            var keys = IssuerKeys()
            try await keys.addRSA("rsa", alg: stated, signing: algorithm)
            try await IssuerServer.with { [keys] server in
                try publish(keys, on: server)
                let token = try await keys.token(claims(server.url), kid: "rsa")
                #expect(try await trust(server.url).verify(token).name == "forge/main")
            }
        }
    }

    @Test func takesKeysThatNameNoAlgorithm() async throws {
        var keys = IssuerKeys()
        try await keys.addEd25519("ed", alg: nil)
        try await keys.addP256("ec", alg: nil)
        try await IssuerServer.with { [keys] server in
            try publish(keys, on: server)
            let trust = try trust(server.url)
            #expect(try await trust.verify(keys.token(claims(server.url), kid: "ed")).name == "forge/main")
            #expect(try await trust.verify(keys.token(claims(server.url), kid: "ec")).name == "forge/main")
        }
    }

    /// jwt-kit refuses a whole set for one entry that it does not know.
    @Test func passesOverKeysOfOtherKinds() async throws {
        var keys = IssuerKeys()
        try await keys.addEd25519("ed")
        let others = [
            ["kty": "AKP", "alg": "ML-DSA-44", "kid": "a", "pub": "AA"], ["kty": "oct", "k": "AAAA", "kid": "b"],
            ["kty": "OKP", "crv": "X25519", "kid": "c", "x": "AA"], ["kty": "EC", "crv": "secp256k1", "kid": "d"],
            ["kty": "RSA", "kid": "e"], ["kty": "RSA", "kid": "f", "n": "AQAB", "e": "AQAB"], ["kid": "g"], [:],
            ["kty": "RSA", "alg": "RSA-OAEP", "kid": "h", "n": "AQAB", "e": "AQAB"],
            ["kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "AA", "use": "enc"],
        ]
        try await IssuerServer.with { [keys] server in
            try publish(keys, on: server, besides: others)
            let token = try await keys.token(claims(server.url), kid: "ed")
            #expect(try await trust(server.url).verify(token).name == "forge/main")
        }
    }

    @Test func takesConfiguredKeysWithoutDiscovery() async throws {
        try await withIssuer { server, keys, _ in
            let trust = try trust("https://forge.example", jwks: server.url + "/keys")
            let token = try await keys.token(claims("https://forge.example"), kid: "one")
            #expect(try await trust.verify(token).name == "forge/main")
            #expect(server.asked == ["/keys"])
        }
    }

    // MARK: Wrong tokens

    @Test func refusesWrongClaims() async throws {
        try await withIssuer { server, keys, trust in
            let time = clock.wallSeconds
            let wrong: [[String: JSON]] = [
                ["aud": "mirror"], ["aud": ["mirror", "x"]], ["aud": .number(1)], ["exp": .number(time)],
                ["exp": .number(time - 1)], ["exp": .text("\(time + 9)")], ["nbf": .number(time + 31)], ["nbf": "x"],
                ["iat": .number(time + 31)], ["iat": "x"], ["iss": "https://other.example"],
                ["iss": .list([server.url])],
                ["iss": .text(server.url + "/")],
            ]
            for others in wrong {
                let token = try await keys.token(claims(server.url, others), kid: "one")
                #expect(await refusal(trust, token)?.code == .invalidToken, "\(others)")
            }
            for name in ["iss", "aud", "exp", "iat"] {
                let token = try await keys.token(claims(server.url).filter { $0.key != name }, kid: "one")
                #expect(await refusal(trust, token)?.code == .invalidToken, "\(name)")
            }
            // None of these was worth a question.
            #expect(server.asked.isEmpty)
            let right: [[String: JSON]] = [
                ["aud": ["x", "cairn"]], ["nbf": .number(time + 30)], ["exp": .fraction(Double(time) + 1.5)],
            ]
            for others in right {
                let token = try await keys.token(claims(server.url, others), kid: "one")
                #expect(await refusal(trust, token) == nil, "\(others)")
            }
        }
    }

    @Test func refusesForgedTokens() async throws {
        try await withIssuer { server, keys, trust in
            let token = try await keys.token(claims(server.url), kid: "one")
            #expect(await refusal(trust, token) == nil)
            var stranger = IssuerKeys()
            try await stranger.addP256("one")
            #expect(
                await refusal(trust, try await stranger.token(claims(server.url), kid: "one"))?.code == .invalidToken
            )
            let parts = token.split(separator: ".")
            var widened = try TokenForge.claims(of: token)
            widened["repository"] = "acme/secret"
            let forged = "\(parts[0]).\(try TokenForge.base64url(widened)).\(parts[2])"
            #expect(await refusal(trust, forged)?.code == .invalidToken)
            #expect(await refusal(trust, "\(parts[0]).\(parts[1]).")?.code == .invalidToken)
            #expect(await refusal(trust, "\(parts[0]).\(parts[1])")?.code == .invalidToken)
            let padded = try await keys.token(
                claims(server.url, ["x": .text(String(repeating: "a", count: 16_384))]),
                kid: "one"
            )
            #expect(await refusal(trust, padded)?.code == .invalidToken)
        }
    }

    @Test func refusesOtherAlgorithmsAndHeaders() async throws {
        try await withIssuer { server, keys, trust in
            let whole = try TokenForge.claims(of: try await keys.token(claims(server.url), kid: "one"))
            let set = keys.set()["keys"] as? [[String: String]]
            for alg in ["none", "HS256", "RS256", "EdDSA", "ES384", ""] {
                let header = ["alg": alg, "kid": "one", "typ": "JWT"]
                let signed = try TokenForge.base64url(header) + "." + TokenForge.base64url(whole)
                let code = try HMAC.sha256(Array(signed.utf8), key: Array((set?.first?["x"] ?? "").utf8))
                for signature in ["", "AAAA", TokenForge.base64url(code)] {
                    #expect(await refusal(trust, signed + "." + signature)?.code == .invalidToken, "\(alg)")
                }
            }
            let headers: [JWTHeader] = [["crit": ["exp"]], ["typ": "logout+jwt"]]
            for header in headers {
                let token = try await keys.token(claims(server.url), kid: "one", header: header)
                #expect(await refusal(trust, token)?.code == .invalidToken, "\(header.fields)")
            }
            let nameless = try TokenForge.base64url(["alg": "ES256"]) + "." + TokenForge.base64url(whole) + ".AAAA"
            #expect(await refusal(trust, nameless)?.code == .invalidToken)
        }
    }

    // MARK: Keys

    @Test func followsRotationWithoutAskingTooOften() async throws {
        try await withIssuer { server, keys, trust in
            let old = try await keys.token(claims(server.url), kid: "one")
            #expect(await refusal(trust, old) == nil)
            #expect(server.asked.count == 2)
            var rotated = IssuerKeys()
            try await rotated.addP256("two")
            try publish(rotated, on: server)
            let new = try await rotated.token(claims(server.url), kid: "two")
            // The keys were fetched just now.
            #expect(await refusal(trust, new)?.code == .invalidToken)
            #expect(server.asked.count == 2)
            clock.advance(seconds: 10)
            #expect(await refusal(trust, new) == nil)
            #expect(server.asked.count == 4)
            // The former key is gone.
            #expect(await refusal(trust, old)?.code == .invalidToken)
            #expect(server.asked.count == 4)
            for _ in 0..<20 { _ = await refusal(trust, try await keys.token(claims(server.url), kid: "one")) }
            #expect(server.asked.count == 4)
            #expect(await refusal(trust, new) == nil)
        }
    }

    @Test func forgetsKeysAfterTenMinutes() async throws {
        try await withIssuer { server, keys, trust in
            #expect(await refusal(trust, try await keys.token(claims(server.url), kid: "one")) == nil)
            clock.advance(seconds: 599)
            #expect(await refusal(trust, try await keys.token(claims(server.url), kid: "one")) == nil)
            #expect(server.asked.count == 2)
            server.publish(.none, at: "/keys")
            clock.advance(seconds: 1)
            let token = try await keys.token(claims(server.url), kid: "one")
            #expect(await refusal(trust, token)?.code == .invalidIssuer)
            #expect(server.asked.count == 4)
            #expect(await refusal(trust, token) != nil)
            #expect(server.asked.count == 4)
            try publish(keys, on: server)
            clock.advance(seconds: 10)
            #expect(await refusal(trust, token) == nil)
        }
    }

    @Test func manyWaitForOneFetch() async throws {
        try await withIssuer { server, keys, trust in
            let token = try await keys.token(claims(server.url), kid: "one")
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 { group.addTask { (try? await trust.verify(token)) != nil } }
                for await accepted in group { #expect(accepted) }
            }
            #expect(server.asked.count == 2)
        }
    }

    @Test func refusesAnotherIssuersDiscoveryDocument() async throws {
        try await withIssuer { server, keys, trust in
            let token = try await keys.token(claims(server.url), kid: "one")
            let documents: [[String: Any]] = [
                ["issuer": "https://other.example", "jwks_uri": server.url + "/keys"], ["issuer": server.url],
                ["issuer": server.url + "/", "jwks_uri": server.url + "/keys"], ["jwks_uri": server.url + "/keys"],
                ["issuer": server.url, "jwks_uri": "http://169.254.169.254/keys"],
                ["issuer": server.url, "jwks_uri": server.url + "0/keys"],
                ["issuer": server.url, "jwks_uri": "file:///etc/passwd"], ["issuer": server.url, "jwks_uri": 1],
            ]
            for document in documents {
                server.publish(try .json(document), at: Self.discoveryPath)
                #expect(await refusal(trust, token)?.code == .invalidIssuer, "\(document)")
                clock.advance(seconds: 10)
            }
            #expect(server.asked.allSatisfy { $0 == Self.discoveryPath })
            server.publish(IssuerServer.Answer(body: Array("{\"issuer\":".utf8)), at: Self.discoveryPath)
            #expect(await refusal(trust, token)?.code == .invalidIssuer)
        }
    }

    @Test func followsNoRedirect() async throws {
        try await withIssuer { server, keys, trust in
            let token = try await keys.token(claims(server.url), kid: "one")
            try server.publish(.json(keys.set()), at: "/elsewhere")
            let moved = IssuerServer.Answer(
                status: "302 Found",
                headers: ["Location: \(server.url)/elsewhere"],
                body: Array(try JSONSerialization.data(withJSONObject: keys.set()))
            )
            server.publish(moved, at: "/keys")
            let error = await refusal(trust, token)
            #expect(error?.code == .invalidIssuer)
            #expect(error?.reason.contains("302") == true)
            #expect(server.asked == [Self.discoveryPath, "/keys"])
        }
    }

    @Test func refusesLargeAndUselessAnswers() async throws {
        try await withIssuer { server, keys, trust in
            let token = try await keys.token(claims(server.url), kid: "one")
            let set = Array(try JSONSerialization.data(withJSONObject: keys.set()))
            let bodies = [
                set + [UInt8](repeating: 0x20, count: (1 << 20) + 1 - set.count), [], Array("[]".utf8),
                Array("{\"keys\":{}}".utf8), Array("{\"keys\":[]}".utf8), Array("{\"keys\":[{\"kty\":\"RSA\"}]}".utf8),
                Array(String(repeating: "[", count: 100_000).utf8),
            ]
            for body in bodies {
                server.publish(IssuerServer.Answer(body: body), at: "/keys")
                #expect(await refusal(trust, token)?.code == .invalidIssuer, "\(body.count) bytes")
                clock.advance(seconds: 10)
            }
            let largest = set + [UInt8](repeating: 0x20, count: (1 << 20) - set.count)
            server.publish(IssuerServer.Answer(body: largest), at: "/keys")
            #expect(await refusal(trust, token) == nil)
        }
    }

    @Test func saysSoWhenTheIssuerIsAway() async throws {
        var keys = IssuerKeys()
        try await keys.addP256("one")
        let trust = try trust("http://127.0.0.1:1")
        let token = try await keys.token(claims("http://127.0.0.1:1"), kid: "one")
        #expect(await refusal(trust, token)?.code == .invalidIssuer)
    }
}
