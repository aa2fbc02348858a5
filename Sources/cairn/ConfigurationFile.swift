// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Foundation
import Maintenance
import OCI
import Registry
import Retention
import Trust
import Webhooks
import Yams

/// Where a bad setting stood, and why it was refused.
struct ConfigurationError: Error, CustomStringConvertible {
    let description: String
}

extension Configuration {
    /// The largest configuration file read, in bytes.
    static let fileLimit = 1024 * 1024

    /// Settings in order of rising precedence: defaults, the file, the environment. Command line options come after.
    ///
    /// - Throws: A `ConfigurationError` that names the file and line, or the variable, and the reason.
    static func load(file: String?, environment: [String: String]) throws(ConfigurationError) -> Configuration {
        var configuration = Configuration()
        if let file {
            configuration.file = file
            try configuration.read(file: file)
        }
        for setting in Setting.allCases {
            guard let text = environment[setting.variable] else { continue }
            do {
                try setting.apply(text, to: &configuration)
            } catch {
                throw ConfigurationError(description: "environment variable \(setting.variable): \(error.reason)")
            }
        }
        try configuration.telemetry.complete(environment)
        if let text = environment[passphraseVariable], !text.isEmpty {
            configuration.logKeyPassphrase = Array(text.utf8)
        }
        return configuration
    }

    /// The section `access` of a file, read alone: what other sections name, such as files of secrets, need not be
    /// there.
    ///
    /// - Returns: nil where there is none.
    /// - Throws: As `load`.
    static func access(file: String) throws(ConfigurationError) -> AccessConfiguration? {
        guard let mapping = try document(file)?.mapping, let section = mapping[accessSection] else { return nil }
        var configuration = Configuration()
        try configuration.read(Node([(Node(accessSection), section)]), file: file)
        return configuration.access
    }

    private mutating func read(file: String) throws(ConfigurationError) {
        guard let document = try Self.document(file) else { return }
        try read(document, file: file)
        try checkExemptions(file: file)
    }

