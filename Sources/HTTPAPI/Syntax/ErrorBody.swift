// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// One error as clients read it: the specification's code, a sentence, and whatever helps to do better.
struct ErrorEntry: Sendable {
    var code: ErrorCode
    var message: String
    /// Names and values for the `detail` object, in order.
    var detail: [(key: String, value: Detail)] = []

    enum Detail: Sendable {
        case text(String)
        case number(Int64)
        case list([String])
    }
}

/// The error body of the distribution specification: `{"errors":[{"code","message","detail"}]}`.
enum ErrorBody {
    static func encode(_ entries: [ErrorEntry]) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("errors")
            json.array { json in
                for entry in entries { encode(entry, into: &json) }
            }
        }
        return json.bytes
    }

    private static func encode(_ entry: ErrorEntry, into json: inout JSONWriter) {
        json.object { json in
            json.key("code")
            json.string(entry.code.rawValue)
            json.key("message")
            json.string(entry.message)
            guard !entry.detail.isEmpty else { return }
            json.key("detail")
            json.object { json in
                for (key, value) in entry.detail {
                    json.key(key)
                    switch value {
                    case .text(let text): json.string(text)
                    case .number(let number): json.integer(number)
                    case .list(let items): json.array { json in for item in items { json.string(item) } }
                    }
                }
            }
        }
    }
}
