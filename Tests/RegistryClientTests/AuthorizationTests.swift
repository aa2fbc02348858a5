// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient
import Synchronization
import TestSupport
import Testing

@Suite("Proof of who is asking")
struct AuthorizationTests {
    private static let basic = "Basic " + Base64.encode(Array("user:secret".utf8))

    private let one: Reference

    init() throws { one = try Reference(parsing: "1") }

    private func client() throws -> ClientFixture { try ClientFixture(Credentials(user: "user", password: "secret")) }

    private static func unauthorized(_ challenge: String) -> DoubleReply {
        .status(401, [("WWW-Authenticate", challenge)])
    }

    @Test func basicIsSentOnceItIsAskedFor() async throws {
        let registry = DoubleRegistry()
        try registry.addImage(layers: [10], tag: "1")
        registry.lie { request, _ in
            request["Authorization"] == Self.basic ? nil : Self.unauthorized(#"Basic realm="a""#)
        }
        try await registry.with { server in
            _ = try await client().pull("1", from: [server], to: try TemporaryDirectory())
            #expect(server.requests.filter { $0["Authorization"] == nil }.count == 1)
        }
    }

    @Test func aTokenIsFetchedOncePerScopeAndAgainWhenRefused() async throws {
        let registry = DoubleRegistry()
        try registry.addImage(layers: [10, 20, 30], tag: "1")
        let valid = Mutex("t1")
        registry.lie { request, _ in
            if request.path == "/token" {
                guard request["Authorization"] == Self.basic else { return .status(401) }
                return .answer(status: 200, body: Array(#"{"token":"\#(valid.withLock { $0 })"}"#.utf8))
            }
            if request["Authorization"] == "Bearer " + valid.withLock({ $0 }) { return nil }
            let port = request["Host"] ?? ""
            return Self.unauthorized(#"Bearer realm="http://\#(port)/token",service="the registry""#)
        }
        try await registry.with { server in
            try await client().at([server]) { [one] regions async throws(ClientError) in
                let repository = regions.repositories[0]
                for _ in 0..<3 { _ = try await repository.manifest(one) }
                valid.withLock { $0 = "t2" }
                _ = try await repository.manifest(one)
            }
            let tokens = server.requests.filter { $0.path == "/token" }
            let expected = "/token?service=the%20registry&scope=repository%3Ateam%2Fapp%3Apull"
            #expect(tokens.map(\.target) == [expected, expected])
        }
    }

    @Test func aTokenIsNotUsedAfterItsEnd() async throws {
        let registry = DoubleRegistry()
        try registry.addImage(layers: [10], tag: "1")
        registry.lie { request, _ in
            if request.path == "/token" {
                return .answer(status: 200, body: Array(#"{"access_token":"t","expires_in":300}"#.utf8))
            }
            if request["Authorization"] == "Bearer t" { return nil }
            return Self.unauthorized(#"Bearer realm="http://\#(request["Host"] ?? "")/token""#)
        }
        let seconds = Mutex<UInt64>(0)
        var client = try client()
        client.options.now = { seconds.withLock { $0 } * 1_000_000_000 }
        try await registry.with { [client] server in
            try await client.at([server]) { [one] regions async throws(ClientError) in
                let repository = regions.repositories[0]
                for time in [0, 200, 294, 296, 400] as [UInt64] {
                    seconds.withLock { $0 = time }
                    _ = try await repository.manifest(one)
                }
            }
            #expect(server.requests.filter { $0.path == "/token" }.count == 2)
        }
    }

    @Test func wrongCredentialsAreRefusedWithoutALoop() async throws {
        for challenge in [#"Basic realm="a""#, #"Bearer realm="http://HOST/token""#, #"Digest realm="a""#] {
            let registry = DoubleRegistry()
            registry.lie { request, _ in
                if request.path == "/token" { return .answer(status: 200, body: Array(#"{"token":"t"}"#.utf8)) }
                return Self.unauthorized(challenge.replacing("HOST", with: request["Host"] ?? ""))
            }
            try await registry.with { server in
                let error = try await failure {
                    _ = try await client().pull("1", from: [server], to: try TemporaryDirectory())
                }
                #expect(error?.code == .denied && error?.exitStatus == 4)
                #expect(server.requests.count <= 3)
            }
        }
    }

    @Test func aTokenServiceElsewhereNeedsTLS() async throws {
        let registry = DoubleRegistry()
        try await DoubleServer.with({ _ in .answer(status: 200, body: Array(#"{"token":"t"}"#.utf8)) }) { thief in
            registry.lie { _, _ in Self.unauthorized(#"Bearer realm="http://\#(thief.authority)/token""#) }
            try await registry.with { server in
                let error = try await failure {
                    _ = try await client().pull("1", from: [server], to: try TemporaryDirectory())
                }
                #expect(error?.code == .network && error?.reason.contains("without TLS") == true)
                #expect(thief.requests.isEmpty)
            }
        }
    }

    @Test func whereARegistryRedirectsNothingIsSentAlong() async throws {
        let registry = DoubleRegistry()
        let image = try registry.addImage(layers: [5_000], tag: "1")
        let digest = try Sample.digest(image.layers[0])
        try await DoubleServer.with({ DoubleRegistry.part(of: image.layers[0], $0) }) { store in
            registry.lie { request, _ in
                guard request["Authorization"] == Self.basic else { return Self.unauthorized(#"Basic realm="a""#) }
                guard request.path.hasSuffix(digest.description) else { return nil }
                return .status(307, [("Location", "http://\(store.authority)/object?signature=1")])
            }
            let directory = try TemporaryDirectory()
            try await registry.with { server in _ = try await client().pull("1", from: [server], to: directory) }
            let stored = try directory.read("layout/blobs/sha256/\(digest.hex)")
            #expect(stored == image.layers[0])
            #expect(store.requests.count == 1 && store.requests.allSatisfy { $0["Authorization"] == nil })
        }
    }

    @Test func noRedirectLeavesTLS() throws {
        let origins = try ["http://a.example", "https://b.example"].map { try WebAddress(parsing: $0).origin }
        let allowed = origins.map { from in origins.map { RemoteRegistry.mayRedirect(from: from, to: $0) } }
        #expect(allowed == [[true, true], [false, true]])
    }

    @Test func redirectsEnd() async throws {
        let registry = DoubleRegistry()
        registry.lie { request, _ in .status(302, [("Location", request.path)]) }
        try await registry.with { server in
            let error = try await failure {
                _ = try await client().pull("1", from: [server], to: try TemporaryDirectory())
            }
            #expect(error?.code == .network && server.requests.count == ClientLimits.redirects + 1)
        }
    }
}
