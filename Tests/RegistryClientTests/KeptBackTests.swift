// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import NIOHTTP1
import OCI
import RegistryClient
import TestSupport
import Testing
import Trust

@Suite("What a registry keeps back")
struct KeptBackTests {
    private static let unmet = #"{"digest":"x","reasons":["signed by 1 of a: by nobody","inventory: \u001b[2Jnone"]}"#

    private let registry = DoubleRegistry()
    private let key: SigningKey
    private let image: Digest

    init() throws {
        key = try SigningKey(seed: [UInt8](repeating: 1, count: 32))
        image = try registry.addImage(layers: [10], tag: "1").digest
    }

    private static func refusal(_ detail: String, code: String = "DENIED", status: Int = 403) -> DoubleReply {
        let body = #"{"errors":[{"code":"\#(code)","message":"kept back","detail":\#(detail)}]}"#
        return .answer(status: status, body: Array(body.utf8))
    }

    private func pull(_ reply: DoubleReply) async throws -> ClientError? {
        registry.lie { _, _ in reply }
        return try await registry.with { server in
            try await failure {
                _ = try await ClientFixture().pull("1", from: [server], to: try TemporaryDirectory())
            }
        }
    }

    @Test func allReasonsAreToldAndSafeToShow() async throws {
        let error = try await pull(Self.refusal(Self.unmet))
        #expect(error?.code == .keptBack && error?.exitStatus == 10)
        #expect(error?.reason.contains("\n  not met: signed by 1 of a: by nobody\n") == true)
        #expect(error?.reason.hasSuffix("\n  not met: inventory: \\u{1b}[2Jnone") == true)
    }

