// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// JSON in the one form of RFC 8785, for values that are hashed: keys sorted by UTF-16 units, no white space, integers
/// only.
enum CanonicalJSON: Sendable, Hashable {
    case null
    case bool(Bool)
    /// At most 2^53 in magnitude: readers of JSON keep no more. Larger numbers travel as strings.
    case integer(Int64)
    case string(String)
    case object([String: CanonicalJSON])

    /// Null for nil.
    init(_ text: String?) {
        self = text.map(CanonicalJSON.string) ?? .null
    }

    var bytes: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    private func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value):
            precondition(value.magnitude <= 1 << 53, "a number that readers of JSON would round")
            writer.integer(value)
        case .string(let value): writer.string(value)
        case .object(let members):
            let sorted = members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
            writer.object { writer in
                for (key, value) in sorted {
                    writer.key(key)
                    value.write(to: &writer)
                }
            }
        }
    }
}
