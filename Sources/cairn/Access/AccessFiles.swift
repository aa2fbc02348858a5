// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Foundation
import HTTPAPI

/// The files that say who may do what, and the policy that they make together: whole or not at all.
struct AccessFiles: Sendable {
    /// The configuration file.
    let file: String
    let now: @Sendable () -> Int64
    let monotonic: @Sendable () -> UInt64

    static func live(file: String) -> AccessFiles {
        AccessFiles(
            file: file,
            now: { Int64(Date().timeIntervalSince1970) },
            monotonic: { DispatchTime.now().uptimeNanoseconds }
        )
    }

    /// Beside the configuration file, unless that names another place.
    func robots(_ configuration: AccessConfiguration) -> RobotsFile {
        RobotsFile(path: configuration.robots ?? beside("robots.json"))
    }

    func tokenKeys(_ configuration: AccessConfiguration) -> TokenKeysFile {
        TokenKeysFile(path: configuration.tokenKeys ?? beside("token-keys.json"))
    }

    /// Every file that a policy is made of, to be watched for changes.
    func paths(_ configuration: AccessConfiguration) -> [String] {
        [file, configuration.robots ?? beside("robots.json"), configuration.tokenKeys ?? beside("token-keys.json")]
            + [configuration.htpasswd].compactMap { $0 }
    }

    /// The `access` section as it stands in the file now. Nothing else of it is read: robots are made before the
    /// files of secrets are there that other sections name.
    ///
    /// - Throws: A `ConfigurationError` with the line and the reason; also where the section is gone.
    func configuration() throws(ConfigurationError) -> AccessConfiguration {
        try found(Configuration.access(file: file))
    }

    /// The `access` section and what the file says of TLS, where the whole file can be read.
    ///
    /// - Throws: As `configuration`.
    func load() throws(ConfigurationError) -> (access: AccessConfiguration, tls: TLSSettings?) {
        let whole = try Configuration.load(file: file, environment: [:])
        return (try found(whole.access), whole.tlsSettings)
    }

    private func found(_ access: AccessConfiguration?) throws(ConfigurationError) -> AccessConfiguration {
        guard let access else { throw ConfigurationError(description: "\(file): there is no 'access' section") }
        return access
    }

    /// Reads what the configuration names. `previous` is the policy in force, whose issuers' keys are kept where their
    /// configuration is the same.
    ///
    /// - Throws: A `ConfigurationError` with the file, where possible the line, and the reason.
    func policy(
        _ configuration: AccessConfiguration,
        after previous: AccessPolicy? = nil
    ) throws(ConfigurationError) -> AccessPolicy {
        do {
            let issuers = configuration.issuers.map { issuer in
                previous?.issuers.first { $0.configuration == issuer }
                    ?? IssuerTrust(configuration: issuer, now: now, monotonic: monotonic)
            }
            return AccessPolicy(
                configuration: configuration,
                htpasswd: try htpasswd(configuration),
                robots: try robots(configuration).load(),
                issuers: issuers,
                tokens: TokenIssuer(
                    keys: try tokenKeys(configuration).loadOrCreate(now: now()),
                    service: configuration.service,
                    seconds: configuration.tokenSeconds,
                    now: now
                ),
                revision: (previous?.revision ?? 0) + 1
            )
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(description: "\(error)")
        }
    }

    /// Reads what the configuration names, and makes nothing.
    func check(_ configuration: AccessConfiguration) throws {
        _ = try htpasswd(configuration)
        _ = try robots(configuration).load()
        _ = try tokenKeys(configuration).load()
    }

    /// The users; none where the configuration names no file.
    func htpasswd(_ configuration: AccessConfiguration) throws(ConfigurationError) -> Htpasswd {
        guard let path = configuration.htpasswd else { return .empty }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError(description: "\(path): the file cannot be read")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw ConfigurationError(description: "\(path): the file is not UTF-8")
        }
        do {
            return try Htpasswd(parsing: text)
        } catch {
            throw ConfigurationError(description: "\(path):\(error.line ?? 1): \(error.reason)")
        }
    }

    private func beside(_ name: String) -> String {
        URL(fileURLWithPath: file).deletingLastPathComponent().path + "/" + name
    }
}
