// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Cryptography
import Foundation
import TestSupport
import Testing

@Suite struct TokenIssuerTests {
    private static let seed = [UInt8](repeating: 1, count: 32)
    private static let alice = Principal(kind: .user, name: "alice", groups: ["staff"], method: .basic)
    private static let pull = [TokenAccess(type: "repository", name: "team/app", actions: ["pull"])]

    private let clock = ManualClock()
    private let keys: TokenKeys
    private let issuer: TokenIssuer

    init() throws {
        keys = try TokenKeys(random: Self.seed, now: 1_600_000_000)
        issuer = Self.issuer(keys, clock)
    }

    private static func issuer(_ keys: TokenKeys, _ clock: ManualClock, service: String = "cairn") -> TokenIssuer {
        TokenIssuer(keys: keys, service: service, seconds: 600) { clock.wallSeconds }
    }

    private var header: [String: Any] { ["typ": "JWT", "alg": "EdDSA", "kid": keys.signing.id] }

    private func token(_ access: [TokenAccess] = pull) async throws -> String {
        try await issuer.issue(principal: Self.alice, generation: 3, access: access, id: "id-1").token
    }

    /// A token of this issuer's key, right but for some claims.
    private func token(changing claims: [String: Any]) async throws -> String {
        let whole = try await TokenForge.claims(of: token()).merging(claims) { $1 }.filter { !($0.value is NSNull) }
        return try await TokenForge.token(header: header, claims: whole, seed: Self.seed)
    }

    private func refusal(_ token: String) async -> AccessError.Code? {
        await TokenForge.refusal { () throws(AccessError) in try await issuer.verify(token) }?.code
    }

    // MARK: Right tokens

    @Test func issuesWhatItVerifies() async throws {
        let (token, seconds) = try await issuer.issue(principal: Self.alice, generation: 3, access: Self.pull, id: "a")
        #expect(seconds == 600)
        #expect(issuer.cached(token) == nil)
        let verified = try await issuer.verify(token)
        #expect(verified.principal == Principal(kind: .user, name: "alice", groups: ["staff"], method: .token))
        #expect(verified.generation == 3)
        #expect(verified.access == Self.pull)
        #expect(verified.id == "a")
        #expect(verified.expires == clock.wallSeconds + 600)
        #expect(issuer.cached(token) == verified)
        #expect(try await issuer.verify(token) == verified)
    }

    @Test func hasTheFormOfTheTokenSpecification() async throws {
        let claims = try await TokenForge.claims(of: token())
        #expect(claims["iss"] as? String == "cairn")
        #expect(claims["aud"] as? String == "cairn")
        #expect(claims["sub"] as? String == "user:alice")
        #expect(claims["jti"] as? String == "id-1")
        #expect(claims["iat"] as? Int64 == clock.wallSeconds)
        #expect(claims["nbf"] as? Int64 == clock.wallSeconds)
        #expect(claims["exp"] as? Int64 == clock.wallSeconds + 600)
        let access = try #require(claims["access"] as? [[String: Any]])
        #expect(access.first?["name"] as? String == "team/app")
        #expect(access.first?["actions"] as? [String] == ["pull"])
    }

    @Test(arguments: [
        Principal.anonymous, Principal(kind: .robot, name: "ci", groups: [], method: .basic),
        Principal(kind: .workload, name: "github/acme-main", groups: ["ci", "main"], method: .token),
        Principal(kind: .certificate, name: "spiffe://eu/west", groups: [], method: .certificate),
    ])
    func keepsPrincipals(_ principal: Principal) async throws {
        let token = try await issuer.issue(principal: principal, generation: nil, access: [], id: "a").token
        let verified = try await issuer.verify(token)
        #expect(verified.principal.description == principal.description)
        #expect(verified.principal.groups == principal.groups)
        #expect(verified.principal.method == .token)
        #expect(verified.generation == nil)
        let subject = try TokenForge.claims(of: token)["sub"] as? String
        #expect(subject == (principal.kind == .anonymous ? "" : principal.description))
    }

    @Test func acceptsByHandWhatIsRight() async throws {
        #expect(await refusal(try await token(changing: [:])) == nil)
        #expect(await refusal(try await token(changing: ["nbf": clock.wallSeconds + 5])) == nil)
    }

    // MARK: Wrong tokens

