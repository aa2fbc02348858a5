// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Crypto
import Foundation
import SwiftASN1
import TestSupport
import X509

/// Issues certificates to servers and clients of a test.
struct CertificateAuthority {
    struct Issued: Sendable {
        let certificatePEM: String
        let keyPEM: String

        /// Writes both into a directory, under the names that `TLSFixture` serves them by.
        func write(to directory: TemporaryDirectory) throws {
            try directory.write(Array(certificatePEM.utf8), to: "server.pem")
            try directory.write(Array(keyPEM.utf8), to: "server.key")
        }
    }

    let pem: String
    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName

    init(_ name: String) throws {
        self.name = try DistinguishedName { CommonName(name) }
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(key.publicKey),
            notValidBefore: Date(timeIntervalSinceNow: -3600),
            notValidAfter: Date(timeIntervalSinceNow: 3600),
            issuer: self.name,
            subject: self.name,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
        pem = try certificate.serializeAsPEM().pemString + "\n"
    }

    /// A certificate that ends this many seconds from now.
    func issue(
        _ names: [GeneralName] = [.dnsName("localhost")],
        endingIn seconds: TimeInterval = 3600
    ) throws -> Issued {
        let subject = P256.Signing.PrivateKey()
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(subject.publicKey),
            notValidBefore: Date(timeIntervalSinceNow: -7200),
            notValidAfter: Date(timeIntervalSinceNow: seconds),
            issuer: name,
            subject: try DistinguishedName { CommonName("subject") },
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames(names)
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
        return Issued(
            certificatePEM: try certificate.serializeAsPEM().pemString + "\n",
            keyPEM: subject.pemRepresentation + "\n"
        )
    }
}
