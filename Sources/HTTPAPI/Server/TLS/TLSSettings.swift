// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The files that TLS is served with, all PEM.
package struct TLSSettings: Sendable, Hashable {
    /// The path of the server's certificate, followed in the file by those that lead to its root.
    package let certificate: String
    /// The path of its private key, not encrypted.
    package let key: String
    /// The path of the roots that clients' certificates have to lead to. Nil: no client is asked for a certificate.
    package let clientCA: String?

    package init(certificate: String, key: String, clientCA: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
    }

    var files: [String] { [certificate, key] + (clientCA.map { [$0] } ?? []) }
}

/// What is wrong with a file of TLS.
package struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    package let file: String
    package let reason: String

    package var description: String { "\(file): \(reason)" }
}
