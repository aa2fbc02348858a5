// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Observability
import Settings
import Yams

/// The grammar of what the settings of telemetry hold.
extension TelemetrySettings {
    static let endpointRule = "is a URL like http://127.0.0.1:4318, without credentials, a query or /v1/traces"

    static func error(_ variable: String, _ reason: String) -> ConfigurationError {
        ConfigurationError(description: "environment variable \(variable): it \(reason)")
    }

    /// The URL without a slash at its end; nil for what cannot be a receiver's.
    static func endpoint(_ text: String) -> String? {
        guard let url = URLComponents(string: text), ["http", "https"].contains(url.scheme?.lowercased()),
            let host = url.host, !host.isEmpty, url.user == nil, url.password == nil, url.query == nil,
            url.fragment == nil, !url.path.hasSuffix("/v1/traces"), !url.path.hasSuffix("/v1/metrics")
        else { return nil }
        var text = text
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }

    static func rate(_ text: String) -> Double? {
        Double(text).flatMap { (0...1).contains($0) ? $0 : nil }
    }

    /// Whether this can stand in a request: a token, and a value of visible characters and spaces.
    static func isHeader(_ name: String, _ value: String) -> Bool {
        let isToken = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
        let reserved = [
            "content-type", "content-length", "content-encoding", "transfer-encoding", "host", "connection",
        ]
        return isToken && !name.isEmpty && !reserved.contains(name.lowercased())
            && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }

    /// `name=value` with commas between them, values percent-encoded: as OpenTelemetry writes lists in variables.
    static func list(_ text: String, _ variable: String) throws(ConfigurationError) -> [(String, String)] {
        var pairs: [(String, String)] = []
        for part in text.split(separator: ",") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = halves[0].trimmingCharacters(in: .whitespaces)
            guard halves.count == 2, !name.isEmpty,
                let value = halves[1].trimmingCharacters(in: .whitespaces).removingPercentEncoding,
                value.utf8.count <= SettingsLimits.textBytesLimit, name.utf8.count <= SettingsLimits.wordBytesLimit
            else { throw error(variable, "is a list like name=value,other=value") }
            pairs.append((name, value))
        }
        guard pairs.count <= TelemetryLimits.settings else {
            throw error(variable, "names more than \(TelemetryLimits.settings)")
        }
        return pairs
    }

    /// A mapping of texts, in the order of the file.
    static func pairs(
        _ fields: YAMLFields<SectionError>,
        _ key: String
    ) throws(SectionError) -> [(String, String)] {
        guard let node = fields.node(key) else { return [] }
        guard let mapping = node.mapping, mapping.count <= TelemetryLimits.settings else {
            throw fields.error(key, "is a mapping of at most \(TelemetryLimits.settings) names to texts")
        }
        var pairs: [(String, String)] = []
        for (name, value) in mapping {
            guard let name = name.scalar?.string, let value = value.scalar?.string, !name.isEmpty,
                name.utf8.count <= SettingsLimits.wordBytesLimit, value.utf8.count <= SettingsLimits.textBytesLimit
            else { throw fields.error(key, "is a mapping of names to texts") }
            pairs.append((name, value))
        }
        return pairs
    }
}
