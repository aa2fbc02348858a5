// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import NIOHTTP1
import OCI
import RegistryClient
import TestSupport
import Testing
import Trust

@Suite("Signatures in a registry")
struct TrustTests {
    private let registry = DoubleRegistry()
    private let signer: SigningKey
    private let stranger: SigningKey
    private let image: Digest

    init() throws {
        signer = try SigningKey(seed: [UInt8](repeating: 1, count: 32))
        stranger = try SigningKey(seed: [UInt8](repeating: 2, count: 32))
        image = try registry.addImage(layers: [10], tag: "1").digest
    }

    private func attach(
        with key: SigningKey,
        legacyTag: Bool = false,
        to reference: String = "1",
        attesting type: PredicateType? = nil
    ) async throws -> [ArtifactSigner.Stored] {
        let reference = try Reference(parsing: reference)
        return try await registry.with { server in
            try await ClientFixture().at([server]) { regions async throws(ClientError) in
                let subject = try await ImagePull.resolve(reference, in: regions).descriptor
                let repository = regions.repositories[0]
                let signer = ArtifactSigner(repository: repository, key: key, reference: "host/team/app", now: 0)
                guard let type else { return try await signer.sign(subject, legacyTag: legacyTag) }
                let predicate = Array(#"{"a":1}"#.utf8)
                return try await signer.attest(subject, type: type, predicate: predicate, legacyTag: legacyTag)
            }
        }
    }

    private func verify(
        by keys: [SigningKey],
        policy: String? = nil,
        reference: String = "1"
    ) async throws -> VerificationReport {
        let reference = try Reference(parsing: reference)
        let trusted = try keys.enumerated().map { try TrustKey(name: "key\($0)", key: $1.verificationKey) }
        let policy = try policy.map { try TrustPolicy(parsing: $0, directory: "/") { _ in [] } }
        let check = TrustCheck(keys: trusted, policy: policy, now: 1_000)
        return try await registry.with { server in
            try await ClientFixture().at([server]) { regions async throws(ClientError) in
                let root = try await ImagePull.resolve(reference, in: regions)
                let contents = try await ImageContents(of: root, platforms: .all, from: regions)
                return try await ImageVerifier(log: nil, trust: check).verify(contents, as: reference, in: regions)
            }
        }
    }

    private func refusal(by keys: [SigningKey], policy: String? = nil) async throws -> ClientError? {
        try await failure { _ = try await verify(by: keys, policy: policy) }
    }

    @Test(arguments: [false, true]) func aSignatureIsFoundAsAReferrer(hasReferrers: Bool) async throws {
        registry.edit { $0.hasReferrers = hasReferrers }
        let stored = try await attach(with: signer)
        #expect(stored.map(\.tag) == [nil])
        let report = try await verify(by: [stranger, signer])
        #expect(report.trust?.signers == ["key1"])
        let fallback = registry.edit { $0.manifests[image.referrersTag.description] }
        #expect(fallback?.type == Sample.indexType)
    }

    @Test func referrersUnderTheTagAreAddedToNotReplaced() async throws {
        registry.edit { $0.hasReferrers = false }
        _ = try await attach(with: stranger)
        _ = try await attach(with: signer, attesting: .custom)
        _ = try await attach(with: signer)
        let list = try #require(registry.edit { $0.manifests[image.referrersTag.description]?.bytes })
        let entries = try #require(try JSONValue(parsing: list)["manifests"]?.elements)
        #expect(entries.count == 3)
        #expect(entries.allSatisfy { $0["artifactType"]?.text == MediaType.sigstoreBundle.description })
        let report = try await verify(by: [signer])
        #expect(report.trust?.findings.count == 3)
        let attestations = report.trust?.findings.filter { !$0.isSignature } ?? []
        #expect(attestations.map(\.predicateType) == [PredicateType.custom.text])
    }

    @Test func theOlderFormIsAddedToItsTag() async throws {
        let tag = try #require(LegacyArtifact.signatureTag(of: image))
        _ = try await attach(with: stranger, legacyTag: true)
        let stored = try await attach(with: signer, legacyTag: true)
        #expect(stored.map(\.tag) == [nil, tag])
        let held = try #require(registry.edit { $0.manifests[tag.description]?.bytes })
        #expect(try Manifest(parsing: held, contentType: nil).layers.count == 2)
        // It is enough on its own.
        registry.edit { $0.referrers = [:] }
        registry.edit { state in state.manifests[image.referrersTag.description] = nil }
        let report = try await verify(by: [signer])
        #expect(report.trust?.signers == ["key0"])
    }

    @Test func aTagThatChangesMeanwhileLosesNothing() async throws {
        let tag = try #require(LegacyArtifact.signatureTag(of: image))
        _ = try await attach(with: stranger, legacyTag: true)
        let foreign = try #require(registry.edit { $0.manifests[tag.description] })
        registry.edit { $0.manifests[tag.description] = nil }
        // Between the client's look and its push somebody else makes the tag.
        registry.lie { [registry] request, _ in
            guard request.method == .PUT, request.path.hasSuffix(tag.description) else { return nil }
            registry.edit { state in
                if state.manifests[tag.description] == nil { state.manifests[tag.description] = foreign }
            }
            return nil
        }
        _ = try await attach(with: signer, legacyTag: true)
        let held = try #require(registry.edit { $0.manifests[tag.description]?.bytes })
        #expect(try Manifest(parsing: held, contentType: nil).layers.count == 2)
    }

    @Test func whatIsUnsignedOrSignedByOthersIsRefused() async throws {
        let unsigned = try await refusal(by: [signer])
        #expect(unsigned?.code == .policy && unsigned?.exitStatus == 10)
        #expect(unsigned?.reason.contains("no signature") == true)
        _ = try await attach(with: stranger, legacyTag: true)
        let foreign = try await refusal(by: [signer])
        #expect(foreign?.code == .policy && foreign?.reason.contains("no given key signed it") == true)
    }

    @Test func anAttestationIsNoSignature() async throws {
        _ = try await attach(with: signer, legacyTag: true, attesting: .custom)
        let error = try await refusal(by: [signer])
        #expect(error?.code == .policy)
    }

    @Test func aSignatureOfAnotherDigestIsRefused() async throws {
        let other = try registry.addImage(layers: [10], seed: 9, tag: "other").digest
        _ = try await attach(with: signer, legacyTag: true, to: "other")
        let tags = try [image, other].map { try #require(LegacyArtifact.signatureTag(of: $0)).description }
        registry.edit { state in
            // The referrer of the other image is listed here, and its tag's content is under this image's tag.
            state.referrers[image.description] = state.referrers[other.description]
            state.manifests[tags[0]] = state.manifests[tags[1]]
        }
        let error = try await refusal(by: [signer])
        #expect(error?.code == .policy && error?.reason.contains("about another image") == true)
    }

    @Test func aBundleThatWasChangedIsRefused() async throws {
        _ = try await attach(with: signer)
        let bundle = try #require(registry.edit { $0.blobs.first { $0.value.count > 200 } })
        registry.edit { $0.blobs[bundle.key]?[100] ^= 1 }
        let error = try await refusal(by: [signer])
        #expect(error?.code == .integrity)
    }

    @Test func aSignedIndexVouchesForItsImages() async throws {
        let bytes = try #require(registry.edit { $0.manifests[image.description]?.bytes })
        try registry.add(manifest: try Sample.index([bytes]), type: Sample.indexType, tag: "multi")
        _ = try await attach(with: signer, to: "multi")
        let report = try await verify(by: [signer], reference: "multi")
        #expect(report.trust?.signers == ["key0"])
    }

    @Test func aSignedImageDoesNotVouchForItsIndex() async throws {
        let second = try registry.addImage(layers: [10], seed: 4, tag: "2").digest
        let images = try [image, second].map { digest in
            try #require(registry.edit { $0.manifests[digest.description]?.bytes })
        }
        try registry.add(manifest: try Sample.index(images), type: Sample.indexType, tag: "multi")
        _ = try await attach(with: signer, to: "1")
        let error = try await failure { _ = try await verify(by: [signer], reference: "multi") }
        #expect(error?.code == .policy)
    }

    @Test func whatIsListedAndRefersElsewhereIsSkipped() async throws {
        let other = try registry.addImage(layers: [10], seed: 9, tag: "other").digest
        _ = try await attach(with: signer, to: "other")
        _ = try await attach(with: signer)
        registry.edit { state in
            state.referrers[image.description, default: []] += state.referrers[other.description] ?? []
        }
        let report = try await verify(by: [signer])
        #expect(report.trust?.findings.count == 1)
        #expect(report.trust?.warnings.contains { $0.contains("refers to something else") } == true)
    }

    @Test func thePolicyDecides() async throws {
        let pem = signer.verificationKey.pem.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        let policy = """
            keys:
              release: |
            \(pem)
            rules:
              - repositories: [team/*]
                enforce: pull
                require:
                  - signed: {keys: [release], threshold: 1}
            """
        let error = try await refusal(by: [], policy: policy)
        #expect(error?.code == .policy && error?.reason.contains("the policy refuses team/app") == true)
        _ = try await attach(with: signer)
        let report = try await verify(by: [], policy: policy)
        #expect(report.trust?.outcomes.map(\.isSatisfied) == [true])
        let elsewhere = try await verify(by: [], policy: policy.replacing("team/*", with: "other/*"))
        #expect(elsewhere.trust?.warnings == ["no rule of the policy is for team/app"])
    }

    @Test func thereMustBeSomethingToVerifyAgainst() {
        let error = #expect(throws: ClientError.self) { _ = try ImageVerifier(log: nil, trust: nil) }
        #expect(error?.code == .usage)
    }

    @Test func reportsAreValidJSON() async throws {
        _ = try await attach(with: signer)
        _ = try await attach(with: stranger, attesting: .custom)
        var report = try await verify(by: [signer])
        report.blobs = (3, 4_000)
        let document = try JSONValue(parsing: Array(report.json.utf8))
        #expect(document["digest"]?.text == image.description)
        #expect(document["signedBy"] == .array([.string("key0")]))
        #expect(document["attestations"]?.elements?.count == 1 && document["blobs"]?["count"] == .integer(3))
        #expect(report.lines.contains("blobs: 3 read and compared, 3.9 KiB"))
    }

    @Test func everyBlobIsReadAndCompared() async throws {
        let target = try registry.addImage(layers: [100_000, 3], seed: 5, tag: "blobs")
        let digest = try Sample.digest(target.layers[0])
        let reference = try Reference(parsing: "blobs")
        let check = { @Sendable (server: DoubleServer) in
            try await ClientFixture().at([server]) { regions async throws(ClientError) in
                let root = try await ImagePull.resolve(reference, in: regions)
                let contents = try await ImageContents(of: root, platforms: .all, from: regions)
                let progress = PullProgress()
                try await ImageVerifier.checkBlobs(of: contents, in: regions, progress)
                return progress.snapshot
            }
        }
        try await registry.with { server in
            let progress = try await check(server)
            #expect(progress.blobsDone == 3 && progress.bytesReceived == progress.bytesTotal)
            registry.edit { $0.blobs[digest.description]?[99_999] ^= 1 }
            let error = try await failure { _ = try await check(server) }
            #expect(error?.code == .integrity && error?.reason.contains(digest.description) == true)
        }
    }
}
