// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Logging
import Transparency

/// The settings, under the names that the configuration file uses; the one table from which file, environment and the
/// help text are read.
enum Setting: String, CaseIterable {
    case root
    case listen
    case allowAnonymous = "allow-anonymous"
    case unsafeFilesystem = "unsafe-filesystem"
    case logLevel = "log-level"
    case logFormat = "log-format"
    case accessLog = "access-log"
    case drainSeconds = "drain-seconds"
    case maximumBlobBytes = "maximum-blob-bytes"
    case tlsCertificate = "tls-certificate"
    case tlsKey = "tls-key"
    case tlsClientCA = "tls-client-ca"
    case signer
    case logOrigin = "log-origin"
    case regionName = "region-name"

    /// The environment variable: `CAIRN_` and the name in capitals.
    var variable: String {
        "CAIRN_" + rawValue.uppercased().replacing("-", with: "_")
    }

    /// Whether the value is the path of a file that belongs to the configuration.
    var isFile: Bool { [.tlsCertificate, .tlsKey, .tlsClientCA, .signer].contains(self) }

    var help: String {
        switch self {
        case .root: "directory of all data (default ./cairn-data)"
        case .listen: "HOST:PORT to listen on (default 127.0.0.1:5000; port 0 takes a free one)"
        case .allowAnonymous: "true: listen beyond loopback although everyone may push, pull and delete (default false)"
        case .unsafeFilesystem: "true: accept NFS, overlay or tmpfs, where a power cut may lose pushes (default false)"
        case .logLevel: "trace, debug, info, notice, warning, error or critical (default info)"
        case .logFormat: "auto, json or human (default auto: human on a terminal)"
        case .accessLog: "false: no line per request (default true)"
        case .drainSeconds: "seconds that work in flight may take after SIGTERM, 1 to 3600 (default 30)"
        case .maximumBlobBytes: "largest blob accepted, in bytes (default 53687091200)"
        case .tlsCertificate: "file (PEM) of the certificate and its chain; with it Cairn speaks TLS"
        case .tlsKey: "file (PEM) of the certificate's private key"
        case .signer: "directory, best on another volume, of the log's key and what it has signed (default ROOT.signer)"
        case .logOrigin: "name of the log: this registry's URL without the scheme (default localhost/log/STORE-ID)"
        case .regionName: "what this region is called in figures, as other regions call it (default: the log's name)"
        case .tlsClientCA: "file (PEM) of the authorities whose client certificates are accepted"
        }
    }

    /// Parses a value and sets it.
    ///
    /// - Throws: A `SettingError` that says what values are accepted.
    func apply(_ text: String, to configuration: inout Configuration) throws(SettingError) {
        switch self {
        case .root: configuration.root = try Self.path(text)
        case .listen: configuration.listen = try ListenAddress(parsing: text)
        case .allowAnonymous: configuration.allowAnonymous = try Self.boolean(text)
        case .unsafeFilesystem: configuration.unsafeFilesystem = try Self.boolean(text)
        case .logLevel:
            guard let level = Logger.Level(rawValue: text) else {
                throw SettingError(
                    reason: "'\(text)' is not one of \(Self.list(Logger.Level.allCases.map(\.rawValue)))"
                )
            }
            configuration.logLevel = level
        case .logFormat:
            guard let format = Configuration.LogFormat(rawValue: text) else {
                let names = Configuration.LogFormat.allCases.map(\.rawValue)
                throw SettingError(reason: "'\(text)' is not one of \(Self.list(names))")
            }
            configuration.logFormat = format
        case .accessLog: configuration.accessLog = try Self.boolean(text)
        case .drainSeconds: configuration.drainSeconds = Int(try Self.number(text, in: 1...3600))
        case .tlsCertificate: configuration.tlsCertificate = try Self.path(text)
        case .tlsKey: configuration.tlsKey = try Self.path(text)
        case .tlsClientCA: configuration.tlsClientCA = try Self.path(text)
        case .signer: configuration.signer = try Self.path(text)
        case .logOrigin: configuration.logOrigin = try Self.origin(text)
        case .regionName: configuration.regionName = try Self.word(text)
        case .maximumBlobBytes:
            configuration.maximumBlobBytes = try Self.number(text, in: 1...(1 << 50))
        }
    }

    private static func path(_ text: String) throws(SettingError) -> String {
        guard !text.isEmpty, !text.utf8.contains(0) else { throw SettingError(reason: "the path is empty") }
        return text
    }

    private static func origin(_ text: String) throws(SettingError) -> String {
        guard (try? KeyName(parsing: text)) != nil, !text.contains("://") else {
            throw SettingError(
                reason: "'\(text)' is no name of a log: write this registry's URL without https://, no spaces and no +"
            )
        }
        return text
    }

    private static func word(_ text: String) throws(SettingError) -> String {
        let isWord = text.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "._-".utf8.contains(byte)
        }
        guard isWord, (1...64).contains(text.utf8.count) else {
            throw SettingError(reason: "'\(text)' is no name of a region: 1 to 64 letters, digits, '.', '_' and '-'")
        }
        return text
    }

    private static func boolean(_ text: String) throws(SettingError) -> Bool {
        switch text {
        case "true": return true
        case "false": return false
        default: throw SettingError(reason: "'\(text)' is neither true nor false")
        }
    }

    private static func number(_ text: String, in range: ClosedRange<Int64>) throws(SettingError) -> Int64 {
        guard let value = Int64(text), range.contains(value) else {
            throw SettingError(
                reason: "'\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    private static func list(_ names: [String]) -> String {
        names.joined(separator: ", ")
    }
}
