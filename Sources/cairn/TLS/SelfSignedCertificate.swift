// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Crypto
import Foundation
import NIOCore
import SwiftASN1
import X509

/// A certificate for a server that is signed with its own key (RFC 5280), and that key, on P-256.
///
/// It is an authority as well, since clients take nothing else for one that they are told to trust; a path length of 0
/// and its being trusted by nobody else keep that small.
struct SelfSignedCertificate {
    /// What a certificate is for.
    enum Subject: Hashable {
        case name(String)
        /// The address's 4 or 16 bytes.
        case address([UInt8])

        /// nil for what is neither a DNS name (RFC 1123, section 2.1, also with `*` as its first label) nor an address.
        init?(_ text: String) {
            if let address = try? SocketAddress(ipAddress: text, port: 0), let bytes = Self.bytes(of: address) {
                self = .address(bytes)
                return
            }
            var labels = text.lowercased().split(separator: ".", omittingEmptySubsequences: false)
            if labels.count > 1 && labels[0] == "*" { labels.removeFirst() }
            guard text.utf8.count <= 253, labels.allSatisfy(Self.isLabel), labels.last?.allSatisfy(\.isNumber) == false
            else { return nil }
            self = .name(text.lowercased())
        }

        private static func isLabel(_ label: Substring) -> Bool {
            guard (1...63).contains(label.utf8.count), label.first != "-", label.last != "-" else { return false }
            return label.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
        }

        private static func bytes(of address: SocketAddress) -> [UInt8]? {
            // Safety: the bytes of a value are copied while it is borrowed; both structures are plain memory in network
            // order.
            switch address {
            case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
            case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
            case .unixDomainSocket: nil
            }
        }

        var generalName: GeneralName {
            switch self {
            case .name(let name): .dnsName(name)
            case .address(let bytes): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
            }
        }
    }

    /// How much earlier than now it is valid, for clients whose clocks are slow.
    private static let leeway: TimeInterval = 3600

    let certificatePEM: String
    let keyPEM: String
    let notAfter: Date

    init(subjects: [Subject], days: Int, now: Date) throws {
        let key = P256.Signing.PrivateKey()
        let publicKey = Certificate.PublicKey(key.publicKey)
        let keyIdentifier = SubjectKeyIdentifier(hash: publicKey)
        // One of a kind, so that clients which trust several such certificates find the right one.
        let number = keyIdentifier.keyIdentifier.prefix(4).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        let name = try DistinguishedName { CommonName("Cairn self-signed \(number.joined())") }
        notAfter = now.addingTimeInterval(TimeInterval(days) * 86_400)
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Self.serialNumber(),
            publicKey: publicKey,
            notValidBefore: now.addingTimeInterval(-Self.leeway),
            notValidAfter: notAfter,
            issuer: name,
            subject: name,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(subjects.map(\.generalName))
                keyIdentifier
                AuthorityKeyIdentifier(keyIdentifier: keyIdentifier.keyIdentifier)
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
        certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
        keyPEM = key.pemRepresentation + "\n"
    }

    /// A random positive number of 16 bytes; at most 20 are allowed (RFC 5280, section 4.1.2.2), a sign included.
    private static func serialNumber() -> Certificate.SerialNumber {
        let rest = (0..<15).map { _ in UInt8.random(in: .min ... .max) }
        return Certificate.SerialNumber(bytes: [UInt8.random(in: 1...127)] + rest)
    }
}