    @Test func aQuarantineIsPolicyToo() async throws {
        let error = try await pull(Self.refusal(#"{"digest":"x","quarantined":"sha256:y","reason":"it leaks"}"#))
        #expect(error?.code == .keptBack && error?.reason.contains("in quarantine: sha256:y") == true)
    }

    @Test func manyReasonsAreCut() async throws {
        let reasons = [String](repeating: #""r""#, count: 100).joined(separator: ",")
        let error = try await pull(Self.refusal(#"{"reasons":[\#(reasons)]}"#))
        #expect(error?.reason.split(separator: "\n").count == 34)
        #expect(error?.reason.hasSuffix("and 68 more") == true)
        let long = try await pull(Self.refusal(#"{"reasons":["\#(String(repeating: "x", count: 10_000))"]}"#))
        #expect((long?.reason.utf8.count ?? 0) < 3_000)
    }

    @Test(arguments: [
        (#"{"action":"pull"}"#, "DENIED", 403, ClientError.Code.denied), (#""x""#, "DENIED", 403, .denied),
        (unmet, "UNAUTHORIZED", 403, .denied), (#"{"reasons":"x"}"#, "DENIED", 403, .denied),
        (#"{"quarantined":true}"#, "DENIED", 403, .denied), (unmet, "DENIED", 401, .denied),
        (unmet, "DENIED", 404, .notFound), (unmet, "DENIED", 400, .network),
    ]) func otherRefusalsAreNot(detail: String, code: String, status: Int, expected: ClientError.Code) async throws {
        let error = try await pull(Self.refusal(detail, code: code, status: status))
        #expect(error?.code == expected)
    }

    @Test func plainTextIsToldAndCut() async throws {
        let body = Array("this port speaks TLS\n\(String(repeating: "x", count: 60_000))".utf8)
        let error = try await pull(.answer(status: 400, headers: [("Content-Type", "text/plain")], body: body))
        #expect(error?.code == .network && error?.reason.contains("answers 400: this port speaks TLS\\u{a}") == true)
        #expect((error?.reason.utf8.count ?? 0) < 500)
    }

    @Test(arguments: ["/manifests/", "/blobs/"]) func noOtherRegionIsAskedInstead(part: String) async throws {
        let other = DoubleRegistry()
        try other.addImage(layers: [10], tag: "1")
        registry.lie { request, _ in request.path.contains(part) ? Self.refusal(Self.unmet) : nil }
        try await registry.with { first in
            try await other.with { second in
                let error = try await failure {
                    _ = try await ClientFixture().pull("1", from: [first, second], to: try TemporaryDirectory())
                }
                #expect(error?.code == .keptBack && second.requests.isEmpty)
            }
        }
    }

    // MARK: Signing

    private func sign(_ reference: String = "1", legacyTag: Bool = false) async throws -> [ArtifactSigner.Stored] {
        let image = try ImageReference(parsing: "host/team/app" + reference)
        return try await registry.with { server in
            try await ClientFixture().at([server]) { regions async throws(ClientError) in
                let subject = try await ArtifactSigner.resolve(image, in: regions)
                let repository = regions.repositories[0]
                let signer = ArtifactSigner(repository: repository, key: key, reference: "host/team/app", now: 0)
                return try await signer.sign(subject, legacyTag: legacyTag)
            }
        }
    }

    /// A registry that keeps the image back, and answers to `HEAD` with these fields beside the length.
    private func keepBack(head: [(String, String)], length: Int = 300) {
        registry.lie { request, _ in
            guard request.path.contains("/manifests/"), !request.path.contains("/sha256-"), request.method != .PUT
            else {
                return nil
            }
            guard request.method == .HEAD else { return Self.refusal(Self.unmet) }
            return .answer(status: 200, headers: head, body: [UInt8](repeating: 0, count: length))
        }
    }

    private var head: [(String, String)] {
        [("Docker-Content-Digest", image.description), ("Content-Type", Sample.imageType)]
    }

    @Test(arguments: [true, false]) func whatIsKeptBackIsSigned(byTag: Bool) async throws {
        keepBack(head: head)
        _ = try await sign(byTag ? ":1" : "@\(image)")
        let referrer = try #require(registry.edit { $0.referrers[image.description]?.first })
        let subject = try #require(try Manifest(parsing: referrer, contentType: nil).subject)
        #expect(subject.digest == image && subject.size == 300 && subject.mediaType.description == Sample.imageType)
    }

    @Test func aHeadMustSayEverything() async throws {
        for missing in 0..<2 {
            keepBack(head: [head[1 - missing]])
            let error = try await failure { _ = try await sign(":1") }
            #expect(error?.code == .integrity)
        }
        for length in [0, OCILimits.manifestBytesLimit + 1] {
            keepBack(head: head, length: length)
            let error = try await failure { _ = try await sign(":1") }
            #expect(error?.code == .integrity)
        }
        #expect(registry.edit { $0.referrers.isEmpty })
    }

    @Test func aHeadOfAnotherDigestIsRefused() async throws {
        keepBack(head: head)
        let other = try Sample.digest([1])
        let error = try await failure { _ = try await sign(":1@\(other)") }
        #expect(error?.code == .integrity && registry.edit { $0.referrers.isEmpty })
    }

    @Test func aHeadIsAskedForOnlyWherePolicyKeepsBack() async throws {
        for detail in [Self.unmet, "{}"] {
            registry.lie { request, _ in
                guard request.path.contains("/manifests/") else { return nil }
                return request.method == .HEAD ? .status(403) : Self.refusal(detail)
            }
            try await registry.with { server in
                let error = try await failure {
                    try await ClientFixture().at([server]) { regions async throws(ClientError) in
                        _ = try await ArtifactSigner.resolve(ImageReference(parsing: "host/team/app:1"), in: regions)
                    }
                }
                // With both kept back, the first answer says why.
                #expect(error?.code == (detail == "{}" ? .denied : .keptBack))
                #expect(server.requests.filter { $0.method == .HEAD }.count == (detail == "{}" ? 0 : 1))
            }
        }
    }

    @Test func aTagOfSignaturesThatIsKeptBackIsNotReplaced() async throws {
        let tag = try #require(LegacyArtifact.signatureTag(of: image)).description
        registry.lie { [registry] request, _ in
            guard request.path.hasSuffix(".sig"), request.method != .PUT,
                let held = registry.edit({ $0.manifests[tag] })
            else { return nil }
            guard request.method == .HEAD, let digest = try? Sample.digest(held.bytes) else {
                return Self.refusal(Self.unmet)
            }
            let fields = [("Docker-Content-Digest", digest.description), ("Content-Type", held.type)]
            return .answer(status: 200, headers: fields, body: held.bytes)
        }
        // One that is new is known again by its digest.
        let stored = try await sign(":1", legacyTag: true)
        let first = try #require(registry.edit { $0.manifests[tag]?.bytes })
        #expect(stored.last?.digest == (try Sample.digest(first)))
        // To one that was there before nothing can be added.
        let error = try await failure { _ = try await sign(":1", legacyTag: true) }
        #expect(error?.code == .keptBack && error?.reason.contains("cannot be added to") == true)
        #expect(error?.reason.contains("(referrer) is stored") == true)
        #expect(registry.edit { $0.manifests[tag]?.bytes } == first)
    }
}
