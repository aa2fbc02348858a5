// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Testing
import Yams

/// The tag of a repository, not that of a test or of YAML.
typealias Tag = OCI.Tag

/// Configurations of tests, from the text of their `access` mapping.
enum AccessYAML {
    static func read(_ text: String) throws -> AccessConfiguration {
        let node = try #require(try Yams.compose(yaml: text))
        return try AccessConfiguration(node, directory: "/etc/cairn")
    }

    /// Why the text is refused; nil where it is not.
    static func error(_ text: String) throws -> AccessError? {
        let node = try #require(try Yams.compose(yaml: text))
        do {
            _ = try AccessConfiguration(node, directory: "/etc/cairn")
            return nil
        } catch {
            return error
        }
    }

    /// Whether the bytes are a configuration; texts that are not even YAML are none.
    static func accepts(_ bytes: [UInt8]) -> Bool {
        guard let node = try? Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)) else { return false }
        return (try? AccessConfiguration(node, directory: "/etc/cairn")) != nil
    }
}

/// What a parser of this module throws; nil where it throws nothing.
func refused<Value>(_ body: () throws(AccessError) -> Value) -> AccessError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
