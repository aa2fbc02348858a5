// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import NIOCore
import NIOSSL

/// Who is at the other end of a connection, as far as the connection itself tells. Found once a connection.
package struct Peer: Sendable, Hashable {
    /// The numeric address, that of IPv4 in its own form also where it came in over IPv6. Nil where the client was gone
    /// before it could be asked for.
    package let address: String?
    /// What limits count as one client; nil where the address is.
    let clientNetwork: String?
    package let port: Int?
    package let isTLS: Bool
    /// The DNS names, in lower case, and URIs that the client's verified certificate is for (RFC 5280, section
    /// 4.2.1.6); none without such a certificate.
    package let certificateNames: [String]

    /// Whether the peer is a process of this machine.
    package var isLoopback: Bool { address == "::1" || address?.hasPrefix("127.") == true }

    package init(address: String?, port: Int?, isTLS: Bool = false, certificateNames: [String] = []) {
        self.address = address
        clientNetwork = address.flatMap { IPAddress($0) }?.clientNetwork
        self.port = port
        self.isTLS = isTLS
        self.certificateNames = certificateNames
    }
}

extension Peer {
    /// Names taken from one certificate; what is beyond is not looked at.
    private static let certificateNameLimit = 64

    /// The peer of a cleartext connection.
    init(of channel: any Channel) {
        self.init(address: Self.address(of: channel), port: channel.remoteAddress?.port)
    }

    /// The peer of a connection whose TLS handshake is done. On the connection's event loop only.
    ///
    /// A resumed session brings the certificate of the first one back unverified, so that it is given no names when it
    /// has expired since. `now` is in seconds since 1970.
    init(of channel: any Channel, securedBy handler: NIOSSLServerHandler, now: Int64) {
        var names: [String] = []
        if let certificate = handler.peerCertificate, Int64(certificate.notValidAfter) > now {
            names = Self.names(of: certificate)
        }
        self.init(
            address: Self.address(of: channel),
            port: channel.remoteAddress?.port,
            isTLS: true,
            certificateNames: names
        )
    }

    /// The numeric address of a connection's other end.
    static func address(of channel: any Channel) -> String? {
        guard let text = channel.remoteAddress?.ipAddress else { return nil }
        let mapped = "::ffff:"
        guard text.hasPrefix(mapped), text.contains(".") else { return text }
        return String(text.dropFirst(mapped.count))
    }

    /// A name with a byte that no name has, such as a NUL that cuts it short for others, is left out.
    private static func names(of certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().prefix(certificateNameLimit).compactMap { name in
            guard name.nameType == .dnsName || name.nameType == .uri else { return nil }
            guard !name.contents.isEmpty, name.contents.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
            let text = String(decoding: name.contents, as: UTF8.self)
            return name.nameType == .dnsName ? text.lowercased() : text
        }
    }
}
