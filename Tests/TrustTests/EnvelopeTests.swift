// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Cryptography
import OCI
import Testing
import Trust

@Suite struct EnvelopeTests {
    /// The vector of the DSSE protocol document.
    private static let type = "http://example.com/HelloWorld"
    private static let body = Array("hello world".utf8)
    private static let publishedKey = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZ805D3eqNZywjCI19lInBJOp7YMr
        CrzAH3CVTAOQ0jgMeCvVTiaRJaRPRDOv8UMs6U4SvKc6pnrIDOoSYI3fdA==
        -----END PUBLIC KEY-----

        """
    /// The published signature, which is two numbers of 32 bytes, in DER.
    private static let publishedSignature =
        "MEQCIANyarEBrVbCdjtsaqyOSHJ14qeRk6CdxfhZ2fjvPEo7AiBR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="

    @Test func preAuthenticationEncoding() {
        let bytes = DSSEEnvelope.preAuthenticationEncoding(Self.body, type: Self.type)
        #expect(String(decoding: bytes, as: UTF8.self) == "DSSEv1 29 http://example.com/HelloWorld 11 hello world")
        // Lengths are those of bytes.
        let other = DSSEEnvelope.preAuthenticationEncoding(Array("é".utf8), type: "é")
        #expect(String(decoding: other, as: UTF8.self) == "DSSEv1 2 é 2 é")
    }

    @Test func publishedVector() throws {
        let signature = try #require(Base64.decode(Self.publishedSignature))
        let envelope = DSSEEnvelope(
            payload: Self.body,
            payloadType: Self.type,
            signatures: [DSSEEnvelope.Signature(bytes: signature)]
        )
        let key = try VerificationKey(pem: Self.publishedKey)
        #expect(envelope.signers(among: [key]) == [0])
        let changed = DSSEEnvelope(
            payload: Array("hello World".utf8),
            payloadType: Self.type,
            signatures: envelope.signatures
        )
        #expect(changed.signers(among: [key]).isEmpty)
        // What is signed is not the payload alone.
        let retyped = DSSEEnvelope(payload: Self.body, payloadType: "x", signatures: envelope.signatures)
        #expect(retyped.signers(among: [key]).isEmpty)
    }

    @Test func comesBack() throws {
        let keys = try Sample.trustKeys().map(\.key)
        let envelope = try DSSEEnvelope(signing: Self.body, payloadType: Self.type, with: Sample.key("two"))
        #expect(envelope.signers(among: keys) == [1])
        #expect(envelope.signers(among: []).isEmpty)
        #expect(try DSSEEnvelope(parsing: envelope.bytes) == envelope)
        #expect(
            String(decoding: envelope.bytes, as: UTF8.self).hasPrefix(
                #"{"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld","signatures":[{"sig":""#
            )
        )
    }

    @Test func severalSignatures() throws {
        let first = try DSSEEnvelope(signing: Self.body, payloadType: Self.type, with: Sample.key("one"))
        let second = try DSSEEnvelope(signing: Self.body, payloadType: Self.type, with: Sample.key("three"))
        let both = DSSEEnvelope(
            payload: Self.body,
            payloadType: Self.type,
            signatures: first.signatures + second.signatures
        )
        #expect(try DSSEEnvelope(parsing: both.bytes).signers(among: Sample.trustKeys().map(\.key)) == [0, 2])
    }

    @Test(
        arguments: [
            #"{"payload":"-_8=","payloadType":"t","signatures":[{"sig":"-_8"}]}"#,
            #"{"payload":"+/8=","payloadType":"t","signatures":[{"sig":"+/8=","keyid":null}],"more":1}"#,
        ]
    )
    func eitherAlphabet(text: String) throws {
        let envelope = try DSSEEnvelope(parsing: Array(text.utf8))
        #expect(envelope.payload == [0xFB, 0xFF])
        #expect(envelope.signatures == [DSSEEnvelope.Signature(bytes: [0xFB, 0xFF])])
    }

    @Test(
        arguments: [
            "", "[]", "{}", #"{"payload":"","payloadType":"","signatures":[{"sig":"AA=="}]}"#,
            #"{"payload":"","payloadType":"t","signatures":[]}"#, #"{"payload":"","payloadType":"t"}"#,
            #"{"payload":"A","payloadType":"t","signatures":[{"sig":"AA=="}]}"#,
            #"{"payload":1,"payloadType":"t","signatures":[{"sig":"AA=="}]}"#,
            #"{"payload":"","payloadType":"t","signatures":[{"sig":""}]}"#,
            #"{"payload":"","payloadType":"t","signatures":[{"sig":"AA==","keyid":7}]}"#,
            #"{"payload":"","payloadType":"t","signatures":[7]}"#,
            #"{"payload":"","payload":"","payloadType":"t","signatures":[{"sig":"AA=="}]}"#,
        ]
    )
    func refusals(text: String) {
        #expect(
            refused { () throws(TrustError) in try DSSEEnvelope(parsing: Array(text.utf8)) }?.code == .invalidEnvelope
        )
    }

    @Test func bounds() {
        let signatures = Array(repeating: #"{"sig":"AA=="}"#, count: TrustLimits.signaturesLimit + 1).joined(
            separator: ","
        )
        let many = #"{"payload":"","payloadType":"t","signatures":[\#(signatures)]}"#
        #expect(
            refused { () throws(TrustError) in try DSSEEnvelope(parsing: Array(many.utf8)) }?.code == .invalidEnvelope
        )
        let long = [UInt8](repeating: 0x20, count: TrustLimits.documentBytesLimit + 1)
        #expect(refused { () throws(TrustError) in try DSSEEnvelope(parsing: long) }?.code == .tooLarge)
    }
}
