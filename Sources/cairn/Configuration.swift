// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Logging
import Maintenance
import OCI
import Registry
import Retention
import Trust
import Webhooks

/// What `cairn serve` runs with. Each property is a `Setting`, which says its names and what it accepts.
struct Configuration: Sendable {
    enum LogFormat: String, CaseIterable {
        /// Human-readable on a terminal, JSON elsewhere.
        case automatic = "auto"
        case json
        case human
    }

    var root = "./cairn-data"
    var listen = ListenAddress(host: "127.0.0.1", port: 5000)
    var allowAnonymous = false
    var unsafeFilesystem = false
    var logLevel = Logger.Level.info
    var logFormat = LogFormat.automatic
    var accessLog = true
    /// Seconds that work in flight may take after SIGTERM.
    var drainSeconds = 30
    /// Bytes of the largest blob accepted.
    var maximumBlobBytes: Int64 = 50 * 1024 * 1024 * 1024
    /// Paths of PEM files; without a certificate the server speaks cleartext.
    var tlsCertificate: String?
    var tlsKey: String?
    var tlsClientCA: String?
    /// The directory of the log's signer; nil for the one beside the root.
    var signer: String?
    /// The name of the log; nil for one that is made of the store's id.
    var logOrigin: String?
    /// Of the log's key, where its file is encrypted; only from the environment.
    var logKeyPassphrase: [UInt8]?
    /// Who may do what; nil lets everyone do everything.
    var access: AccessConfiguration?
    /// Who cosigns the log, and which logs are cosigned here.
    var log = LogSettings()
    /// What images have to carry before they leave; nil lets them leave as they are.
    var trust: TrustPolicy?
    /// How long things are kept, and how fast they go.
    var collection = CollectionSettings()
    /// Repositories whose images are scanned for secrets, whatever the trust policy asks for.
    var scan: [Glob] = []
    /// What may go, and when; nil keeps everything.
    var retention: RetentionSettings?
    /// Repositories whose pushes wait until another region has them.
    var waitReplicated: [Glob] = []
    /// The other regions whose logs are followed.
    var regions: [RegionSettings] = []
    /// The registries of others that are mirrored.
    var upstreams: [UpstreamSettings] = []
    /// What this region is called in figures; nil for the name of its log.
    var regionName: String?
    /// What is promised.
    var objectives = ObjectivesSettings()
    /// How the registry is asked what a client would ask.
    var probe = ProbeSettings()
    /// How all blobs are read over.
    var scrub = ScrubSettings()
    var releases = ReleaseSettings()
    var webhooks: [HookSettings] = []
    /// Where traces and metrics are sent.
    var telemetry = TelemetrySettings()
    /// Which repositories are counted by name.
    var metrics = MetricsSettings()
    /// Where the settings were read from, to be read again when it changes.
    var file: String?
}

extension Configuration {
    /// The variable of the environment that holds the passphrase of the log's key.
    static let passphraseVariable = "CAIRN_LOG_KEY_PASSPHRASE"

    /// Where the signer is: `<root>.signer` unless the settings say otherwise.
    var signerDirectory: String {
        if let signer { return signer }
        var root = root
        while root.count > 1, root.hasSuffix("/") { root.removeLast() }
        return root + ".signer"
    }

    /// What goes with what.
    ///
    /// - Throws: A `ConfigurationError` that says what is missing.
    func check() throws(ConfigurationError) {
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ConfigurationError(description: "tls-certificate and tls-key go together; one of them is missing")
        }
        guard tlsClientCA == nil || tlsCertificate != nil else {
            throw ConfigurationError(description: "tls-client-ca needs tls-certificate and tls-key")
        }
        guard !listen.isLoopback, !allowAnonymous else { return }
        var missing: [String] = []
        if tlsCertificate == nil { missing.append("TLS (tls-certificate and tls-key)") }
        if access == nil { missing.append("access rules (access)") }
        guard missing.isEmpty else {
            throw ConfigurationError(
                description: """
                    \(listen) can be reached from other machines, and this registry has no \
                    \(missing.joined(separator: " and no ")); configure that, listen on 127.0.0.1, or say \
                    --allow-anonymous if everyone there may have what the settings give
                    """
            )
        }
    }
}

/// A host and a port, as `--listen` takes them: `127.0.0.1:5000`, `localhost:0`, `[::1]:5000`.
struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    let host: String
    let port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// - Throws: A `SettingError` that says what is wrong with the text.
    init(parsing text: String) throws(SettingError) {
        guard let colon = text.lastIndex(of: ":") else {
            throw SettingError(reason: "'\(text)' has no port; write HOST:PORT, for example 127.0.0.1:5000")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else {
            throw SettingError(reason: "'\(text)' has no host; write 127.0.0.1 for this machine, 0.0.0.0 for all")
        }
        guard let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port) else {
            throw SettingError(reason: "the port of '\(text)' is not a number from 0 to 65535")
        }
        self.init(host: host, port: port)
    }

    /// Whether only processes of this machine can reach the address.
    var isLoopback: Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
    }

    var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// Why a setting's value was refused.
struct SettingError: Error, Hashable {
    let reason: String
}
