// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

extension SigstoreBundle {
    /// Certificates of one chain.
    private static let certificatesLimit = 16
    private static let hashName = "SHA2_256"

    /// Reads a bundle. As the format's own readers do, it refuses members that are not known; and base64 but in the
    /// standard alphabet, so that each bundle has one spelling.
    ///
    /// - Throws: `invalidBundle` or `tooLarge`.
    package init(parsing bytes: [UInt8]) throws(TrustError) {
        let reader = try DocumentReader(parsing: bytes, "the bundle", .invalidBundle)
        try reader.allowOnly(["mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"])
        let type = try reader.required("mediaType")
        guard type == MediaType.sigstoreBundle.description else {
            throw reader.error("is of the type '\(type.quotable)', not \(MediaType.sigstoreBundle)")
        }
        guard let material = try reader.object("verificationMaterial") else {
            throw reader.error("lacks 'verificationMaterial'")
        }
        self.material = try Self.material(material)
        switch (try reader.object("dsseEnvelope"), try reader.object("messageSignature")) {
        case (.some(let envelope), nil): content = .envelope(try DSSEEnvelope(envelope, isStrict: true))
        case (nil, .some(let message)): content = try Self.message(message)
        default: throw reader.error("has one of 'dsseEnvelope' and 'messageSignature'")
        }
        if case .envelope(let envelope) = content {
            guard let signature = envelope.signatures.first, envelope.signatures.count == 1 else {
                throw reader.error("has an envelope with \(envelope.signatures.count) signatures, not one")
            }
            if case .publicKey(let hint) = self.material, !hint.isEmpty, !signature.keyID.isEmpty,
                hint != signature.keyID
            {
                throw reader.error("names one key as its hint and another in its signature")
            }
        }
    }

    private static func material(_ reader: DocumentReader) throws(TrustError) -> Material {
        try reader.allowOnly([
            "publicKey", "certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData",
        ])
        let key = try reader.object("publicKey")
        let certificate = try reader.object("certificate")
        let chain = try reader.object("x509CertificateChain")
        switch (key, certificate, chain) {
        case (.some(let key), nil, nil):
            try key.allowOnly(["hint"])
            return .publicKey(hint: try key.text("hint") ?? "")
        case (nil, .some(let certificate), nil): return .certificates([try Self.certificate(certificate)])
        case (nil, nil, .some(let chain)):
            var certificates: [[UInt8]] = []
            for element in try chain.elements("certificates", limit: certificatesLimit) ?? [] {
                certificates.append(try Self.certificate(DocumentReader(element, "a certificate", .invalidBundle)))
            }
            guard !certificates.isEmpty else { throw chain.error("has no certificates") }
            return .certificates(certificates)
        default: throw reader.error("has one of 'publicKey', 'certificate' and 'x509CertificateChain'")
        }
    }

    private static func certificate(_ reader: DocumentReader) throws(TrustError) -> [UInt8] {
        guard let text = try reader.text("rawBytes", bytesLimit: TrustLimits.payloadBytesLimit),
            let bytes = Base64.decode(text), !bytes.isEmpty
        else { throw reader.error("lacks 'rawBytes' in base64") }
        return bytes
    }

    private static func message(_ reader: DocumentReader) throws(TrustError) -> Content {
        try reader.allowOnly(["messageDigest", "signature"])
        guard let hash = try reader.object("messageDigest") else { throw reader.error("lacks 'messageDigest'") }
        try hash.allowOnly(["algorithm", "digest"])
        guard try hash.required("algorithm") == hashName,
            let bytes = Base64.decode(try hash.required("digest")),
            let digest = Digest(algorithm: .sha256, bytes: bytes)
        else { throw hash.error("is no digest of \(hashName)") }
        guard let signature = Base64.decode(try reader.required("signature")), !signature.isEmpty,
            signature.count <= TrustLimits.signatureBytesLimit
        else { throw reader.error("has no 'signature' in base64") }
        return .message(digest: digest, signature: signature)
    }

    /// The bundle as JSON: the members in the order of the format's definition, no white space, nothing empty.
    package var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("mediaType")
            writer.string(MediaType.sigstoreBundle.description)
            writer.key("verificationMaterial")
            writer.object { writer in write(material, to: &writer) }
            switch content {
            case .envelope(let envelope):
                writer.key("dsseEnvelope")
                envelope.write(to: &writer)
            case .message(let digest, let signature):
                writer.key("messageSignature")
                writer.object { writer in
                    writer.key("messageDigest")
                    writer.object { writer in
                        writer.key("algorithm")
                        writer.string(Self.hashName)
                        writer.key("digest")
                        writer.string(Base64.encode(digest.bytes))
                    }
                    writer.key("signature")
                    writer.string(Base64.encode(signature))
                }
            }
        }
        return writer.bytes
    }

    private func write(_ material: Material, to writer: inout JSONWriter) {
        switch material {
        case .publicKey(let hint):
            writer.key("publicKey")
            writer.object { writer in
                writer.key("hint")
                writer.string(hint)
            }
        case .certificates(let certificates) where certificates.count == 1:
            writer.key("certificate")
            write(certificates[0], to: &writer)
        case .certificates(let certificates):
            writer.key("x509CertificateChain")
            writer.object { writer in
                writer.key("certificates")
                writer.array { writer in
                    for certificate in certificates { write(certificate, to: &writer) }
                }
            }
        }
    }

    private func write(_ certificate: [UInt8], to writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("rawBytes")
            writer.string(Base64.encode(certificate))
        }
    }
}
