// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import ArgumentParser
import Foundation

/// `cairn tls`
struct TLSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls",
        abstract: "Make certificates to serve TLS with.",
        subcommands: [SelfSigned.self]
    )
}

/// `cairn tls self-signed`
struct SelfSigned: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "self-signed",
        abstract: "Make a certificate that vouches for itself, for a first try or a closed network.",
        discussion: """
            Writes certificate.pem and key.pem. Clients have to be given certificate.pem as an authority: it is \
            one, for this server alone. A registry that others depend on is better served with a certificate of \
            your own authority or a public one.
            """
    )

    @Option(help: "Directory for certificate.pem and key.pem; made when there is none.")
    var out: String

    @Option(
        name: .customLong("name"),
        help: "A DNS name or IP address that clients use; may be repeated (default localhost, 127.0.0.1 and ::1)."
    )
    var names: [String] = []

    @Option(help: "Days until it expires, 1 to 3650.")
    var days = 365

    @Flag(help: "Replace a certificate and key that are there already.")
    var force = false

    private var certificatePath: String { out + "/certificate.pem" }
    private var keyPath: String { out + "/key.pem" }
    private var subjects: [String] { names.isEmpty ? ["localhost", "127.0.0.1", "::1"] : names }

    func validate() throws {
        guard (1...3650).contains(days) else { throw ValidationError("--days takes 1 to 3650, not \(days)") }
        guard !out.isEmpty else { throw ValidationError("--out names no directory") }
        for name in subjects where SelfSignedCertificate.Subject(name) == nil {
            throw ValidationError("--name '\(name)' is neither a DNS name nor an IP address")
        }
    }

    func run() throws {
        do {
            let certificate = try SelfSignedCertificate(
                subjects: subjects.compactMap { SelfSignedCertificate.Subject($0) },
                days: days,
                now: Date()
            )
            try write(certificate)
            explain(certificate)
        } catch {
            Console.error("cairn tls self-signed: \(error)")
            throw ExitCode(1)
        }
    }

    private func write(_ certificate: SelfSignedCertificate) throws {
        do {
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        } catch {
            throw ConfigurationError(description: "\(out) cannot be made: \(error.localizedDescription)")
        }
        if !force {
            // Looked at before anything is written: a new key beside an old certificate is of no use.
            for path in [keyPath, certificatePath] where FileManager.default.fileExists(atPath: path) {
                throw ConfigurationError(description: "\(path) exists; --force replaces it")
            }
        }
        try OwnerOnlyFile(path: keyPath).replace(with: Array(certificate.keyPEM.utf8))
        try Data(certificate.certificatePEM.utf8).write(to: URL(fileURLWithPath: certificatePath), options: .atomic)
    }

    private func explain(_ certificate: SelfSignedCertificate) {
        let end = certificate.notAfter.formatted(.iso8601.year().month().day())
        let host = subjects[0].contains(":") ? "[\(subjects[0])]:5000" : "\(subjects[0]):5000"
        Console.say(
            """
            Wrote \(certificatePath) and \(keyPath) for \(subjects.joined(separator: ", ")), valid until \(end).

            Serve with it, in the configuration file
              tls:
                certificate: \(certificatePath)
                key: \(keyPath)
            or by \(Setting.tlsCertificate.variable)=\(certificatePath) \(Setting.tlsKey.variable)=\(keyPath).

            Have clients trust it:
              podman, buildah, skopeo   cp \(certificatePath) /etc/containers/certs.d/\(host)/ca.crt
              docker                    cp \(certificatePath) /etc/docker/certs.d/\(host)/ca.crt
              oras                      --ca-file \(certificatePath)
              curl                      --cacert \(certificatePath)
            """
        )
    }
}