    @Test func refusesAForgedSignature() async throws {
        let parts = try await token().split(separator: ".").map(String.init)
        let another = try await token([]).split(separator: ".").map(String.init)
        #expect(await refusal(parts[0] + "." + parts[1] + "." + another[2]) == .invalidToken)
        #expect(await refusal(parts[0] + "." + parts[1] + ".") == .invalidToken)
        #expect(await refusal(parts[0] + "." + parts[1]) == .invalidToken)
        #expect(await refusal(parts[0] + "." + parts[1] + "." + String(parts[2].dropLast(2))) == .invalidToken)
        let zero = TokenForge.base64url([UInt8](repeating: 0, count: 64))
        #expect(await refusal(parts[0] + "." + parts[1] + "." + zero) == .invalidToken)
    }

    @Test func refusesEveryChangedCharacter() async throws {
        let token = try await token()
        #expect(await refusal(token) == nil)
        for index in token.indices where token[index] != "." {
            let other: Character = token[index] == "A" ? "B" : "A"
            let changed = token[..<index] + [other] + token[token.index(after: index)...]
            #expect(await refusal(String(changed)) == .invalidToken)
        }
    }

    @Test func refusesAWidenedScope() async throws {
        let original = try await token()
        var claims = try TokenForge.claims(of: original)
        claims["access"] = [["type": "repository", "name": "team/app", "actions": ["pull", "push"]]]
        let parts = original.split(separator: ".")
        #expect(await refusal("\(parts[0]).\(try TokenForge.base64url(claims)).\(parts[2])") == .invalidToken)
    }

