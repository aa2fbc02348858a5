// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Cryptography
import OCI

/// A signed envelope of DSSE 1.0: a payload, its type, and signatures over both.
///
/// Nothing of it is to be believed before `signers(among:)` names a key. What is believed then is `payload`, the very
/// bytes that were signed.
package struct DSSEEnvelope: Sendable, Hashable {
    package struct Signature: Sendable, Hashable {
        /// What the signer says of its key; it is not signed. Empty: nothing.
        package let keyID: String
        package let bytes: [UInt8]

        package init(keyID: String = "", bytes: [UInt8]) {
            self.keyID = keyID
            self.bytes = bytes
        }
    }

    /// The payload type of in-toto statements.
    package static let inTotoType = "application/vnd.in-toto+json"

    package let payload: [UInt8]
    package let payloadType: String
    /// At least one, at most `TrustLimits.signaturesLimit`.
    package let signatures: [Signature]

    package init(payload: [UInt8], payloadType: String, signatures: [Signature]) {
        self.payload = payload
        self.payloadType = payloadType
        self.signatures = signatures
    }

    /// Signs a payload with one key.
    ///
    /// - Throws: `cryptography`.
    package init(signing payload: [UInt8], payloadType: String, with key: SigningKey) throws(TrustError) {
        let message = Self.preAuthenticationEncoding(payload, type: payloadType)
        self.init(
            payload: payload,
            payloadType: payloadType,
            signatures: [Signature(bytes: try key.trustSignature(of: message))]
        )
    }

    /// The bytes that are signed (DSSE protocol, "Signature Definition").
    package static func preAuthenticationEncoding(_ payload: [UInt8], type: String) -> [UInt8] {
        var bytes = Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8)
        bytes += payload
        return bytes
    }

    /// The given keys that signed this envelope: their positions, in order.
    package func signers(among keys: [VerificationKey]) -> [Int] {
        let message = Self.preAuthenticationEncoding(payload, type: payloadType)
        return keys.indices.filter { index in
            signatures.contains { keys[index].isValid(signature: $0.bytes, for: message) }
        }
    }

    // MARK: JSON

    /// Reads an envelope: base64 in the standard alphabet or that for URLs, members that are not known ignored, as the
    /// protocol asks.
    ///
    /// - Throws: `invalidEnvelope` or `tooLarge`.
    package init(parsing bytes: [UInt8]) throws(TrustError) {
        try self.init(DocumentReader(parsing: bytes, "the envelope", .invalidEnvelope), isStrict: false)
    }

    /// Reads an envelope; where it is strict, members that are not known and all but the standard alphabet are refused.
    init(_ reader: DocumentReader, isStrict: Bool) throws(TrustError) {
        if isStrict { try reader.allowOnly(["payload", "payloadType", "signatures"]) }
        let decode = isStrict ? Base64.decode : Base64.decodeEitherAlphabet
        payloadType = try reader.required("payloadType")
        guard !payloadType.isEmpty else { throw reader.error("has an empty 'payloadType'") }
        guard let text = try reader.text("payload", bytesLimit: TrustLimits.documentBytesLimit),
            let payload = decode(text)
        else { throw reader.error("lacks a 'payload' in base64") }
        self.payload = payload
        var signatures: [Signature] = []
        for element in try reader.elements("signatures", limit: TrustLimits.signaturesLimit) ?? [] {
            let entry = try DocumentReader(element, "a signature", reader.code)
            if isStrict { try entry.allowOnly(["sig", "keyid"]) }
            guard let bytes = decode(try entry.required("sig")), !bytes.isEmpty,
                bytes.count <= TrustLimits.signatureBytesLimit
            else {
                throw entry.error("has a 'sig' that is not base64 of 1 to \(TrustLimits.signatureBytesLimit) bytes")
            }
            signatures.append(Signature(keyID: try entry.text("keyid") ?? "", bytes: bytes))
        }
        guard !signatures.isEmpty else { throw reader.error("has no signatures") }
        self.signatures = signatures
    }

    /// The envelope as JSON: the members in the order of the protocol, no white space, no empty key ids.
    package var bytes: [UInt8] {
        var writer = JSONWriter(reservingCapacity: payload.count * 4 / 3 + 512)
        write(to: &writer)
        return writer.bytes
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("payload")
            writer.string(Base64.encode(payload))
            writer.key("payloadType")
            writer.string(payloadType)
            writer.key("signatures")
            writer.array { writer in
                for signature in signatures {
                    writer.object { writer in
                        writer.key("sig")
                        writer.string(Base64.encode(signature.bytes))
                        if !signature.keyID.isEmpty {
                            writer.key("keyid")
                            writer.string(signature.keyID)
                        }
                    }
                }
            }
        }
    }
}

extension SigningKey {
    /// The signature over a message, with this module's error.
    func trustSignature(of message: [UInt8]) throws(TrustError) -> [UInt8] {
        do {
            return try signature(of: message)
        } catch {
            throw TrustError(.cryptography, error.reason)
        }
    }
}
