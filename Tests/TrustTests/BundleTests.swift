// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Trust

@Suite struct BundleTests {
    /// Made from the public descriptions by another implementation of Ed25519, with the key of the seed 0 to 31.
    private static let golden = #"""
        {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":\#
        "oFCDfYUHBYLM9zlLCYiEfMMSy4glm4lImfbyOc8XkaU="}},"dsseEnvelope":{"payload":\#
        "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiMDEy\#
        MzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiJ9fV0sInByZWRpY2F0ZVR5\#
        cGUiOiJodHRwczovL3NpZ3N0b3JlLmRldi9jb3NpZ24vc2lnbi92MSIsInByZWRpY2F0ZSI6e319",\#
        "payloadType":"application/vnd.in-toto+json","signatures":[{"sig":\#
        "M9rCYcPHU5GeWe2IkrF6AUQTYVVzcSDhKmiXSOqgGtoj0SIsKQ2b0cHtinhVqcWjEkSd5Swhh2Sp6sYz2wBgCA=="}]}}
        """#

    @Test func signatureHasTheBytesOfTheFormat() throws {
        let bundle = try SigstoreBundle.signature(of: Sample.image, with: Sample.key("one"))
        #expect(String(decoding: bundle.bytes, as: UTF8.self) == Self.golden)
        #expect(try SigstoreBundle(parsing: bundle.bytes) == bundle)
        #expect(bundle.signers(among: try Sample.trustKeys()) == ["one"])
        let statement = try bundle.statement()
        #expect(statement.predicateType == .imageSignature)
        #expect(statement.covers(Sample.image) && !statement.covers(Sample.other))
    }

    @Test func attestationKeepsThePredicate() throws {
        let predicate = #"{"b": 1.50, "a":["x"]}"#
        let bundle = try SigstoreBundle.attestation(
            of: Sample.image,
            name: "registry.example/team/app",
            type: .custom,
            predicate: Array(predicate.utf8),
            with: Sample.key("two")
        )
        let read = try SigstoreBundle(parsing: bundle.bytes)
        #expect(read.signers(among: try Sample.trustKeys()) == ["two"])
        guard case .envelope(let envelope) = read.content else { throw TrustError(.invalidBundle, "no envelope") }
        #expect(
            String(decoding: envelope.payload, as: UTF8.self) == """
                {"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"registry.example/team/app",\
                "digest":{"sha256":"\(Sample.image.hex)"}}],\
                "predicateType":"https://cosign.sigstore.dev/attestation/v1","predicate":\(predicate)}
                """
        )
        let statement = try read.statement()
        #expect(statement.predicate["b"] == .decimal("1.50"))
        #expect(statement.subjects.map(\.name) == ["registry.example/team/app"])
        for text in ["", "[]", "1", #"{"a":1}}"#, #"{"a":1},"_type":"x""#] {
            let error = refused { () throws(TrustError) in
                try SigstoreBundle.attestation(
                    of: Sample.image,
                    type: .custom,
                    predicate: Array(text.utf8),
                    with: bundleKey.get()
                )
            }
            #expect(error?.code == .invalidStatement, "\(text)")
        }
    }

    private var bundleKey: Result<SigningKey, TrustError> {
        do {
            return .success(try Sample.key("one"))
        } catch {
            return .failure(TrustError(.invalidKey, "\(error)"))
        }
    }

    /// The one safety property: no bundle but the very one counts.
    @Test func everyFlippedBitIsRefused() throws {
        let keys = try Sample.trustKeys()
        let evidence = try Sample.signature(by: "one")
        guard case .bundle(let bytes) = evidence.content else { return }
        #expect(Examination(evidence, keys: keys).signers == ["one"])
        #expect(Examination(evidence, keys: keys).fault == nil)
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << UInt8(bit)
                let flipped = Evidence(.bundle(changed), manifest: evidence.manifest, subject: evidence.subject)
                let examination = Examination(flipped, keys: keys)
                if examination.fault == nil && !examination.signers.isEmpty {
                    Issue.record("bit \(bit) of byte \(position) can be flipped")
                }
            }
        }
    }

    @Test func everyCutIsRefused() throws {
        let bytes = try SigstoreBundle.signature(of: Sample.image, with: Sample.key("one")).bytes
        for count in bytes.indices {
            let cut = Array(bytes[..<count])
            #expect(refused { () throws(TrustError) in try SigstoreBundle(parsing: cut) } != nil, "\(count)")
        }
    }

    @Test func hintsDecideWhichKeyIsTried() throws {
        let bundle = try SigstoreBundle.signature(of: Sample.image, with: Sample.key("one"))
        let hint = try Sample.trustKey("two").hint
        let wrong = SigstoreBundle(material: .publicKey(hint: hint), content: bundle.content)
        #expect(wrong.signers(among: try Sample.trustKeys()).isEmpty)
        let without = SigstoreBundle(material: .publicKey(hint: ""), content: bundle.content)
        #expect(without.signers(among: try Sample.trustKeys()) == ["one"])
        #expect(try SigstoreBundle(parsing: without.bytes) == without)
    }

    @Test func certificatesAreReadAndNotTrusted() throws {
        let bundle = try SigstoreBundle.signature(of: Sample.image, with: Sample.key("one"))
        for certificates: [[UInt8]] in [[[1, 2, 3]], [[1], [2]]] {
            let certified = SigstoreBundle(material: .certificates(certificates), content: bundle.content)
            #expect(try SigstoreBundle(parsing: certified.bytes) == certified)
            #expect(certified.signers(among: try Sample.trustKeys()).isEmpty)
            let evidence = Evidence(.bundle(certified.bytes), manifest: Sample.other, subject: Sample.image)
            let examination = Examination(evidence, keys: try Sample.trustKeys())
            #expect(examination.signers.isEmpty)
            #expect(examination.fault?.contains("certificate") == true)
        }
    }

    @Test func bytesAreSignedToo() throws {
        let message = Array("hello".utf8)
        let bundle = SigstoreBundle(
            material: .publicKey(hint: ""),
            content: .message(digest: try Digest.of(message), signature: try Sample.key("one").signature(of: message))
        )
        let read = try SigstoreBundle(parsing: bundle.bytes)
        #expect(read == bundle)
        #expect(try read.signers(of: message, among: Sample.trustKeys()) == ["one"])
        #expect(try read.signers(of: Array("hullo".utf8), among: Sample.trustKeys()).isEmpty)
        #expect(read.signers(among: try Sample.trustKeys()).isEmpty)
        #expect(refused { () throws(TrustError) in try read.statement() }?.code == .invalidBundle)
    }

    /// Members that others write, and a few that nobody does.
    @Test(
        arguments: [
            (#""publicKey":{"hint":""},"tlogEntries":[]"#, true),
            (#""publicKey":{},"timestampVerificationData":{"rfc3161Timestamps":[]}"#, true),
            (#""publicKey":{"hint":7}"#, false), (#""publicKey":{"hint":"","x":1}"#, false), ("", false),
            (#""publicKey":{},"certificate":{"rawBytes":"AA=="}"#, false), (#""certificate":{"rawBytes":""}"#, false),
            (#""x509CertificateChain":{"certificates":[]}"#, false), (#""publicKey":{},"more":1"#, false),
        ]
    )
    func material(members: String, isTaken: Bool) {
        let text = """
            {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{\(members)},\
            "dsseEnvelope":{"payload":"","payloadType":"t","signatures":[{"sig":"AA==","keyid":""}]}}
            """
        let error = refused { () throws(TrustError) in try SigstoreBundle(parsing: Array(text.utf8)) }
        #expect((error == nil) == isTaken, "\(String(describing: error))")
    }

    @Test(
        arguments: [
            #""dsseEnvelope":{"payload":"","payloadType":"t","signatures":[{"sig":"AA=="},{"sig":"AA=="}]}"#,
            #""dsseEnvelope":{"payload":"-_8=","payloadType":"t","signatures":[{"sig":"AA=="}]}"#,
            #""dsseEnvelope":{"payload":"","payloadType":"t","signatures":[{"sig":"AA==","keyid":"other"}]}"#,
            #""dsseEnvelope":{"payload":"","payloadType":"t","signatures":[{"sig":"AA=="}],"x":1}"#,
            #""messageSignature":{"messageDigest":{"algorithm":"SHA2_512","digest":"AA=="},"signature":"AA=="}"#,
            #""messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"signature":"AA=="}"#,
            #""messageSignature":{"signature":"AA=="}"#, #""x":1"#,
            #""dsseEnvelope":{"payload":"","payloadType":"t","signatures":[{"sig":"AA=="}]},"messageSignature":{}"#,
        ]
    )
    func refusals(members: String) {
        let text = """
            {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",\
            "verificationMaterial":{"publicKey":{"hint":"h"}},\(members)}
            """
        let error = refused { () throws(TrustError) in try SigstoreBundle(parsing: Array(text.utf8)) }
        #expect(error?.code == .invalidBundle)
    }
}