    @Test func refusesAnotherKeyUnderTheSameName() async throws {
        let claims = try await TokenForge.claims(of: token())
        let stranger = [UInt8](repeating: 2, count: 32)
        #expect(
            await refusal(try await TokenForge.token(header: header, claims: claims, seed: stranger)) == .invalidToken
        )
    }

    @Test func refusesAnUnknownKeyEvenIfItSignedRight() async throws {
        let claims = try await TokenForge.claims(of: token())
        let kids: [Any] = ["", "key", keys.signing.id + "A", 1, NSNull()]
        for kid in kids {
            let header = header.merging(["kid": kid]) { $1 }
            let token = try await TokenForge.token(header: header, claims: claims, seed: Self.seed)
            #expect(await refusal(token) == .invalidToken, "\(kid)")
        }
        let without = header.filter { $0.key != "kid" }
        #expect(await refusal(try await TokenForge.token(header: without, claims: claims, seed: Self.seed)) != nil)
    }

    @Test(arguments: ["none", "None", "HS256", "RS256", "ES256", "eddsa", ""])
    func refusesAnotherAlgorithm(_ algorithm: String) async throws {
        let claims = try await TokenForge.claims(of: token())
        let header = header.merging(["alg": algorithm]) { $1 }
        #expect(
            await refusal(try await TokenForge.token(header: header, claims: claims, seed: Self.seed)) == .invalidToken
        )
        let unsigned = try TokenForge.base64url(header) + "." + TokenForge.base64url(claims)
        #expect(await refusal(unsigned + ".") == .invalidToken)
        #expect(await refusal(unsigned) == .invalidToken)
    }

    /// The public key, which everybody may have, as the key of a symmetric algorithm.
    @Test func refusesTheAlgorithmSwap() async throws {
        let claims = try await TokenForge.claims(of: token())
        for typ in ["HS256", "EdDSA"] {
            let header = header.merging(["alg": typ]) { $1 }
            let signed = try TokenForge.base64url(header) + "." + TokenForge.base64url(claims)
            let code = try HMAC.sha256(Array(signed.utf8), key: keys.signing.publicKey)
            #expect(await refusal(signed + "." + TokenForge.base64url(code)) == .invalidToken)
        }
    }

    @Test func refusesHeadersWithMoreOrLess() async throws {
        let claims = try await TokenForge.claims(of: token())
        let more: [[String: Any]] = [
            ["crit": ["exp"]], ["jku": "https://evil.example/keys"], ["jwk": ["kty": "OKP"]], ["x5c": ["a"]],
            ["typ": "at+jwt"], ["typ": NSNull()],
        ]
        for members in more {
            let header = header.merging(members) { $1 }
            let token = try await TokenForge.token(header: header, claims: claims, seed: Self.seed)
            #expect(await refusal(token) == .invalidToken, "\(members)")
        }
    }

    @Test func refusesWrongTimes() async throws {
        let token = try await token()
        clock.advance(seconds: 599)
        #expect(await refusal(token) == nil)
        clock.advance(seconds: 1)
        #expect(issuer.cached(token) == nil)
        #expect(await refusal(token) == .invalidToken)
        let time = clock.wallSeconds
        let wrong: [[String: Any]] = [
            ["exp": time], ["exp": time - 1], ["nbf": time + 6], ["iat": time + 6, "nbf": time], ["exp": time + 901],
            ["exp": Int64.max], ["iat": -1, "exp": Int64.max], ["iat": Int64.min, "exp": Int64.max], ["exp": NSNull()],
            ["nbf": NSNull()], ["iat": NSNull()], ["exp": "\(time + 60)"], ["exp": Double(time) + 0.5],
        ]
        for claims in wrong {
            #expect(await refusal(try await self.token(changing: claims)) == .invalidToken, "\(claims)")
        }
    }

    @Test func refusesAnotherIssuerAudienceAndSubject() async throws {
        let wrong: [[String: Any]] = [
            ["iss": "mirror"], ["aud": "mirror"], ["iss": "CAIRN"], ["aud": ["cairn", "mirror"]], ["aud": NSNull()],
            ["iss": NSNull()], ["sub": "alice"], ["sub": "king:alice"], ["sub": "user:"], ["sub": NSNull()],
            ["use": "access"], ["access": NSNull()],
        ]
        for claims in wrong {
            #expect(await refusal(try await token(changing: claims)) == .invalidToken, "\(claims)")
        }
        let other = Self.issuer(keys, clock, service: "mirror")
        let token = try await other.issue(principal: Self.alice, generation: 3, access: Self.pull, id: "a").token
        #expect(await refusal(token) == .invalidToken)
    }

    @Test func refusesLargeTokens() async throws {
        let padded = try await token(changing: ["groups": [String(repeating: "a", count: 9 * 1024)]])
        #expect(padded.utf8.count > 9 * 1024)
        #expect(await refusal(padded) == .invalidToken)
        #expect(await refusal(String(repeating: ".", count: 1 << 20)) == .invalidToken)
        let many = (0..<400).map { TokenAccess(type: "repository", name: "team/app-\($0)", actions: ["pull"]) }
        let error = await TokenForge.refusal { () throws(AccessError) in
            try await issuer.issue(principal: Self.alice, generation: 0, access: many, id: "a")
        }
        #expect(error?.code == .invalidScope)
    }

    @Test func reasonsQuoteNothing() async throws {
        let token = try await token(changing: ["sub": "secret-subject"])
        let error = await TokenForge.refusal { () throws(AccessError) in try await issuer.verify(token) }
        #expect(error?.description.contains("secret-subject") == false)
    }

    // MARK: Uses

    @Test func refreshTokensAreNoAccessTokensAndTheReverse() async throws {
        let refresh = try await issuer.issueRefresh(principal: Self.alice, generation: 3)
        let access = try await token()
        #expect(await refusal(refresh) == .invalidToken)
        let error = await TokenForge.refusal { () throws(AccessError) in try await issuer.verifyRefresh(access) }
        #expect(error?.code == .invalidToken)
        let verified = try await issuer.verifyRefresh(refresh)
        #expect(verified.principal.description == "user:alice")
        #expect(verified.generation == 3)
        #expect(await refusal(refresh) == .invalidToken)
        clock.advance(seconds: 30 * 86_400 - 1)
        _ = try await issuer.verifyRefresh(refresh)
        clock.advance(seconds: 1)
        let late = await TokenForge.refusal { () throws(AccessError) in try await issuer.verifyRefresh(refresh) }
        #expect(late?.code == .invalidToken)
    }

    @Test func aRevokedRobotsTokenTellsItsGeneration() async throws {
        let directory = try TemporaryDirectory()
        let file = RobotsFile(path: directory.path + "/robots.json")
        let now = clock.wallSeconds
        _ = try file.create(name: "ci", grants: [try Grant(parsing: "pull:**")], expires: nil, now: now)
        let ci = Principal(kind: .robot, name: "ci", groups: [], method: .basic)
        let generation = try file.load().generation(of: "ci", now: now)
        let token = try await issuer.issue(principal: ci, generation: generation, access: Self.pull, id: "a").token
        func isAlive() async throws -> Bool {
            try await issuer.verify(token).generation == file.load().generation(of: "ci", now: now)
        }
        #expect(try await isAlive())
        _ = try file.rotate(name: "ci", now: now)
        #expect(try await !isAlive())
        try file.revoke(name: "ci")
        #expect(try await !isAlive())
        _ = try file.create(name: "ci", grants: [try Grant(parsing: "pull:**")], expires: nil, now: now)
        #expect(try await !isAlive())
    }
}
