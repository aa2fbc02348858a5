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
        attesting type: PredicateType? = nil,
        _ predicate: String = #"{"a":1}"#
    ) async throws -> [ArtifactSigner.Stored] {
        let reference = try Reference(parsing: reference)
        return try await registry.with { server in
            try await ClientFixture().at([server]) { regions async throws(ClientError) in
                let subject = try await ImagePull.resolve(reference, in: regions).descriptor
                let repository = regions.repositories[0]
                let signer = ArtifactSigner(repository: repository, key: key, reference: "host/team/app", now: 0)
                guard let type else { return try await signer.sign(subject, legacyTag: legacyTag) }
                let bytes = Array(predicate.utf8)
                return try await signer.attest(subject, type: type, predicate: bytes, legacyTag: legacyTag)
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

    /// A policy that asks one thing of what is pulled.
    private func policy(_ requirement: String) -> String {
        let pem = signer.verificationKey.pem.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        return """
            keys:
              release: |
            \(pem)
            rules:
              - repositories: [team/*]
                enforce: pull
                require:
                  - \(requirement)
            """
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

    @Test func aBundleThatIsLongerThanItsDescriptorIsRefused() async throws {
        _ = try await attach(with: signer)
        let bundle = try #require(registry.edit { $0.blobs.first { $0.value.count > 200 } })
        registry.edit { $0.blobs[bundle.key]? += [0] }
        let error = try await refusal(by: [signer])
        #expect(error?.code == .integrity && error?.exitStatus == 11)
        #expect(error?.reason.contains("more bytes of \(bundle.key) than it has") == true)
    }

    // MARK: What may not be looked at

    @Test func tagsThatMayNotBePulledCountAsAbsentWithAWarning() async throws {
        _ = try await attach(with: signer)
        registry.lie { request, _ in request.path.contains("/manifests/sha256-") ? .status(403) : nil }
        let report = try await verify(by: [signer])
        #expect(report.trust?.signers == ["key0"])
        let tags = [LegacyArtifact.signatureTag(of: image), LegacyArtifact.attestationTag(of: image)]
        for tag in try tags.map({ try #require($0) }) {
            #expect(report.trust?.warnings.contains { $0.contains("the tag \(tag) was not looked at") } == true)
        }
        registry.edit { $0.hasReferrers = false }
        let error = try await refusal(by: [signer])
        #expect(error?.code == .policy && error?.reason.contains("no signature") == true)
        let unasked = try await verify(by: [])
        #expect(unasked.trust?.warnings.contains { $0.contains("the tag \(image.referrersTag) was") } == true)
    }

    @Test func whatIsKeptBackUnderATagIsNotAbsent() async throws {
        _ = try await attach(with: signer)
        let body = Array(#"{"errors":[{"code":"DENIED","message":"x","detail":{"reasons":["r"]}}]}"#.utf8)
        registry.lie { request, _ in
            request.path.contains("/manifests/sha256-") ? .answer(status: 403, body: body) : nil
        }
        let error = try await refusal(by: [signer])
        #expect(error?.code == .keptBack)
    }

    @Test func aReferrerThatMayNotBePulledIsNotAbsent() async throws {
        let stored = try await attach(with: signer)
        let referrer = try #require(stored.first).digest.description
        registry.lie { request, _ in request.path.hasSuffix("/manifests/\(referrer)") ? .status(403) : nil }
        let error = try await refusal(by: [signer])
        #expect(error?.code == .denied)
    }

    // MARK: What is cut off

    /// Attaches a signed report that finds nothing, which is enough for the policy as long as that is all there is.
    private func attachReport() async throws -> String {
        let report = #"""
            {"scanner":{"uri":"a","version":"1","db":{},"result":{"SchemaVersion":2,"ArtifactName":"a"}},
            "metadata":{"scanFinishedOn":"1970-01-01T00:00:00Z"}}
            """#
        _ = try await attach(with: signer, attesting: .vulnerabilities, report)
        return policy("vulnerabilities: {keys: [release], max-severity: low, max-age: 1d}")
    }

    /// Something that is attached to the image and names reports of 16 MiB each, which are not there.
    private func referrer(reports: Int, mark: Int = 0) throws -> [UInt8] {
        let size = try #require(registry.edit { $0.manifests[image.description]?.bytes.count })
        let layers = try (0..<reports).map { number in
            let digest = try Sample.digest([UInt8(number)])
            return #"{"mediaType":"\#(MediaType.sarif)","digest":"\#(digest)","size":16777216}"#
        }
        let config = #"{"mediaType":"\#(MediaType.sarif)","digest":"\#(try Sample.digest([]))","size":0}"#
        let subject = #"{"mediaType":"\#(Sample.imageType)","digest":"\#(image)","size":\#(size)}"#
        let text = """
            {"schemaVersion":2,"mediaType":"\(Sample.imageType)","config":\(config),"subject":\(subject),
            "layers":[\(layers.joined(separator: ","))],"annotations":{"mark":"\(mark)"}}
            """
        return Array(text.utf8)
    }

    @Test(arguments: [(255, true), (256, false)])
    func moreReferrersThanAreLookedAtFailWhatAWorseReportMayFail(others: Int, isSatisfied: Bool) async throws {
        let policy = try await attachReport()
        let referrers = try (0..<others).map { try referrer(reports: 0, mark: $0) }
        registry.edit { $0.referrers[image.description, default: []] += referrers }
        try await require(policy, isSatisfied, warning: "more refers to \(image) than the 256")
    }

    @Test(arguments: [(3, true), (4, false)])
    func moreBytesThanAreLookedAtFailWhatAWorseReportMayFail(reports: Int, isSatisfied: Bool) async throws {
        let policy = try await attachReport()
        let referrer = try referrer(reports: reports)
        try registry.add(manifest: referrer)
        registry.edit { $0.referrers[image.description, default: []] += [referrer] }
        try await require(policy, isSatisfied, warning: "is too large to be looked at")
    }

    @Test(arguments: [255, 257]) func whatIsCutOffOfAnIndexIsCutOffOfItsImages(count: Int) async throws {
        let policy = try await attachReport()
        let bytes = try #require(registry.edit { $0.manifests[image.description]?.bytes })
        let index = try Sample.index([bytes])
        let digest = try registry.add(manifest: index, type: Sample.indexType, tag: "multi")
        let referrers = try (0..<count).map { try referrer(reports: 0, mark: $0) }
        registry.edit { $0.referrers[digest.description] = referrers }
        let error = try await failure { _ = try await verify(by: [], policy: policy, reference: "multi") }
        #expect(error?.code == (count > 256 ? .policy : nil))
        #expect(count <= 256 || error?.reason.contains("\(image): ") == true)
    }

    private func require(_ policy: String, _ isSatisfied: Bool, warning: String) async throws {
        let error = try await refusal(by: [], policy: policy)
        #expect(error?.code == (isSatisfied ? nil : .policy))
        #expect(isSatisfied || error?.reason.contains("more is attached to the image than is looked at") == true)
        // A rule that only warns lets the report tell what was left out.
        let lenient = policy.replacing("enforce: pull", with: "enforce: warn")
        let report = try await verify(by: [], policy: lenient)
        #expect(report.trust?.warnings.contains { $0.contains(warning) } == !isSatisfied)
        #expect(report.trust?.outcomes.map(\.isSatisfied) == [isSatisfied])
    }

    // MARK: Indexes

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
        let policy = policy("signed: {keys: [release], threshold: 1}")
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