    private static func document(_ file: String) throws(ConfigurationError) -> Node? {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ConfigurationError(description: "\(file): the file cannot be read")
        }
        guard data.count <= fileLimit else {
            throw ConfigurationError(description: "\(file): the file is over \(fileLimit) bytes")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw ConfigurationError(description: "\(file): the file is not UTF-8")
        }
        do {
            return try Yams.compose(yaml: text)
        } catch {
            throw ConfigurationError(description: "\(file): not YAML: \(error)")
        }
    }

    /// The principals that rules of trust exempt are written as in access rules, whose groups they may name.
    private func checkExemptions(file: String) throws(ConfigurationError) {
        for rule in trust?.rules ?? [] {
            for pattern in rule.exempt {
                do {
                    _ = try PrincipalPattern(parsing: pattern, groups: access?.groups ?? [:])
                } catch {
                    throw ConfigurationError(description: "\(file):\(rule.line ?? 1): 'exempt': \(error.reason)")
                }
            }
        }
    }

    private mutating func read(_ document: Node, file: String) throws(ConfigurationError) {
        guard let mapping = document.mapping else {
            throw ConfigurationError(description: "\(file):1: the file must hold 'setting: value' lines")
        }
        let directory = URL(fileURLWithPath: file).deletingLastPathComponent().path
        for (key, value) in mapping {
            let name = key.scalar?.string ?? "?"
            do {
                if try readSection(name, value, directory: directory) { continue }
            } catch {
                throw ConfigurationError(
                    description: "\(file):\(error.line ?? key.mark?.line ?? 1): \(error.reason)"
                )
            }
            if Self.sections.contains(name), let section = value.mapping {
                for (inner, value) in section {
                    try apply("\(name)-\(inner.scalar?.string ?? "?")", inner, value, file: file, directory: directory)
                }
            } else {
                try apply(name, key, value, file: file, directory: directory)
            }
        }
    }

    /// Reads a section that has a form of its own; false for the name of something else.
    private mutating func readSection(
        _ name: String,
        _ value: Node,
        directory: String
    ) throws(SectionError) -> Bool {
        switch name {
        case Self.accessSection:
            access = try SectionError.from { () throws(AccessError) in
                try AccessConfiguration(value, directory: directory)
            }
        case Self.trustSection:
            trust = try SectionError.from { () throws(TrustError) in
                try TrustPolicy(value, directory: directory, readKey: TrustFiles.readKey)
            }
        case Self.retentionSection:
            retention = try SectionError.from { () throws(RetentionError) in try RetentionSettings(value) }
        case Self.scanSection: scan = try Self.patterns(value, of: name)
        case Self.replicatedSection: waitReplicated = try Self.patterns(value, of: name)
        case RegionSettings.section: regions = try RegionSettings.list(value, directory: directory)
        case UpstreamSettings.section: upstreams = try UpstreamSettings.list(value, directory: directory)
        case ObjectivesSettings.section: objectives = try ObjectivesSettings(value)
        case ProbeSettings.section: probe = try ProbeSettings(value, directory: directory)
        case ScrubSettings.section: scrub = try ScrubSettings(value)
        case HookSettings.section: webhooks = try HookSettings.list(value, directory: directory)
        case ReleaseSettings.section: releases = try ReleaseSettings(value)
        case TelemetrySettings.section: telemetry = try TelemetrySettings(value)
        case MetricsSettings.section: metrics = try MetricsSettings(value)
        case CollectionSettings.section: collection = try CollectionSettings(value)
        case _ where LogSettings.sections.contains(name): try log.read(name, value)
        default: return false
        }
        return true
    }

    /// The mapping that says who may do what.
    static let accessSection = "access"
    /// The mapping that says what images have to carry.
    static let trustSection = "trust"
    /// The mapping that says what may go, and when.
    static let retentionSection = "retention"
    /// The list of repositories whose images are scanned for secrets.
    static let scanSection = "scan-secrets"
    /// The list of repositories whose pushes wait for another region.
    static let replicatedSection = "wait-replicated"
    /// The settings that are mappings and lists.
    private static let mappings = [
        accessSection, trustSection, scanSection, replicatedSection, retentionSection, RegionSettings.section,
        UpstreamSettings.section, ScrubSettings.section, CollectionSettings.section, ReleaseSettings.section,
        HookSettings.section, TelemetrySettings.section, MetricsSettings.section, ObjectivesSettings.section,
        ProbeSettings.section,
    ]
    /// Settings that may stand together: `tls: {key: F}` is `tls-key: F`.
    private static let sections: Set<String> = ["tls"]

    /// `["team/**"]`
    private static func patterns(_ value: Node, of section: String) throws(SectionError) -> [Glob] {
        guard let patterns = value.sequence, patterns.count <= 64 else {
            throw SectionError(.invalid, "'\(section)' is a list of at most 64 patterns", line: nil)
        }
        var globs: [Glob] = []
        for pattern in patterns {
            do {
                globs.append(try Glob(parsing: pattern.scalar?.string ?? ""))
            } catch {
                throw SectionError(.invalid, "'\(section)': \(error.reason)", line: pattern.mark?.line)
            }
        }
        return globs
    }

    /// Sets one setting; a path of the file is taken from the file's directory.
    private mutating func apply(
        _ name: String,
        _ key: Node,
        _ value: Node,
        file: String,
        directory: String
    ) throws(ConfigurationError) {
        let place = "\(file):\(key.mark?.line ?? 1)"
        guard let setting = Setting(rawValue: name) else {
            let known =
                (Setting.allCases.map(\.rawValue) + Self.mappings
                + LogSettings.sections.sorted()).joined(separator: ", ")
            throw ConfigurationError(description: "\(place): unknown setting '\(name)'; the settings are \(known)")
        }
        guard let scalar = value.scalar else {
            throw ConfigurationError(description: "\(place): '\(name)' takes one value, not a list or mapping")
        }
        let isRelative = setting.isFile && !scalar.string.hasPrefix("/") && !scalar.string.isEmpty
        do {
            try setting.apply(isRelative ? "\(directory)/\(scalar.string)" : scalar.string, to: &self)
        } catch {
            throw ConfigurationError(description: "\(place): '\(name)': \(error.reason)")
        }
    }
}
