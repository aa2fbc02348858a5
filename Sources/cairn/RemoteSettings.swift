// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import RegistryClient
import Settings

/// Where another registry is, and how this one shows there who it is: what sections of the configuration file that name
/// registries have in common.
struct RemoteSettings: Sendable, Hashable {
    static let keys = ["url", "username", "password-file", "ca-file", "certificate-file", "key-file"]
    private static let secretBytesLimit = 4_096

    let origin: Origin
    /// nil where it is asked without a name.
    let credentials: Credentials?
    /// The file that the password was read from.
    let passwordFile: String?
    /// A PEM file of authorities that are trusted for it beside those of the system.
    let authorities: String?
    /// PEM files of the certificate by which this registry shows there who it is, with its chain, and of its key.
    let certificate: Transport.ClientCertificate?

    /// The files that nobody else is to read.
    var secretFiles: [String] { [passwordFile, certificate?.keyFile].compactMap { $0 } }

    /// Sets how connections to it are made.
    func configure(_ options: inout Transport.Options) {
        options.caFile = authorities
        options.certificate = certificate
    }

    /// Paths are taken from `directory`.
    init(_ fields: YAMLFields<SectionError>, directory: String) throws(SectionError) {
        let url = try fields.required("url")
        let isPlain = url.hasPrefix("http://")
        guard isPlain || url.hasPrefix("https://") else { throw fields.error("url", "begins with https://") }
        do {
            let authority = String(url.dropFirst(isPlain ? 7 : 8))
            origin = try Origin(parsing: authority, tls: isPlain ? .nowhere : .everywhere)
        } catch {
            throw fields.error("url", "is https://host or https://host:port")
        }
        authorities = try fields.text("ca-file").map { Self.path($0, directory) }
        let (chain, key) = (try fields.text("certificate-file"), try fields.text("key-file"))
        guard (chain == nil) == (key == nil) else {
            throw fields.error(chain == nil ? "certificate-file" : "key-file", "is missing: each needs the other one")
        }
        guard chain == nil || !isPlain else { throw fields.error("certificate-file", "needs a 'url' with https://") }
        certificate = chain.flatMap { chain in
            key.map {
                Transport.ClientCertificate(
                    chainFile: Self.path(chain, directory),
                    keyFile: Self.path($0, directory)
                )
            }
        }
        credentials = try Self.credentials(fields, directory: directory)
        passwordFile = try Self.passwordFile(fields, directory: directory)
    }

    /// The path that `password-file` names; nil where it is left out.
    static func passwordFile(
        _ fields: YAMLFields<SectionError>,
        directory: String
    ) throws(SectionError) -> String? {
        try fields.text("password-file").map { path($0, directory) }
    }

    /// Who is asked for, by `username` and `password-file`; nil for nobody.
    static func credentials(
        _ fields: YAMLFields<SectionError>,
        directory: String
    ) throws(SectionError) -> Credentials? {
        guard let user = try fields.text("username") else {
            guard !fields.has("password-file") else { throw fields.error("password-file", "needs a 'username'") }
            return nil
        }
        let file = path(try fields.required("password-file"), directory)
        guard let data = FileManager.default.contents(atPath: file), data.count <= secretBytesLimit else {
            throw fields.error("password-file", "names a file that cannot be read: \(file)")
        }
        let password = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
        do { return try Credentials(user: user, password: password) } catch {
            throw fields.error("username", "cannot be sent: \(error.reason)")
        }
    }

    private static func path(_ path: String, _ directory: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }
}
