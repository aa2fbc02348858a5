// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Trust

@Suite struct ArtifactTests {
    private static let subject = Descriptor(
        mediaType: .imageManifest,
        digest: Sample.image,
        size: 777,
        annotations: ["org.opencontainers.image.ref.name": "v1"]
    )

    @Test func referrerHasTheBytesOfTheFormat() throws {
        let bundle = try SigstoreBundle.signature(of: Sample.image, with: Sample.key("one"))
        let artifact = try TrustArtifact.referrer(of: Self.subject, bundle: bundle, created: Sample.now)
        #expect(
            String(decoding: artifact.manifest, as: UTF8.self) == """
                {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
                "artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json",\
                "config":{"mediaType":"application/vnd.oci.empty.v1+json",\
                "digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},\
                "layers":[{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",\
                "digest":"sha256:d838c8414ef3ecf776dc5bceb5619df58cf236974e7cb3389239f7abb4d20685","size":627}],\
                "subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json",\
                "digest":"\(Sample.image)","size":777},\
                "annotations":{"dev.sigstore.bundle.content":"dsse-envelope",\
                "dev.sigstore.bundle.predicateType":"https://sigstore.dev/cosign/sign/v1",\
                "org.opencontainers.image.created":"2026-01-31T12:00:00Z"}}
                """
        )
        #expect(artifact.digest.hex == "a8399d85ec34aa68b427a0bf8e16a6f6afb6caa63bfaec3875c7351533cda466")
        #expect(artifact.blobs.map(\.bytes) == [Array("{}".utf8), bundle.bytes])
        let manifest = try Manifest(parsing: artifact.manifest, contentType: .imageManifest)
        #expect(manifest.artifactType == .sigstoreBundle)
        #expect(manifest.subject?.digest == Sample.image)
    }

    @Test func messagesAreNoReferrers() throws {
        let bundle = SigstoreBundle(
            material: .publicKey(hint: ""),
            content: .message(digest: Sample.image, signature: [1])
        )
        #expect(throws: TrustError.self) { try TrustArtifact.referrer(of: Self.subject, bundle: bundle, created: 0) }
        #expect(throws: TrustError.self) { try LegacyArtifact.attestation(bundle) }
    }

    /// The payload, and the signature of another implementation with the key of the seed 0 to 31.
    @Test func simpleSigningHasTheBytesOfTheFormat() throws {
        let layer = try LegacyArtifact.signature(
            of: Sample.image,
            reference: "registry.example/team/app",
            with: Sample.key("one")
        )
        #expect(
            String(decoding: layer.bytes, as: UTF8.self) == """
                {"critical":{"identity":{"docker-reference":"registry.example/team/app"},\
                "image":{"docker-manifest-digest":"\(Sample.image)"},\
                "type":"cosign container image signature"},"optional":null}
                """
        )
        let signature = "632jS0Lw+CVZTeADRz6aLLjyoVqXgYyNiGXi8v+NKq2FG/z5O4QqQFy9j4YZu02uazlzgva40sEEnbj7GROiBA=="
        #expect(layer.descriptor.annotations == ["dev.cosignproject.cosign/signature": signature])
        #expect(layer.descriptor.mediaType.description == "application/vnd.dev.cosign.simplesigning.v1+json")
        let keys = try Sample.trustKeys()
        #expect(SimpleSigning.signers(of: layer.bytes, signature: signature, among: keys) == ["one"])
        #expect(SimpleSigning.signers(of: layer.bytes + [0x20], signature: signature, among: keys).isEmpty)
        for junk in ["", "AAAA", "?", String(repeating: "A", count: 4000)] {
            #expect(SimpleSigning.signers(of: layer.bytes, signature: junk, among: keys).isEmpty)
        }
    }

    @Test(
        arguments: [
            (#"{"critical":{"image":{"docker-manifest-digest":"D"},"type":"T"},"optional":{"a":1}}"#, true),
            (#"{"critical":{"image":{"Docker-manifest-digest":"D"},"type":"T"},"optional":null}"#, true),
            (#"{"critical":{"image":{"docker-manifest-digest":"D","Docker-manifest-digest":"D"},"type":"T"}}"#, false),
            (#"{"critical":{"image":{"docker-manifest-digest":"x"},"type":"T"}}"#, false),
            (#"{"critical":{"image":{"docker-manifest-digest":"D"},"type":"atomic container signature"}}"#, false),
            (#"{"critical":{"image":{},"type":"T"}}"#, false), (#"{"critical":{"type":"T"}}"#, false),
            ("{}", false), ("", false),
        ]
    )
    func payloads(text: String, isTaken: Bool) throws {
        let text = text.replacing("\"D\"", with: "\"\(Sample.image)\"")
            .replacing("\"T\"", with: "\"cosign container image signature\"")
        let error = refused { () throws(TrustError) in try SimpleSigning(parsing: Array(text.utf8)) }
        #expect((error == nil) == isTaken, "\(String(describing: error))")
        if isTaken { #expect(try SimpleSigning(parsing: Array(text.utf8)).image == Sample.image) }
    }

    @Test func legacyTags() {
        #expect(LegacyArtifact.signatureTag(of: Sample.image)?.description == "sha256-\(Sample.image.hex).sig")
        #expect(LegacyArtifact.attestationTag(of: Sample.image)?.description == "sha256-\(Sample.image.hex).att")
        #expect(LegacyArtifact.signatureTag(of: Sample.image)?.namesAttachment == true)
        let long = Digest(algorithm: .sha512, bytes: [UInt8](repeating: 7, count: 64))
        #expect(long.flatMap { LegacyArtifact.signatureTag(of: $0) } == nil)
    }

    @Test func legacyImagesGrow() throws {
        let first = try LegacyArtifact.signature(of: Sample.image, reference: "r", with: Sample.key("one"))
        let one = try LegacyArtifact.appending(first, to: nil)
        let manifest = try Manifest(parsing: one.manifest, contentType: .imageManifest)
        #expect(manifest.layers == [first.descriptor])
        #expect(manifest.config?.mediaType == .imageConfig)
        #expect(manifest.config?.digest == one.blobs.first?.descriptor.digest)
        #expect(
            one.blobs.first.map { String(decoding: $0.bytes, as: UTF8.self) } == """
                {"architecture":"","config":{},"os":"","rootfs":{"diff_ids":["\(first.descriptor.digest)"],\
                "type":"layers"}}
                """
        )

        let second = try LegacyArtifact.signature(of: Sample.image, reference: "r", with: Sample.key("two"))
        let two = try LegacyArtifact.appending(second, to: manifest)
        let grown = try Manifest(parsing: two.manifest, contentType: .imageManifest)
        // One payload, two signatures: what differs is the annotation.
        #expect(grown.layers == [first.descriptor, second.descriptor])
        #expect(first.descriptor.digest == second.descriptor.digest)

        let again = try LegacyArtifact.appending(first, to: grown)
        #expect(again.manifest == two.manifest && again.blobs.isEmpty)
    }

    @Test func legacyAttestations() throws {
        let bundle = try SigstoreBundle.attestation(
            of: Sample.image,
            type: .spdx,
            predicate: Array("{}".utf8),
            with: Sample.key("one")
        )
        let layer = try LegacyArtifact.attestation(bundle)
        #expect(layer.descriptor.mediaType.description == "application/vnd.dsse.envelope.v1+json")
        #expect(
            layer.descriptor.annotations == [
                "dev.cosignproject.cosign/signature": "", "predicateType": "https://spdx.dev/Document",
            ]
        )
        #expect(try DSSEEnvelope(parsing: layer.bytes).statement() == bundle.statement())
    }

    @Test func evidenceIsFoundInManifests() throws {
        let keys = try Sample.trustKeys()
        let bundle = try SigstoreBundle.signature(of: Sample.image, with: Sample.key("one"))
        let spdx = Array(#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT"}"#.utf8)
        let signature = try LegacyArtifact.signature(of: Sample.image, reference: "r", with: Sample.key("two"))
        let artifacts = [
            try TrustArtifact.referrer(of: Self.subject, bundle: bundle, created: 0),
            try TrustArtifact.referrer(of: Self.subject, report: spdx, mediaType: .spdx, created: 0),
            try LegacyArtifact.appending(signature, to: nil),
            try LegacyArtifact.appending(LegacyArtifact.attestation(bundle), to: nil),
        ]
        var claims: [Examination] = []
        for artifact in artifacts {
            let manifest = try Manifest(parsing: artifact.manifest, contentType: .imageManifest)
            let source = try #require(EvidenceSource.all(in: manifest).first)
            let blob = try #require(artifact.blobs.first { $0.descriptor.digest == source.layer.digest })
            let evidence = source.evidence(blob.bytes, manifest: artifact.digest, subject: Sample.image)
            claims.append(Examination(evidence, keys: keys, readsUnsigned: true))
        }
        #expect(claims.map(\.signers) == [["one"], [], ["two"], ["one"]])
        #expect(claims.map(\.fault) == [nil, nil, nil, nil])
        #expect(claims[0].claim == .signature && claims[2].claim == .signature && claims[3].claim == .signature)
        guard case .report(_, .spdx) = claims[1].claim else { return #expect(Bool(false), "no report") }
        let image = #"{"schemaVersion":2,"config":\#(Self.json(.imageConfig)),"layers":[\#(Self.json(.imageLayer))]}"#
        #expect(EvidenceSource.all(in: try Manifest(parsing: Array(image.utf8), contentType: .imageManifest)).isEmpty)
    }

    private static func json(_ type: MediaType) -> String {
        #"{"mediaType":"\#(type)","digest":"\#(Sample.image)","size":5}"#
    }
}
