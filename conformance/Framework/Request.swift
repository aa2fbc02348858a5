// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What is sent after the header section.
enum Body: Sendable {
    /// Nothing; POST, PUT and PATCH then say `Content-Length: 0`.
    case none
    /// With a Content-Length.
    case bytes([UInt8])
    /// Chunked, with no Content-Length.
    case chunked([[UInt8]])

    /// All of it, without the framing.
    var bytes: [UInt8] {
        switch self {
        case .none: []
        case .bytes(let bytes): bytes
        case .chunked(let parts): Array(parts.joined())
        }
    }

    var count: Int { bytes.count }
}

/// One request to the registry.
struct Request: Sendable {
    let method: String
    /// Path and query, or an absolute URL where a registry has answered with one elsewhere.
    let target: String
    var headers: Headers = [:]
    var body: Body = .none

    /// Method and target, for messages.
    var summary: String {
        "\(method) \(target)"
    }

    /// All of the request but its body, of which the length is told, for messages. Credentials are left out.
    var description: String {
        var lines = [summary]
        for field in headers.fields where field.name.lowercased() != "authorization" {
            lines.append("\(field.name): \(field.value)")
        }
        switch body {
        case .none: break
        case .bytes(let bytes): lines.append("(body of \(bytes.count) bytes)")
        case .chunked: lines.append("(chunked body of \(body.count) bytes)")
        }
        return lines.joined(separator: "\n")
    }
}
